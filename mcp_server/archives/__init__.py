"""Archives: the same members are the same bytes, made once however many ask, and sent from disk."""
