"""The room of Claude Code's native install: the catalog that one person may read, and the archives it points to."""
