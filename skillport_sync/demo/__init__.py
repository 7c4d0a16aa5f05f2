"""Owns the demo: the whole story on one machine, without an account and without a network.

Everything in it is real (service, webhook, SQLite, sign-in, MCP client over HTTP) but GitHub and the identity provider, which are
stand-ins. Every figure it prints was measured while it ran.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

from rich.console import Console

from skillport_sync.demo.stage import EDITOR, Stage, set_up
from skillport_sync.demo.story import Story
from skillport_sync.reports import TokenRequest

TIME_LIMIT_S = 60.0


def run(*, keep: bool = False) -> int:
    """Tell the story; with ``keep``, go on serving and say how to connect. Returns the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        asyncio.run(_tell(console, keep=keep))
    except KeyboardInterrupt:
        console.print("\nstopped")
    return 0


async def _tell(console: Console, *, keep: bool) -> None:
    began_s = time.perf_counter()
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(TIME_LIMIT_S):
            console.rule("[bold]Skillport Sync[/bold], the whole story: no account, no network", align="left")
            stage = await stack.enter_async_context(set_up())
            await Story(console, stage).tell()
        console.print(
            f"\n[bold]Done[/bold] in {time.perf_counter() - began_s:.1f} s. Only GitHub and the identity provider were stand-ins."
        )
        if not keep:
            console.print(
                "Next: [cyan]skillport-sync demo --keep[/cyan] to connect Claude Code, or README.md, “Your own repository”."
            )
            return
        await _say_how_to_connect(console, stage)
        await asyncio.Event().wait()


async def _say_how_to_connect(console: Console, stage: Stage) -> None:
    url = f"{stage.service.url}/mcp"
    made = await stage.service.operator.create_token(TokenRequest(EDITOR, "demo"))
    console.print(
        f"""
Serving until you press Ctrl-C. Connect Claude Code to it, then sign in with /mcp, as anybody you like:

  [cyan]claude mcp add --transport http skillport {url}[/cyan]

or, where there is no browser, with an API token:

  [cyan]claude mcp add --transport http skillport {url} \\
    --header "Authorization: Bearer {made.token}"[/cyan]

then ask: which skills does our company have?"""
    )
