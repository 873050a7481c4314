"""The build stage: a runtime that makes an engine for the device makes it before anything is measured, in a process of
its own, with a limit on time and on memory. Engines are kept, since one takes minutes.

What is kept is private to the agent and bounded; the name of an engine holds all that it depends on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchfleet.agent.measure.lane import Lane, LaneFault

BUILD_S_MAX = 1800.0
"""A large network takes a quarter of an hour on a small board; the attempt's own timeout may be shorter."""
MEMORY_SHARE_MAX = 0.8
"""Of the device's memory: beyond, the kernel would look for somebody to kill, and might find the agent."""
ENGINES_BYTES_MAX = 8 * 1024**3
"""Of all engines together; those unused for longest go first."""
WATCH_S = 0.25


def folder() -> Path:
    """Where engines are kept: BENCHFLEET_ENGINES, else the user's cache; made for nobody else to write."""
    told = os.environ.get("BENCHFLEET_ENGINES")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    found = Path(told) if told else cache / "benchfleet" / "engines"
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    about = found.stat()
    if about.st_uid != os.geteuid() or about.st_mode & 0o022:
        raise LaneFault("build", "build", f"{found}: others can write here, and an engine is code; chmod 700 it")
    return found


async def engine(lane: Lane, within_s: Callable[[float], float]) -> tuple[Path, dict[str, Any]]:
    """The engine and the facts of its build; LaneFault when it takes too long, or too much memory, or is refused."""
    kept = folder()
    await lane.start(within_s(BUILD_S_MAX))
    too_much: list[int] = []
    watch = asyncio.create_task(_watch(lane, too_much))
    try:
        done = await lane.command("build", within_s(BUILD_S_MAX), 60.0, folder=str(kept))
        await lane.stop()
    except LaneFault as fault:
        if too_much:
            raise LaneFault(
                "oom", "build", f"building took {too_much[0] / 1e6:.0f} MB, over {MEMORY_SHARE_MAX:.0%} of memory"
            ) from fault
        raise
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await lane.kill()
    path = Path(str(done["path"]))
    if path.parent != kept:
        raise LaneFault("build", "build", "the runtime built its engine elsewhere than told")
    await asyncio.to_thread(_prune, kept, path)
    facts = {**done["facts"], "engine_reused": bool(done["reused"])}
    if not done["reused"]:
        facts["build_ms"] = done["spent_ns"] * 1e-6
    return path, facts


async def _watch(lane: Lane, too_much: list[int]) -> None:
    """Ends the process that takes too much: CUDA reserves address space, so no limit of the kernel's would do."""
    limit = int(MEMORY_SHARE_MAX * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    while True:
        await asyncio.sleep(WATCH_S)
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{lane.pid}/statm").read_text().split()[1])
            if pages * os.sysconf("SC_PAGE_SIZE") > limit:
                too_much.append(pages * os.sysconf("SC_PAGE_SIZE"))
                await lane.kill()
                return


def _prune(kept: Path, used: Path) -> None:
    """Removes the engines unused for longest until the rest fits; the one in use stays."""
    os.utime(used)
    engines = sorted(kept.glob("*.plan"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in engines:
        total += path.stat().st_size
        if total > ENGINES_BYTES_MAX and path != used:
            path.unlink(missing_ok=True)
            path.with_name(path.name + ".sha256").unlink(missing_ok=True)
