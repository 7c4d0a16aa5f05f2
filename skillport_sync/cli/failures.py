"""Owns how a command fails: which exit code, which sentence on stderr, and that nothing expected shows a traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from skillport_sync.errors import Invalid, Missing, SkillportError


class ExitCode(IntEnum):
    """Documented in ``--help``: scripts rely on them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    IN_USE = 4


EXIT_CODES_HELP = """\b
Exit codes:
  0  in step, done
  1  failed: GitHub, network, disk, data; lint or doctor found something
  2  wrong usage or configuration; nothing was done
  3  refused or held: the commit was read and is not published
  4  another process holds the data directory
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a person is told. ``details`` say where, and what to do."""

    code: ExitCode
    what: str
    details: tuple[str, ...] = ()


def failures_of(error: BaseException) -> list[Failure] | None:
    """What to say of an error; None where it is not an expected one and deserves its traceback."""
    failures: list[Failure] = []
    for leaf in _leaves(error):
        failure = _failure(leaf)
        if failure is None:
            return None
        if failure not in failures:
            failures.append(failure)
    return failures


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group: what fails inside a TaskGroup arrives wrapped."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _failure(error: BaseException) -> Failure | None:
    if isinstance(error, SkillportError):
        return _known(error)
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return _of_the_system(error)
    return None


def _known(error: SkillportError) -> Failure:
    if error.code == "config_invalid":
        # Imported here: whoever has such an error has loaded it already, and --help need not.
        from skillport_sync.config import ConfigInvalid

        if isinstance(error, ConfigInvalid):
            wrong = len(error.complaints)
            what = "the configuration is wrong" if wrong == 1 else f"the configuration is wrong in {wrong} places"
            return Failure(ExitCode.USAGE, what, tuple(map(str, error.complaints)))
    if error.code == "data_directory_in_use":
        return Failure(ExitCode.IN_USE, error.message)
    if error.code == "port_taken" or isinstance(error, Invalid | Missing):
        return Failure(ExitCode.USAGE, error.message)
    return Failure(ExitCode.FAILED, error.message)


def _of_the_system(error: OSError) -> Failure:
    reason = (error.strerror or type(error).__name__).lower()
    advice = {
        errno.ENOSPC: "free some space, then run the command again",
        errno.EROFS: "set data_dir to a directory that can be written",
        errno.EACCES: "run the command as the user who owns it, or change its mode",
    }.get(error.errno or 0)
    return Failure(ExitCode.FAILED, f"{error.filename}: {reason}", (advice,) if advice is not None else ())
