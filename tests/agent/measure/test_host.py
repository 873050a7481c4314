"""One measures at a time, and who has to wait can tell."""

from __future__ import annotations

import asyncio

from benchfleet.agent.measure import host


async def test_a_turn_is_taken_while_somebody_measures_and_free_again_after(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "lock"))
    assert not host.taken()
    async with host.turn(asyncio.Event()) as alone:
        assert alone
        assert host.taken()
    assert not host.taken()


def test_a_lock_that_cannot_be_opened_is_nobody_s(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHFLEET_HOST_LOCK", str(tmp_path / "none" / "lock"))
    assert not host.taken()
