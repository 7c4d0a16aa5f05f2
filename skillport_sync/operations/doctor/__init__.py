"""The examination of a service: what its operator can see from inside, and what a client would meet from outside, up to a tool
call where nobody has to prove who they are.

Everything from outside is asked at ``Settings.base_url``, as a client would. Never says a secret of the service, nor a code, a
state or a token that it is given on its way.
"""

from skillport_sync.operations.doctor.examination import examine

__all__ = ["examine"]
