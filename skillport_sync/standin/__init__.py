"""Owns a GitHub in this process, for the demo, the tests and the benchmarks: no account, no network, no surprises.

A second opinion about git and GitHub: it imports none of our ``git``, ``github``, ``webhooks`` or ``store`` and computes object
ids from git's formats itself. ::

    github = StandInGitHub()
    github.accept_token("secret")
    skills = github.create_repository("acme/skills")
    first = skills.commit({"README.md": b"hello"})
    url = await github.start()                              # an API base URL on loopback
    skills.add_hook("http://127.0.0.1:8080/webhooks/github", "webhook-secret")
    await skills.push({"README.md": b"hello again"})        # a commit and its signed delivery
    github.faults.fail_next("GET /git/blobs", status=502)
    await github.close()
"""

from skillport_sync.standin.access import App, Grant
from skillport_sync.standin.edits import Edit, File, Files, NothingThere, Submodule, Symlink
from skillport_sync.standin.events import Announcement, Event, RefChange
from skillport_sync.standin.faults import Faults, Gate
from skillport_sync.standin.hooks import Delivery, Hook
from skillport_sync.standin.hub import StandInGitHub
from skillport_sync.standin.journal import Journal, JournalEntry
from skillport_sync.standin.limits import Limits
from skillport_sync.standin.pulls import CannotMerge, Pull
from skillport_sync.standin.repository import Repository

__all__ = [
    "Announcement",
    "App",
    "CannotMerge",
    "Delivery",
    "Edit",
    "Event",
    "Faults",
    "File",
    "Files",
    "Gate",
    "Grant",
    "Hook",
    "Journal",
    "JournalEntry",
    "Limits",
    "NothingThere",
    "Pull",
    "RefChange",
    "Repository",
    "StandInGitHub",
    "Submodule",
    "Symlink",
]
