"""Skillport Sync: a private Claude plugin marketplace, mirrored from GitHub and served to every Claude surface."""

__version__ = "0.1.0"
