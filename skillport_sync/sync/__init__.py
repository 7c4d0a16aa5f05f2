"""GitHub → publication. One way in, ``pull``; one caller of it, ``loop``; one at a time per marketplace."""
