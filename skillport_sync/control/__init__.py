"""The control socket: how a command asks the service that is running beside it.

HTTP over a Unix socket in the data directory that only the service's own user may open; that file mode is the whole of its
access control. One POST a question, JSON both ways, one JSON object a line where the answer comes in parts.
"""

from skillport_sync.control.client import ControlClient
from skillport_sync.control.operator import Operator, RemoteOperator, connect, control_socket
from skillport_sync.control.server import ControlServer

__all__ = ["ControlClient", "ControlServer", "Operator", "RemoteOperator", "connect", "control_socket"]
