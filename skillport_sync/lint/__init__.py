"""What is wrong with a marketplace, where, which surfaces it breaks, and how to mend it. Pure apart from ``directory``."""
