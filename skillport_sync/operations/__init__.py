"""What an operator may ask of a mirror: the same answers whether a service runs or the files were opened for one command.

Asks the parts and words their answers as reports. Never prints; never decides who may ask: the control socket's file mode and
the data directory's lock do.
"""

from skillport_sync.operations.mirrored import Mirrored
from skillport_sync.operations.operator import LocalOperator

__all__ = ["LocalOperator", "Mirrored"]
