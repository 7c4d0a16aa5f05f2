"""Owns the checks by the protocol's own conformance suite: every server scenario that needs no tool of the suite's to be served.

The suite can send no token, so it looks at the service that asks for none. What it is known to fail is in ``conformance.yml``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

from tests.clients.checks import LEGACY, MODERN, Bench, Result

KNOWN = Path(__file__).with_name("conformance.yml")
HANDSHAKE = ("server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection")
STATELESS = (
    "server-stateless",
    "tools-list",
    "dns-rebinding-protection",
    "http-header-validation",
    "caching",
    "resources-list",
    "sep-2164-resource-not-found",
    "input-required-result-missing-input-response",
    "input-required-result-unsupported-methods",
    "input-required-result-ignore-extra-params",
    "input-required-result-validate-input",
)
SKILLS = ("sep-2640-skills-enumeration", "sep-2640-skills-manifest", "sep-2640-skills-directory")


async def version_0_1(name: str, bench: Bench) -> AsyncIterator[Result]:
    """The released suite, which knows the handshake era only."""
    for scenario in HANDSHAKE:
        yield await _scenario(name, bench, LEGACY, scenario)


async def version_0_2(name: str, bench: Bench) -> AsyncIterator[Result]:
    """The one to come, over both wires; it also holds every message against the protocol's JSON schema."""
    for era, scenarios in ((LEGACY, HANDSHAKE), (MODERN, STATELESS)):
        for scenario in scenarios:
            yield await _scenario(name, bench, era, scenario, "--spec-version", era, "--expected-failures", str(KNOWN))
    for scenario in SKILLS:
        # No revision of the protocol has extensions in it, so the suite has to be told that it is meant.
        yield await _scenario(name, bench, MODERN, scenario, "--spec-version", MODERN, "--force")


async def _scenario(name: str, bench: Bench, era: str, scenario: str, *words: str) -> Result:
    suite = bench.package.command("conformance")
    finished = await bench.run([suite, "server", "--url", bench.company.open_url, "--scenario", scenario, *words])
    # Exit code 0 is also what a scenario ends with that was not run at all.
    counted = re.search(r"Passed: (\d+)/\d+, (\d+) failed, (\d+) warnings", finished.out)
    if finished.code == 0 and counted is not None and counted[1] != "0":
        passed, known = int(counted[1]), int(counted[2]) + int(counted[3])
        note = f"{passed} {'check' if passed == 1 else 'checks'}" + (f", {known} more known to fail" if known else "")
        return Result(name, era, scenario, "passed", note)
    failed = re.findall(r"\[(\S+)\s*\] (?:FAILURE|WARNING)", finished.out)
    return Result(name, era, scenario, "failed", f"{', '.join(failed) or 'nothing was checked'}; {finished.why}")
