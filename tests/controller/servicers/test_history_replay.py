"""History pages, replays and narrow watches over a real store and a real port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import insert, select, update

from benchfleet.controller.app import Controller, Settings
from benchfleet.controller.cli.history import exit_code
from benchfleet.controller.client import read_credentials
from benchfleet.controller.client.connection import Session, connect
from benchfleet.controller.comparison.past import tracks
from benchfleet.controller.fleet.sessions import LiveSession
from benchfleet.controller.operator.history import fetch
from benchfleet.controller.operator.submit import replay
from benchfleet.controller.servicers.history import slim
from benchfleet.controller.store import tables as t
from benchfleet.core import wire
from benchfleet.core.errors import BenchfleetError, DocumentError, NotFoundError, UnreachableError
from benchfleet.core.inventory import Inventory, RuntimeFacts
from benchfleet.core.results import dumps
from benchfleet.core.runspec import Artifact, ModelRef, RunSpec
from benchfleet.v1 import campaign_pb2 as pb
from benchfleet.v1.campaign_pb2_grpc import CampaignServiceStub
from tests.support.campaigns import result

T = TypeVar("T")
MODEL = b"a model"
ROUNDS = {"rounds": {"model": [[0, i, 1e7] for i in range(60)]}, "runtime": {"version": "1.20"}}


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    address = "127.0.0.1:0"
    made = Controller(Settings(state=tmp_path / "state", grpc=address, enroll=address, http=address))
    await made.start()
    yield made
    await made.stop()


async def ask(controller: Controller, question: Callable[[Session], T]) -> T:
    """Runs the synchronous client on a thread, as the commands do on theirs."""
    credentials = read_credentials(controller._settings.state / "admin.json")

    def call() -> T:
        with connect(credentials) as session:
            return question(session)

    return await asyncio.to_thread(call)


def spec_of(controller: Controller, model: str = "digits:int8") -> RunSpec:
    digest = controller.blobs.put(MODEL)
    artifact = Artifact(digest=digest, size_bytes=len(MODEL))
    return RunSpec(
        model=ModelRef(name=model, format="onnx", precision="int8", artifact=artifact),
        runtime="onnxruntime",
        seed=7,
        shapes={"x": (1, 64)},
    )


INVENTORY = Inventory(
    hostname="pi", board="pi5", os="Debian", kernel="6.6", arch="aarch64", cpu_model="A76", cpu_count=4,
    memory_bytes=2**33, python="3.11", agent_version="0.1.0",
    runtimes=(RuntimeFacts(name="onnxruntime", available=True, version="1.32"),),
)  # fmt: skip


async def populated(controller: Controller, *p50s: float, model: str = "digits:int8", device: str = "pi5") -> RunSpec:
    """A campaign a value, each of one run with its accepted result; the device is known and not connected."""
    spec = spec_of(controller, model)

    def fill(connection: Any) -> None:
        held = connection.execute(select(t.device.c.name).where(t.device.c.name == device)).scalar_one_or_none()
        if held is None:
            inventory = json.dumps(INVENTORY.to_json())
            connection.execute(insert(t.device).values(name=device, enrolled_utc_s=0.0, inventory_json=inventory))
        for i, p50 in enumerate(p50s):
            campaign(connection, f"{device}{model[-1]}{i}", spec, device, received_utc_s=1e9 + i, p50=p50)

    await controller.store.write(fill)
    return spec


def campaign(connection: Any, tag: str, spec: RunSpec, device: str, *, received_utc_s: float, p50: float) -> None:
    connection.execute(
        insert(t.campaign).values(
            id=f"c-{tag}", name="nightly", state="completed", spec_digest="", idempotency_key=tag,
            document_yaml="kind: Campaign\n", created_by="", created_utc_s=received_utc_s,
        )
    )  # fmt: skip
    cell = pb.PlannedCell(cell_key=spec.cell_key, model=spec.model.name, format="onnx", device=device)
    connection.execute(
        insert(t.run).values(
            id=f"r-{tag}-0000", campaign=f"c-{tag}", ordinal=0, device=device, cell_key=spec.cell_key,
            spec=wire.runspec_to_wire(spec).SerializeToString(), cell=cell.SerializeToString(), state="succeeded",
            max_attempts=3,
        )
    )  # fmt: skip
    payload = dumps(result(p50=p50, provenance=ROUNDS))
    connection.execute(
        insert(t.result).values(
            run=f"r-{tag}-0000", epoch=1, digest=tag, disposition="accepted", device=device, result_json=payload,
            verdict="valid", received_utc_s=received_utc_s,
        )
    )  # fmt: skip


async def connected(controller: Controller, device: str = "pi5") -> None:
    controller.sessions.open(LiveSession(device=device, incarnation=1, instance_id="i"))


async def test_history_is_newest_first_page_by_page_and_without_series(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchfleet.controller.operator.history.PAGE", 2)
    await populated(controller, 10.0, 11.0, 12.0, 13.0, 14.0)
    found = await ask(controller, lambda s: fetch(s, ["latency_ms_p50"], model="digits:int8", device="pi5"))
    assert [p.run.result.metrics["latency_ms_p50"].value for p in found if p.run.result] == [14, 13, 12, 11, 10]
    for each in found:
        assert each.run.result is not None
        assert set(each.run.result.metrics) == {"latency_ms_p50"}
        assert "rounds" not in each.run.result.provenance
        assert each.run.result.provenance["runtime"] == {"version": "1.20"}
    limited = await ask(controller, lambda s: fetch(s, ["latency_ms_p50"], device="pi5", limit=3))
    assert len(limited) == 3


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ({"model": "digits:int8"}, 3),
        ({"model": "digits"}, 5),
        ({"model": "digit"}, 0),
        ({"model": "digits:int"}, 0),
        ({"model": "digits_int8"}, 0),
        ({"model": "digits", "device": "pi5"}, 3),
        ({"device": "orin"}, 2),
        ({"campaign": "c-orin20"}, 2),
        ({"campaign": "c-pi581", "model": "digits:fp32"}, 0),
    ],
)
async def test_history_is_of_what_was_asked(controller: Controller, question: dict[str, str], count: int) -> None:
    await populated(controller, 1.0, 2.0, 3.0)
    await populated(controller, 1.0, 2.0, model="digits:fp32", device="orin")
    assert len(await ask(controller, lambda s: fetch(s, [], **question))) == count  # type: ignore[arg-type]


async def test_history_of_nothing_named_is_refused(controller: Controller) -> None:
    with pytest.raises(DocumentError, match="a model, a device or a campaign"):
        await ask(controller, lambda s: fetch(s, []))


async def test_check_exits_1_confirmed_3_in_doubt_0_none(controller: Controller) -> None:
    steady = (10.0, 10.1, 9.9, 10.05, 9.95, 10.0)
    codes = []
    for device, more in (("a", ()), ("b", (12.0,)), ("c", (12.0, 12.1))):
        await populated(controller, *steady, *more, device=device)
        past = await ask(controller, lambda s, d=device: fetch(s, ["latency_ms_p50"], device=d))  # type: ignore[misc]
        codes.append(exit_code(tracks(past, "latency_ms_p50")))
    assert codes == [0, 3, 1]
    assert exit_code(tracks(past[-4:], "latency_ms_p50")) == 3


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"provenance": 1}', b"\xff"])
def test_a_result_in_another_form_travels_as_it_is(payload: bytes) -> None:
    assert slim(payload, ["x"]) == payload


async def test_a_replay_has_the_spec_to_the_byte_and_says_what_changed(controller: Controller) -> None:
    spec = await populated(controller, 10.0)
    await connected(controller)
    made = await ask(controller, lambda s: replay(s, "r-pi580"))
    assert made.campaign.name == "replay-r-pi580-0000"
    assert [(c.field, c.before, c.now) for c in made.changes] == [
        ("runtime_version", "1.20", "1.32"),
    ]
    rows = await controller.store.read(
        lambda c: c.execute(select(t.run).where(t.run.c.campaign == made.campaign.id)).all()
    )
    (row,) = rows
    assert row.spec == wire.runspec_to_wire(spec).SerializeToString()
    assert (row.device, row.cell_key) == ("pi5", spec.cell_key)


async def test_the_same_key_is_the_same_replay_and_another_run_with_it_is_refused(controller: Controller) -> None:
    await populated(controller, 10.0, 11.0)
    await connected(controller)

    def send(run: str) -> Callable[[Session], str]:
        request = pb.ReplayRunRequest(run_id=run, idempotency_key="k")
        return lambda s: CampaignServiceStub(s.channel).ReplayRun(request, timeout=30).campaign.id

    assert await ask(controller, send("r-pi580-0000")) == await ask(controller, send("r-pi580-0000"))
    with pytest.raises(BenchfleetError, match="use a new key"):
        await ask(controller, send("r-pi581-0000"))


async def refused(controller: Controller, run: str = "r-pi580-0000") -> BenchfleetError:
    with pytest.raises(BenchfleetError) as caught:
        await ask(controller, lambda s: replay(s, run))
    assert "\n" not in str(caught.value)
    made = await controller.store.read(
        lambda c: c.execute(select(t.campaign.c.id).where(t.campaign.c.name.startswith("replay"))).all()
    )
    assert made == []
    return caught.value


@pytest.mark.parametrize("run", ["r-none", "", "%", "r-", "r-pi58"])
async def test_a_run_that_is_not_one_run_is_not_replayed(controller: Controller, run: str) -> None:
    await populated(controller, 10.0, 11.0)
    await connected(controller)
    assert isinstance(await refused(controller, run), NotFoundError)


async def test_a_replay_is_refused_when_the_device_is_away_or_closed(controller: Controller) -> None:
    await populated(controller, 10.0)
    away = await refused(controller)
    assert isinstance(away, UnreachableError)
    assert "not connected" in str(away)
    await connected(controller)
    await controller.store.write(lambda c: c.execute(update(t.device).values(admission="revoked")))
    closed = await refused(controller)
    assert isinstance(closed, UnreachableError)
    assert "revoked" in str(closed)


async def test_a_replay_is_refused_when_model_or_runtime_are_not_there_any_more(controller: Controller) -> None:
    spec = await populated(controller, 10.0)
    await connected(controller)
    lost = json.dumps({**INVENTORY.to_json(), "runtimes": []})
    await controller.store.write(lambda c: c.execute(update(t.device).values(inventory_json=lost)))
    assert "onnxruntime is not available on pi5 any more" in str(await refused(controller))
    await controller.store.write(
        lambda c: c.execute(update(t.device).values(inventory_json=json.dumps(INVENTORY.to_json())))
    )
    digest = spec.model.artifact.digest
    (controller._settings.state / "blobs" / digest[:2] / digest).unlink()
    gone = await refused(controller)
    assert isinstance(gone, NotFoundError)
    assert "model digits:int8" in str(gone)


async def test_a_watch_sends_the_whole_once_and_then_only_what_changed(controller: Controller) -> None:
    await populated(controller, 10.0)

    def more(connection: Any) -> None:
        spec, device = b"", "pi5"
        for i in range(1, 5):
            connection.execute(
                insert(t.run).values(
                    id=f"r-pi580-{i:04}", campaign="c-pi580", ordinal=i, device=device, cell_key=str(i), spec=spec,
                    cell=b"", state="queued", max_attempts=3,
                )
            )  # fmt: skip

    await controller.store.write(more)
    loop, seen = asyncio.get_running_loop(), asyncio.Queue[list[str]]()

    def watch(session: Session) -> None:
        stub = CampaignServiceStub(session.channel)
        for news in stub.WatchCampaign(pb.WatchCampaignRequest(campaign_id="c-pi580"), timeout=60):
            loop.call_soon_threadsafe(seen.put_nowait, [f"{r.id[-1]}{r.state}" for r in news.runs])
            if news.campaign.HasField("end_time"):
                return

    watching = asyncio.create_task(ask(controller, watch))
    succeeded, queued = pb.RUN_STATE_SUCCEEDED, pb.RUN_STATE_QUEUED
    assert await seen.get() == [f"0{succeeded}", *(f"{i}{queued}" for i in range(1, 5))]

    async def change(state: str, *runs: str) -> None:
        where = t.run.c.id.in_([f"r-pi580-{run}" for run in runs])
        await controller.store.write(lambda c: c.execute(update(t.run).where(where).values(state=state)))

    await change("failed", "0002", "0003")
    controller.hub.changed("c-pi580", "r-pi580-0002")  # the other is not looked at before it is told of
    assert await seen.get() == [f"2{pb.RUN_STATE_FAILED}"]
    await change("failed", "0004")
    controller.hub.changed("c-pi580")  # any of them: all are looked at
    assert await seen.get() == [f"3{pb.RUN_STATE_FAILED}", f"4{pb.RUN_STATE_FAILED}"]
    await controller.store.write(lambda c: c.execute(update(t.campaign).values(ended_utc_s=1.0)))
    controller.hub.changed("c-pi580", "r-pi580-0001")
    assert await seen.get() == []
    await watching
