"""git's object model, computed here so that nothing has to be believed. Pure: no I/O, no clock, no log."""
