"""The operator's commands against a controller, as a user runs them."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchfleet.controller.app import Controller, Settings
from benchfleet.controller.cli.main import group
from benchfleet.core.errors import BenchfleetError, ConflictError, DocumentError, NotFoundError
from tests.support.documents import campaign

DATA = Path(__file__).parents[2] / "controller/src/benchfleet/controller/demo/data"
START_S = 30.0


@pytest.fixture(scope="module")
def credentials(tmp_path_factory):
    """Of a controller in a thread with a loop of its own, so that commands can block."""
    state = tmp_path_factory.mktemp("controller") / "state"
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    address = "127.0.0.1:0"
    controller = Controller(Settings(state=state, grpc=address, enroll=address, http=address))
    asyncio.run_coroutine_threadsafe(controller.start(), loop).result(START_S)
    yield state / "admin.json"
    asyncio.run_coroutine_threadsafe(controller.stop(), loop).result(START_S)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(START_S)


@pytest.fixture
def benchfleet(credentials):
    """Calls a command; errors of ours are raised, the rest is (exit code, stdout)."""

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(group, [*arguments, "--credentials", str(credentials)], standalone_mode=False)
        if done.exception is not None:
            raise done.exception
        return str(done.stdout)

    return call


def test_models_and_data_sets_are_pushed_listed_and_kept(benchfleet):
    fp32 = str(DATA / "digits-fp32.onnx")
    for _again in range(2):
        benchfleet("models", "push", fp32, "--name", "digits:fp32")
    benchfleet("models", "push", str(DATA / "digits-fp32.tflite"), "--name", "digits:fp32")
    with pytest.raises(ConflictError):
        benchfleet("models", "push", str(DATA / "digits-int8.onnx"), "--name", "digits:fp32")
    benchfleet("models", "push", str(DATA / "digits-int8.onnx"), "--name", "digits:int8", "--parent", "digits:fp32")
    benchfleet("datasets", "push", str(DATA / "digits-test.npz"), "--name", "digits-test")
    models = {m["name"]: m for m in json.loads(benchfleet("models", "ls", "--json"))}
    assert sorted(f["format"] for f in models["digits:fp32"]["files"]) == ["onnx", "tflite"]
    assert models["digits:int8"]["parent"] == "digits:fp32"
    assert json.loads(benchfleet("datasets", "ls", "--json"))[0]["sample_count"] == 500
    assert "digits:int8" in benchfleet("models", "ls")


@pytest.mark.parametrize("name", ["../x:y", "a:b\n", "digits", "A:b", "a:\x1b[31m", "a" * 4096 + ":b", "=cmd:x", ""])
def test_bad_names_are_refused_before_anything_is_read(benchfleet, name):
    with pytest.raises(DocumentError, match="NAME:TAG"):
        benchfleet("models", "push", "/nowhere.onnx", "--name", name)


def test_a_campaign_without_devices_names_what_is_missing(benchfleet, tmp_path):
    file = tmp_path / "c.yaml"
    file.write_text(campaign(models=["digits:fp32"], dataset=None))
    benchfleet("models", "push", str(DATA / "digits-fp32.onnx"), "--name", "digits:fp32")
    for command in ("plan", "run"):
        with pytest.raises(DocumentError, match="matches no device"):
            benchfleet(command, str(file))
    assert json.loads(benchfleet("campaigns", "ls", "--json")) == []


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe\x00", b"a: [", b"kind: Campaign\n"])
def test_a_bad_document_names_the_file(benchfleet, tmp_path, payload):
    file = tmp_path / "c.yaml"
    file.write_bytes(payload)
    with pytest.raises(DocumentError, match=r"c\.yaml"):
        benchfleet("run", str(file))


@pytest.mark.parametrize(
    "arguments",
    [
        ("devices", "show", "none"),
        ("watch", "latest"),
        ("cancel", "none"),
        ("results", "none"),
        ("devices", "drain", "x"),
        ("replay", "none"),
        ("history", "--model", "digits", "--since", "c-none"),
    ],
)
def test_what_is_not_there_is_one_line(benchfleet, arguments):
    with pytest.raises(BenchfleetError) as caught:
        benchfleet(*arguments)
    assert isinstance(caught.value, NotFoundError)
    assert "\n" not in str(caught.value)


def test_history_of_nothing_is_said_and_is_no_evidence(benchfleet):
    assert json.loads(benchfleet("history", "--model", "digits", "--json"))["tracks"] == []
    with pytest.raises(DocumentError, match="--model"):
        benchfleet("history")
    with pytest.raises(DocumentError, match="no metric"):
        benchfleet("history", "--model", "digits", "--metric", "nonsense")
