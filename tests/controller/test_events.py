"""What a watcher is told between two looks."""

from __future__ import annotations

import asyncio

from benchfleet.controller.events import Hub


def test_changes_between_two_looks_are_one_look_at_their_runs():
    hub = Hub()
    with hub.watch("c-1") as watch:
        for run in ("a", "b", "a"):
            hub.changed("c-1", run)
        hub.changed("c-2", "z")
        assert watch.take() == {"a", "b"}
        assert watch.take() == set()


def test_a_change_of_any_run_is_a_look_at_all_of_them():
    hub = Hub()
    with hub.watch("c-1") as watch:
        hub.changed("c-1", "a")
        hub.changed("c-1")
        assert watch.take() is None
        hub.changed("c-1", "b")
        assert watch.take() == {"b"}


async def test_a_change_after_a_look_ends_the_wait_and_one_before_it_does_not():
    hub = Hub()
    with hub.watch("c-1") as watch:
        hub.changed("c-1", "a")
        watch.take()
        waiting = asyncio.create_task(watch.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        hub.changed("c-1", "b")
        await waiting
        assert watch.take() == {"b"}


def test_a_watch_that_ended_is_told_of_nothing():
    hub = Hub()
    with hub.watch("c-1") as ended:
        pass
    hub.changed("c-1", "a")
    assert ended.take() == set()
