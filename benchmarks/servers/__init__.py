"""The processes that are measured or compared with. Each is started by ``processes.child`` and ends when its input does."""
