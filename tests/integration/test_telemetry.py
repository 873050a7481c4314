"""Live telemetry between a real agent and a real controller on loopback, and what a hostile agent can do with it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest

from benchfleet.agent import certificates, identity, probe
from benchfleet.agent.daemon import Daemon, Settings
from benchfleet.agent.session.link import channel
from benchfleet.controller import app
from benchfleet.controller.app import Controller
from benchfleet.controller.servicers import agent as servicer
from benchfleet.core import wire
from benchfleet.v1 import agent_pb2 as pb

WAIT_S = 30.0


@pytest.fixture
async def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Controller]:
    monkeypatch.setattr(servicer, "TELEMETRY_S", 0.1)
    address = "127.0.0.1:0"
    made = Controller(app.Settings(state=tmp_path / "controller", grpc=address, enroll=address, http=address))
    await made.start()
    yield made
    await made.stop()


def join(controller: Controller, state: Path, device: str = "one") -> identity.Identity:
    """An identity of this fleet in a state folder."""
    key_pem, request = certificates.key_and_request(device)
    made = identity.Identity(
        device=device,
        controller=controller.addresses.grpc,
        ca_pem=controller.authority.ca_pem.decode(),
        certificate_pem=controller.authority.issue_agent(request, device).certificate_pem.decode(),
        key_pem=key_pem,
    )
    identity.save(state, made)
    return made


@contextlib.asynccontextmanager
async def running(controller: Controller, state: Path, simulate: Path | None = None) -> AsyncIterator[Daemon]:
    join(controller, state)
    daemon = Daemon(Settings(state=state, inventory=probe.inventory(), simulate_power=simulate))
    task = asyncio.create_task(daemon.run())
    try:
        yield daemon
    finally:
        daemon.stop()
        await asyncio.wait_for(task, WAIT_S)


async def scraped(controller: Controller, until: Callable[[str], bool]) -> str:
    """/metrics, once it says what is waited for."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(WAIT_S):
        while True:
            async with http.get(f"http://{controller.addresses.http}/metrics") as reply:
                text = await reply.text()
            if until(text):
                return text
            await asyncio.sleep(0.02)


async def test_what_a_measuring_agent_reads_is_in_the_scrape_until_it_leaves(
    controller: Controller, tmp_path: Path
) -> None:
    shown = 'benchfleet_utilization_ratio{device="one",sensor="cpu_time/utilization",scope="system"}'
    extreme = 'benchfleet_utilization_ratio_max{device="one",sensor="cpu_time/utilization",scope="system"}'
    async with running(controller, tmp_path / "agent") as daemon:
        idle = await scraped(controller, lambda text: 'benchfleet_device_up{device="one"} 1.0' in text)
        assert extreme not in idle  # while idle the heartbeat says the newest value alone
        daemon.sampler.active(True)
        text = await scraped(controller, lambda text: shown in text and extreme in text)
        assert 'benchfleet_telemetry_dropped_samples_total{device="one"} 0.0' in text
        assert 'benchfleet_telemetry_refused_total{device="one"} 0.0' in text
    gone = await scraped(controller, lambda text: 'benchfleet_device_up{device="one"} 0.0' in text)
    assert shown not in gone
    assert "benchfleet_telemetry" not in gone


async def test_power_and_energy_are_shown_in_base_units_under_a_name_that_says_what_they_are(
    controller: Controller, tmp_path: Path
) -> None:
    declared = tmp_path / "power.json"
    square = {"name": "board", "low_w": 3, "high_w": 12, "period_s": 0.3}
    meter = {"name": "meter", "kind": "energy_j", "scope": "wall", "low_w": 5}
    declared.write_text(json.dumps({"sensors": [square, meter]}))
    labels = '{device="one",sensor="simulated/board",scope="board"}'
    extremes = (f"benchfleet_power_watts_min{labels} 3.0", f"benchfleet_power_watts_max{labels} 12.0")
    async with running(controller, tmp_path / "agent", declared) as daemon:
        daemon.sampler.active(True)
        text = await scraped(controller, lambda text: all(each in text for each in extremes))
    assert re.search(f"benchfleet_power_watts{re.escape(labels)} (3|12).0\n", text)
    labels = '{device="one",sensor="simulated/meter",scope="wall"}'
    assert "# TYPE benchfleet_energy_joules_total counter" in text
    assert f"benchfleet_energy_joules_total{labels} " in text
    assert "benchfleet_energy_joules_total_max" not in text


