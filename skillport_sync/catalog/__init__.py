"""Marketplaces, plugins and skills: what the files of a commit mean. Pure: no I/O, no clock, no log."""
