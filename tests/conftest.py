"""Owns what every test may stand on: a GitHub of its own, and a log that nobody has to read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from skillport_sync.standin import StandInGitHub

TOKEN = "token-of-the-tests"

# How long an example takes says something of the machine, not of the code: a busy one must not fail a property.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(autouse=True)
def quiet_log() -> None:
    """Log lines go nowhere: a thousand would hide why a test failed. ``structlog.testing.capture_logs`` still sees all.

    Anew for every test, so that one which configures the log takes nothing from those that look into it.
    """
    structlog.reset_defaults()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.ReturnLoggerFactory()
    )


@pytest.fixture
async def standin() -> AsyncIterator[StandInGitHub]:
    """A started stand-in that accepts one token, ``token-of-the-tests``; closed afterwards."""
    github = StandInGitHub()
    github.accept_token(TOKEN)
    await github.start()
    yield github
    await github.close()
