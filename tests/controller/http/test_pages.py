"""A scrape of a large fleet must not hold up the loop that its agents live on."""

from __future__ import annotations

import threading
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from benchfleet.controller.fleet.sessions import LiveSession, Sessions
from benchfleet.controller.http import pages
from benchfleet.controller.store import Store
from benchfleet.core.clock import ManualClock


async def test_the_text_of_a_scrape_is_made_beside_the_loop(tmp_path: Path, monkeypatch) -> None:
    made_by = []
    real = pages.render

    def watched(families):
        made_by.append(threading.current_thread())
        return real(families)

    monkeypatch.setattr(pages, "render", watched)
    store, sessions = Store(tmp_path), Sessions()
    sessions.open(LiveSession(device="pi", incarnation=1, instance_id="a"))
    try:
        application = pages.Pages(store, sessions, "h:1", ManualClock()).application()
        async with TestClient(TestServer(application)) as client:
            text = await (await client.get("/metrics")).text()
    finally:
        store.close()
    assert 'benchfleet_telemetry_dropped_samples_total{device="pi"} 0.0' in text
    assert "benchfleet_scrape_seconds" in text
    assert made_by
    assert all(thread is not threading.main_thread() for thread in made_by)
