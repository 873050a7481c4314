"""The aiohttp application. It reads and never changes anything; it carries no secret and asks for none."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

from benchfleet.controller.fleet.sessions import Sessions
from benchfleet.controller.http import metrics, queries
from benchfleet.controller.http.exposition import CONTENT_TYPE, Family, render
from benchfleet.controller.store import Store
from benchfleet.core.clock import Clock

BODY_BYTES_MAX = 1024
"""Nothing here takes a body."""


class Pages:
    """Handlers over the store and the live sessions."""

    def __init__(self, store: Store, sessions: Sessions, fleet_address: str, clock: Clock) -> None:
        self._store, self._sessions, self._fleet_address, self._clock = store, sessions, fleet_address, clock

    def application(self) -> web.Application:
        """The routes."""
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.add_routes(
            [
                web.get("/metrics", self.metrics),
                web.get("/sd", self.service_discovery),
                web.get("/healthz", self.healthz),
            ]
        )
        return application

    async def metrics(self, request: web.Request) -> web.Response:
        """Prometheus text."""
        started_s = time.monotonic()
        devices = await self._store.read(queries.devices)
        busy = await self._store.read(queries.busy_devices)
        counts = await self._store.read(queries.counts)
        latest = await self._store.read(queries.latest_results)
        # What sessions change is taken here; the text of thousands of series is made beside the loop of the agents.
        readings, online = self._sessions.readings(), set(self._sessions.online())
        gauges = {device: held.gauges(self._clock.monotonic_s()) for device, held in readings.items()}
        lost = metrics.telemetry(readings)

        def text() -> bytes:
            families = [
                *metrics.fleet(devices, online, busy),
                *metrics.work(counts),
                *metrics.live(gauges, {device.name for device in devices if device.simulated}),
                *lost,
                *metrics.measured(latest),
            ]
            took = Family(name="benchfleet_scrape_seconds", help="What this answer took to make.")
            took.add(time.monotonic() - started_s)
            return render([*families, took]).encode()

        return web.Response(body=await asyncio.to_thread(text), headers={"Content-Type": CONTENT_TYPE})

    async def service_discovery(self, request: web.Request) -> web.Response:
        """This controller as a target of Prometheus' HTTP service discovery: it speaks for its devices."""
        host = request.host
        devices = await self._store.read(queries.devices)
        labels = {"fleet": self._fleet_address, "devices": str(len(devices))}
        return web.Response(text=json.dumps([{"targets": [host], "labels": labels}]), content_type="application/json")

    async def healthz(self, request: web.Request) -> web.Response:
        """200 while the store answers."""
        await self._store.read(queries.counts)
        return web.Response(text="ok\n")
