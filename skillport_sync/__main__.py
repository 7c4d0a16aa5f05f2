"""``python -m skillport_sync``: the same as ``skillport-sync``."""

from skillport_sync.cli import main

if __name__ == "__main__":
    main(prog_name="skillport-sync")
