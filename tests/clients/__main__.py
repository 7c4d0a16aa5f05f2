"""Owns the command line of ``make test-clients``: what is got, what is run behind the fence, the table, and the exit code."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from skillport_sync.config import LogSettings
from skillport_sync.log import configure_logging
from tests.clients import (
    authorization_suite,
    claude_code,
    claude_code_install,
    claude_code_sign_in,
    claude_code_template,
    conformance,
    fence,
    inspector,
    mcp_remote,
    scripted,
    typescript,
    upstream,
)
from tests.clients.checks import Bench, Checks, Outcome, Result
from tests.clients.company import company
from tests.clients.node import Distribution, Node, NotInstalled, Package, install, node

NO_FENCE = "needs a network namespace (`unshare --user --net`), because it calls home, and this machine allows none"
COLOURS: dict[Outcome, str] = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@dataclass(frozen=True, slots=True)
class Client:
    """A client there is. ``fenced``: it is run behind the fence or not at all."""

    name: str
    package: Package | Distribution
    checks: Checks
    fenced: bool = False

    @property
    def title(self) -> str:
        return f"{self.name} {self.package.version}".rstrip()


CLIENTS = {
    "sdk-1": Client("TypeScript SDK", Package("@modelcontextprotocol/sdk", "1.32.2"), typescript.version_1),
    "sdk-2": Client("TypeScript SDK", Package("@modelcontextprotocol/client", "2.4.0"), typescript.version_2),
    "inspector": Client("MCP inspector", Package("@modelcontextprotocol/inspector", "2.12.0"), inspector.check),
    "conformance-0.1": Client(
        "conformance", Package("@modelcontextprotocol/conformance", "0.1.16"), conformance.version_0_1
    ),
    "conformance-0.2": Client(
        "conformance", Package("@modelcontextprotocol/conformance", "0.2.0-alpha.12"), conformance.version_0_2
    ),
    "claude-code": Client(
        "Claude Code", Package("@anthropic-ai/claude-code", "2.1.329", scripts=True), claude_code.check, fenced=True
    ),
    "claude-code-install": Client(
        "Claude Code",
        Package("@anthropic-ai/claude-code", "2.1.329", scripts=True),
        claude_code_install.check,
        fenced=True,
    ),
    "claude-code-template": Client(
        "Claude Code",
        Package("@anthropic-ai/claude-code", "2.1.329", scripts=True),
        claude_code_template.check,
        fenced=True,
    ),
    "sign-in-python": Client("Python SDK", Distribution("mcp"), scripted.python_sdk),
    "sign-in-sdk-1": Client("TypeScript SDK", Package("@modelcontextprotocol/sdk", "1.32.2"), scripted.typescript_1),
    "sign-in-sdk-2": Client("TypeScript SDK", Package("@modelcontextprotocol/client", "2.4.0"), scripted.typescript_2),
    "sign-in-mcp-remote": Client("mcp-remote", Package("mcp-remote", "0.15.1"), mcp_remote.check),
    "sign-in-claude-code": Client(
        "Claude Code",
        Package("@anthropic-ai/claude-code", "2.1.329", scripts=True),
        claude_code_sign_in.check,
        fenced=True,
    ),
    "sign-in-inspector": Client(
        "MCP inspector", Package("@modelcontextprotocol/inspector", "2.12.0"), inspector.signed_in
    ),
    "sign-in-conformance": Client(
        "conformance", Package("@modelcontextprotocol/conformance", "0.2.0-alpha.12"), authorization_suite.check
    ),
    "upstream-certified": Client("oidc-provider", Package("oidc-provider", "9.13.3"), upstream.oidc_provider),
    "upstream-mock": Client("oidc-provider-mock", Distribution("oidc-provider-mock"), upstream.oidc_provider_mock),
}


def main() -> int:
    """0 when nothing failed, or when there is no Node to be had; 1 when something did, by name."""
    arguments = _arguments()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 170)
    clients = {name: CLIENTS[name] for name in arguments.only or CLIENTS}
    try:
        runtime = node()
    except NotInstalled as error:
        console.print(f"skipped: the clients need Node, and it cannot be had: {error}")
        return 0
    if arguments.behind_fence:
        fence.raise_loopback()
    else:
        way = fence.behind()
        if way is not None:
            _get(console, runtime, clients.values())
            os.execvp(way[0], [*way, sys.executable, "-m", "tests.clients", "--behind-fence", *sys.argv[1:]])
        _get(console, runtime, [client for client in clients.values() if not client.fenced])
    where = "nothing but loopback is reachable" if arguments.behind_fence else "no fence around them"
    console.print(f"Node {runtime.version} ({runtime.binary}); {where}", style="dim", soft_wrap=True)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        results = runner.run(_check(console, runtime, clients, behind_fence=arguments.behind_fence))
    return _conclude(console, results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.clients", description="Real clients against the real service."
    )
    parser.add_argument("--only", nargs="+", choices=CLIENTS, metavar="CLIENT", help=f"of: {', '.join(CLIENTS)}")
    parser.add_argument("--behind-fence", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What ``skillport-sync serve`` runs on: uvloop where it is installed, which does not behave like asyncio's in everything."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _get(console: Console, runtime: Node, clients: Iterable[Client]) -> None:
    """Install what is missing. What cannot be had is said here; its client fails later, by name."""
    for client in clients:
        if client.package.is_here or isinstance(client.package, Distribution):
            continue
        console.print(f"installing {client.title} …", style="dim")
        try:
            install(runtime, client.package)
        except NotInstalled as error:
            console.print(f"{client.title} cannot be had: {error}", style="red", soft_wrap=True)


async def _check(console: Console, runtime: Node, clients: Mapping[str, Client], *, behind_fence: bool) -> list[Result]:
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="skillport-clients-") as folder:
        async with company(Path(folder)) as there:
            for name, client in clients.items():
                home = Path(folder) / name
                home.mkdir()
                with console.status(f"{client.title} …"):
                    if client.fenced and not behind_fence:
                        results.append(Result(client.title, "", "all", "skipped", NO_FENCE))
                    elif not client.package.is_here and isinstance(client.package, Distribution):
                        note = f"the package {client.package.name} is not installed here"
                        results.append(Result(client.title, "", "all", "skipped", note))
                    elif not client.package.is_here:
                        results.append(Result(client.title, "", "installs", "failed", "cannot be had: see above"))
                    else:
                        bench = Bench(runtime, client.package, there, home)
                        results += [result async for result in client.checks(client.title, bench)]
    return results


def _conclude(console: Console, results: list[Result]) -> int:
    table = Table("client", "era", "check", "", "", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for result in results:
        seen = "" if result.outcome == "failed" else result.note
        outcome = f"[{COLOURS[result.outcome]}]{result.outcome}[/]"
        table.add_row(result.client, result.era, result.check, outcome, escape(seen))
    console.print(table)
    failed = [result for result in results if result.outcome == "failed"]
    for result in failed:
        where = " · ".join(part for part in (result.client, result.era, result.check) if part)
        console.print(f"\n[bold red]failed[/] {escape(where)}\n  {escape(result.note)}", soft_wrap=True)
    counts = Counter(result.outcome for result in results)
    console.print("\n" + ", ".join(f"{counts[outcome]} {outcome}" for outcome in COLOURS if counts[outcome]))
    return 1 if failed or not results else 0


if __name__ == "__main__":
    configure_logging(LogSettings("error", "json"), io.StringIO())
    sys.exit(main())