def opened(line: grpc.aio.Channel) -> Any:
    """A stream that takes messages, and bytes that are none."""
    return line.stream_stream(
        "/benchfleet.v1.AgentService/Session",
        request_serializer=lambda message: message if isinstance(message, bytes) else message.SerializeToString(),
        response_deserializer=pb.SessionResponse.FromString,
    )()


async def test_a_first_message_that_is_none_is_refused_like_one_that_is_no_hello(
    controller: Controller, tmp_path: Path
) -> None:
    async with channel(join(controller, tmp_path / "agent")) as line:
        stream = opened(line)
        await stream.write(b"\xff\xff\xff\xff")
        with pytest.raises(grpc.aio.AioRpcError, match="begins with hello"):
            await asyncio.wait_for(stream.read(), WAIT_S)


@contextlib.asynccontextmanager
async def raw_session(controller: Controller, state: Path) -> AsyncIterator[Any]:
    """The stream of an agent that sends what it likes."""
    async with channel(join(controller, state)) as line:
        stream = opened(line)
        hello = pb.Hello(protocol_version=wire.PROTOCOL_VERSION, incarnation=1, instance_id="i")
        await stream.write(pb.SessionRequest(hello=hello))
        welcome = (await asyncio.wait_for(stream.read(), WAIT_S)).welcome
        assert welcome.telemetry_interval_ms == 100
        yield stream
        stream.cancel()


async def answered(stream: Any, seq: int) -> bool:
    """Whether the session lives: a beat is answered."""
    await stream.write(pb.SessionRequest(heartbeat=pb.Heartbeat(seq=seq)))
    return bool((await asyncio.wait_for(stream.read(), WAIT_S)).ack.heartbeat_seq == seq)


def telemetry(**fields: Any) -> pb.SessionRequest:
    return pb.SessionRequest(telemetry=pb.TelemetryBatch(**fields))


async def test_no_telemetry_however_bad_ends_a_session(controller: Controller, tmp_path: Path) -> None:
    three_mib = [pb.Column(series_id=1, values_f32_le=bytes(3 * 1024**2))]
    bad = [
        telemetry(),
        telemetry(offset_us=[5, 1]),
        telemetry(offset_us=[1], columns=[pb.Column(series_id=77, values_f32_le=b"\0" * 4)]),
        telemetry(offset_us=[1], columns=[pb.Column(series_id=1, values_f32_le=b"\0" * 3)]),
        telemetry(offset_us=[1], columns=three_mib),
        telemetry(definitions=[pb.SeriesDefinition(series_id=1, sensor="\n" * 1000)]),
        telemetry(attempt=pb.AttemptRef(run_id="../../etc/passwd", epoch=2**63)),
        b"\xff\xff\xff\xff no message at all",
    ]
    async with raw_session(controller, tmp_path / "agent") as stream:
        for seq, message in enumerate(bad, start=1):
            await stream.write(message)
            assert await answered(stream, seq)
        text = await scraped(controller, lambda text: "benchfleet_telemetry_refused_total" in text)
        assert 'benchfleet_telemetry_refused_total{device="one"} 6.0' in text


async def test_a_batch_over_four_mib_would_end_the_session_and_so_none_over_one_is_ever_sent(
    controller: Controller, tmp_path: Path
) -> None:
    async with raw_session(controller, tmp_path / "agent") as stream:
        column = pb.Column(series_id=1, values_f32_le=bytes(4 * 1024**2 + 1))
        await stream.write(telemetry(offset_us=[1], columns=[column]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await asyncio.wait_for(stream.read(), WAIT_S)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
