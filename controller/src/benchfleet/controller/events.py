"""Who watches what: changes of a campaign reach its watchers; many changes before one look are one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Hub:
    """One event per watcher and campaign: a slow watcher costs nothing and misses no last state."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def watch(self, campaign_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change, until the block ends."""
        event = asyncio.Event()
        self._watchers.setdefault(campaign_id, set()).add(event)
        try:
            yield event
        finally:
            watchers = self._watchers[campaign_id]
            watchers.discard(event)
            if not watchers:
                del self._watchers[campaign_id]

    def changed(self, campaign_id: str) -> None:
        """Something of a campaign is different now."""
        for event in self._watchers.get(campaign_id, ()):
            event.set()
