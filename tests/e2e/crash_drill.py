"""The drill behind ``test_crash``: ``crash_drill.py FOLDER KILLS``. Prints a report; exits 1 with the story when a promise broke.

Three kinds of process: a stand-in GitHub whose branch moves on every few milliseconds, the victims, and this one, which kills
them. Each commit writes its number into every file, so a mix of two commits shows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from skillport_sync.compose import open_parts
from skillport_sync.config import Settings, load
from skillport_sync.standin import StandInGitHub

FILES = 150  # enough for an archive on the first sync, and for several batches
EVERY_S = 0.01
STARTS_WITHIN_S = 20.0
LONGEST_LIFE_S = 0.1


def commit_files(number: int) -> dict[str, bytes]:
    skill = f"---\nname: s\ndescription: number {number}\n---\n{number}\n".encode()
    return {"all/skills/s/SKILL.md": skill} | {
        f"all/skills/s/{at:03}.md": f"{at} {number}\n".encode() for at in range(FILES)
    }


async def github(say: Callable[[str], None], until_told: int) -> None:
    """A repository that never stands still; stops moving when told, and says where it stopped."""
    hub = StandInGitHub()
    hub.accept_token("token")
    repository = hub.create_repository("acme/skills")
    manifest = {"name": "acme", "owner": {"name": "Acme"}, "plugins": [{"name": "all", "source": "./all"}]}
    repository.commit({".claude-plugin/marketplace.json": json.dumps(manifest).encode(), **commit_files(0)})
    say(await hub.start())
    number = 0
    while not select.select([until_told], [], [], 0)[0]:
        number += 1
        # A few files at a time: most pulls fetch blobs one by one, and every tenth all of them.
        files = commit_files(number)
        if number % 10:
            files = {path: content for path, content in files.items() if path.endswith(("SKILL.md", "1.md"))}
        repository.commit(files)
        await asyncio.sleep(EVERY_S)
    os.read(until_told, 1)
    say(repository.head())
    await asyncio.to_thread(select.select, [until_told], [], [])
    await hub.close()


async def victim(settings: Settings, say: Callable[[str], None], *, until_in_step_with: str | None = None) -> None:
    """Start as the service does, prove what is served, then pull for ever (or until in step)."""
    async with open_parts(settings) as parts:
        (mirrored,) = parts.marketplaces.values()
        published = next(iter(parts.current.get().values()), None)
        if published is None:
            say("serving nothing")
        else:
            # The tree is proved against the rows by loading; the contents are proved here, and that they are of one commit.
            report = await parts.mirror.verify(mirrored.name)
            assert report is not None
            problem = f"{report}" if report.corrupt or report.absent or not report.root_matches else ""
            say(f"serving {published.publication.id} {published.snapshot.commit} {problem}".strip())
        while True:
            mirrored.loop.wake("drill")
            await mirrored.loop.settled()
            served = next(iter(parts.current.get().values())).snapshot.commit
            if until_in_step_with is not None and served == until_in_step_with:
                say(f"in step {served}")
                return


class Child:
    """A forked process that runs one coroutine and speaks in lines."""

    def __init__(self, run: Callable[[Callable[[str], None], int], object]) -> None:
        read, write = os.pipe()
        told, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(read)
            os.close(tell)
            code = 1
            try:
                asyncio.run(run(lambda line: os.write(write, line.encode() + b"\n"), told))  # type: ignore[arg-type]
                code = 0
            except BaseException as error:
                os.write(write, f"failed {error!r}\n".encode())
            finally:
                os._exit(code)
        os.close(write)
        os.close(told)
        self._lines = os.fdopen(read)
        self.tell = tell

    def line(self) -> str:
        ready, _, _ = select.select([self._lines], [], [], STARTS_WITHIN_S)
        return self._lines.readline().strip() if ready else "failed to say anything in time"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self) -> None:
        os.waitpid(self.pid, 0)
        self._lines.close()
        os.close(self.tell)


def main(folder: Path, kills: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    dice = random.Random(20261121)
    hub = Child(github)
    (folder / "token").write_text("token")
    (folder / "token").chmod(0o600)
    (folder / "config.toml").write_text(
        f'data_dir = "{folder / "data"}"\n[[marketplaces]]\nrepository = "acme/skills"\n'
        f'[github]\napi_url = "{hub.line()}"\ntoken_file = "{folder / "token"}"\n[auth]\nmode = "token"\n'
    )
    settings = load(folder / "config.toml", {})
    publication, began, life_s = 0, time.monotonic(), LONGEST_LIFE_S
    for _ in range(kills):
        child = Child(lambda say, _told: victim(settings, say))
        words = child.line().split(maxsplit=3)
        if words[0] != "serving" or len(words) > 3:
            sys.exit(f"after {publication}: {' '.join(words)}")
        if words[1] == "nothing":
            if publication:
                sys.exit(f"publication {publication} was served before a kill, and nothing after it")
        elif int(words[1]) < publication:
            sys.exit(f"publication {publication} was served before a kill, {words[1]} after it")
        elif int(words[1]) > publication:
            publication = int(words[1])
            life_s = max(LONGEST_LIFE_S, life_s / 1.5)
        else:  # a busy machine needs longer for a pull, and nobody learns from deaths before it
            life_s = min(LONGEST_LIFE_S * 20, life_s * 1.1)
        time.sleep(dice.uniform(0.0, life_s))
        child.kill()
    os.write(hub.tell, b"s")
    head = hub.line()
    last = Child(lambda say, _told: victim(settings, say, until_in_step_with=head))
    serving, in_step = last.line(), last.line()
    if in_step != f"in step {head}":
        sys.exit(f"did not converge: {serving}; {in_step}; the head is {head}")
    last.wait()
    os.write(hub.tell, b"s")
    hub.wait()
    seconds = round(time.monotonic() - began)
    sys.stdout.write(f"kills={kills} publications={publication} seconds={seconds}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
