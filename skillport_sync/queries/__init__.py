"""Question → answer, from one publication, without any network."""

from skillport_sync.queries.queries import Queries

__all__ = ["Queries"]
