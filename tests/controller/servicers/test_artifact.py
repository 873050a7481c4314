"""Pushing, naming and reading back, through the client an operator uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from benchfleet.controller.app import Controller, Settings
from benchfleet.controller.client import read_credentials
from benchfleet.controller.client.connection import Session, connect
from benchfleet.controller.client.transfer import artifact_of, download, upload
from benchfleet.core.errors import BenchfleetError, ConflictError, DocumentError, NotFoundError
from benchfleet.core.runspec import Artifact
from benchfleet.v1 import artifact_pb2 as pb
from benchfleet.v1 import run_pb2
from benchfleet.v1.artifact_pb2_grpc import ArtifactServiceStub

DATA = Path(__file__).parents[3] / "controller/src/benchfleet/controller/demo/data"
PROGRAM = Path(__file__).parents[3] / "tests/fixtures/models/partly-delegated.pte"
ONNX, OTHER, TFLITE = DATA / "digits-fp32.onnx", DATA / "digits-fp16.onnx", DATA / "digits-fp32.tflite"
T = TypeVar("T")


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


def named(
    session: Session, name: str, path: Path, format: str = "onnx", facts: str = "{}", parent: str = ""
) -> pb.Model:
    artifact = upload(session, path)
    reference = run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes)
    file = pb.ModelFile(format=format, artifact=reference, facts_json=facts)
    request = pb.RegisterModelRequest(name=name, parent=parent, file=file)
    return ArtifactServiceStub(session.channel).RegisterModel(request, timeout=30).model


BAD_NAMES = ["", "digits", "../x:y", "a:b\n", "a:b\x00", "\x1b[31mred:x", "A:b", "a" * 4096 + ":b", "a:b:c"]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_bad_name_is_refused_in_one_line(controller: Controller, name: str) -> None:
    with pytest.raises(DocumentError, match="NAME:TAG") as caught:
        await ask(controller, lambda session: named(session, name, ONNX))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "facts",
    ["nonsense", "[]", '{"a": NaN}', "[" * 5000, '{"a":' * 20 + "1" + "}" * 20, '{"a": "' + "x" * 300_000 + '"}'],
)
async def test_facts_that_are_no_bounded_object_are_refused(controller: Controller, facts: str) -> None:
    with pytest.raises(DocumentError, match="facts"):
        await ask(controller, lambda session: named(session, "digits:fp32", ONNX, facts=facts))


@pytest.mark.parametrize(
    "payload",
    [
        b"\x80\x04\x95pickle",
        b"MZ",
        b"#!/bin/sh\n",
        b"\x00" * 64,
        b"PK\x03\x04" + b"\x00" * 26 + b"model/data.pkl",
        b"ftrt plan",
    ],
    ids=str,
)
async def test_what_is_no_model_is_refused(controller: Controller, tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "evil.onnx"
    path.write_bytes(payload)
    with pytest.raises(DocumentError, match="models are data, not code"):
        await ask(controller, lambda session: named(session, "digits:fp32", path))


async def test_a_format_that_the_bytes_are_not_is_refused(controller: Controller) -> None:
    with pytest.raises(DocumentError, match="tflite by its first bytes"):
        await ask(controller, lambda session: named(session, "digits:fp32", TFLITE, "onnx"))
    with pytest.raises(DocumentError, match="not one of"):
        await ask(controller, lambda session: named(session, "digits:fp32", ONNX, "pickle"))


async def test_a_name_keeps_its_bytes_and_takes_a_second_format(controller: Controller) -> None:
    await ask(controller, lambda session: named(session, "digits:fp32", ONNX))
    await ask(controller, lambda session: named(session, "digits:fp32", ONNX))
    with pytest.raises(ConflictError, match="already"):
        await ask(controller, lambda session: named(session, "digits:fp32", OTHER))
    model = await ask(controller, lambda session: named(session, "digits:fp32", TFLITE, "tflite"))
    assert [file.format for file in model.files] == ["onnx", "tflite"]


async def test_an_executorch_program_and_a_packed_ir_are_formats_of_a_model(
    controller: Controller, tmp_path: Path
) -> None:
    await ask(controller, lambda session: named(session, "digits:fp32", PROGRAM, "executorch"))
    packed = tmp_path / "packed"
    packed.write_bytes(b"PK\x03\x04" + b"\x00" * 26 + b"openvino_ir/model.xml")
    model = await ask(controller, lambda session: named(session, "digits:fp32", packed, "openvino_ir"))
    assert [file.format for file in model.files] == ["executorch", "openvino_ir"]


async def test_a_parent_must_be_there(controller: Controller) -> None:
    with pytest.raises(NotFoundError, match="parent"):
        await ask(controller, lambda session: named(session, "digits:fp16", OTHER, parent="digits:fp32"))
    await ask(controller, lambda session: named(session, "digits:fp32", ONNX))
    model = await ask(controller, lambda session: named(session, "digits:fp16", OTHER, parent="digits:fp32"))
    assert model.parent == "digits:fp32"


async def test_bytes_that_were_not_uploaded_are_not_found(controller: Controller) -> None:
    missing = run_pb2.ArtifactRef(digest="0" * 64, size_bytes=1)
    request = pb.RegisterModelRequest(name="a:b", file=pb.ModelFile(format="onnx", artifact=missing))
    with pytest.raises(NotFoundError, match="upload it first"):
        await ask(controller, lambda s: ArtifactServiceStub(s.channel).RegisterModel(request, timeout=30))


async def test_lists_come_in_pages(controller: Controller) -> None:
    def work(session: Session) -> tuple[list[str], list[str], str]:
        for tag in ("a", "b", "c"):
            named(session, f"digits:{tag}", ONNX)
        stub = ArtifactServiceStub(session.channel)
        first = stub.ListModels(pb.ListModelsRequest(page_size=2), timeout=30)
        rest = stub.ListModels(pb.ListModelsRequest(page_size=2, page_token=first.next_page_token), timeout=30)
        return [m.name for m in first.models], [m.name for m in rest.models], rest.next_page_token

    assert await ask(controller, work) == (["digits:a", "digits:b"], ["digits:c"], "")


async def test_a_data_set_is_an_npz_and_keeps_its_bytes(controller: Controller) -> None:
    def register(session: Session, path: Path, name: str = "digits-test", samples: int = 100) -> pb.Dataset:
        artifact = upload(session, path)
        reference = run_pb2.ArtifactRef(digest=artifact.digest, size_bytes=artifact.size_bytes)
        dataset = pb.Dataset(name=name, artifact=reference, task="classification", sample_count=samples)
        request = pb.RegisterDatasetRequest(dataset=dataset)
        return ArtifactServiceStub(session.channel).RegisterDataset(request, timeout=30).dataset

    npz = DATA / "digits-test.npz"
    with pytest.raises(DocumentError, match="npz"):
        await ask(controller, lambda session: register(session, ONNX))
    with pytest.raises(DocumentError, match="samples"):
        await ask(controller, lambda session: register(session, npz, samples=0))
    with pytest.raises(DocumentError):
        await ask(controller, lambda session: register(session, npz, name="../x"))
    made = await ask(controller, lambda session: register(session, npz))
    assert made.sample_count == 100


async def test_a_download_is_whole_and_a_cut_upload_goes_on(controller: Controller, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(b"0123456789abcdef" * 70_000)
    artifact = artifact_of(path)
    stage = controller.blobs.begin(artifact.digest, artifact.size_bytes)
    stage.append(0, path.read_bytes()[:300_000])
    stage.close()
    seen: list[int] = []
    await ask(controller, lambda session: upload(session, path, lambda done, total: seen.append(done)))
    assert min(seen) > 300_000
    await ask(controller, lambda session: download(session, artifact, tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == path.read_bytes()


async def test_a_download_of_what_is_not_there_leaves_nothing(controller: Controller, tmp_path: Path) -> None:
    missing = Artifact(digest="0" * 64, size_bytes=5)
    with pytest.raises(BenchfleetError):
        await ask(controller, lambda session: download(session, missing, tmp_path / "back.bin"))
    assert {p.name for p in tmp_path.iterdir()} == {"state"}
