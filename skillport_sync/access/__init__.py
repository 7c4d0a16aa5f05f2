"""Who may do what. Pure: no I/O, no clock, no log."""
