"""Who watches what: changes of a campaign reach its watchers; many changes before one look are one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Watch:
    """What has changed since the last look: a slow watcher costs a set of ids and misses no last state."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._runs: set[str] = set()
        self._everything = False

    def note(self, run_id: str | None) -> None:
        """One run is different now; None: any of them may be."""
        if run_id is None:
            self._everything = True
        else:
            self._runs.add(run_id)
        self._event.set()

    def take(self) -> set[str] | None:
        """The runs to look at, None for all of them; what changes from now on is for the next look."""
        found = None if self._everything else self._runs
        self._runs, self._everything = set(), False
        self._event.clear()
        return found

    async def wait(self) -> None:
        """Until something has changed."""
        await self._event.wait()


class Hub:
    """The watches of each campaign."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Watch]] = {}

    @contextlib.contextmanager
    def watch(self, campaign_id: str) -> Iterator[Watch]:
        """A watch that is told of every change, until the block ends."""
        made = Watch()
        self._watchers.setdefault(campaign_id, set()).add(made)
        try:
            yield made
        finally:
            watchers = self._watchers[campaign_id]
            watchers.discard(made)
            if not watchers:
                del self._watchers[campaign_id]

    def changed(self, campaign_id: str, run_id: str | None = None) -> None:
        """A run of a campaign is different now; without `run_id` any of them may be."""
        for watch in self._watchers.get(campaign_id, ()):
            watch.note(run_id)
