"""The room of the REST API: the same answers as the tool's, at addresses, for scripts and for the skill that teaches them."""
