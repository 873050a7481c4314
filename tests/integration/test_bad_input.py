"""A hostile stranger at the command line of a real controller: one line, a documented exit code, the server alive."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchfleet.controller.cli.main import main
from benchfleet.controller.demo.commands import program
from benchfleet.controller.demo.fleet import LocalFleet
from tests.integration.conftest import DATA, running_fleet
from tests.support.documents import campaign

SECONDS_MAX = 30.0
"""Of a refusal on a machine that does other work, too."""
Done = subprocess.CompletedProcess[str]
ONNX = (DATA / "digits-fp32.onnx").read_bytes()
POLICY = "apiVersion: benchfleet/v1\nkind: Policy\nhard: {model_size: '< 1 MB'}\n"


@pytest.fixture(scope="module")
def fleet() -> Iterator[LocalFleet]:
    """A controller with the shipped models and no device."""
    with running_fleet() as made:
        folder = made.root / "files"
        folder.mkdir()
        files = {
            "empty.onnx": b"",
            "random.onnx": os.urandom(4096),
            "cut.onnx": ONNX[: len(ONNX) // 2],
            "cut.tflite": (DATA / "digits-fp32.tflite").read_bytes()[:9000],
            "pickle.onnx": pickle.dumps({"weights": [1.0]}),
            "policy.yaml": POLICY.encode(),
        }
        for name, payload in files.items():
            (folder / name).write_bytes(payload)
        with (folder / "huge.onnx").open("wb") as sparse:
            sparse.truncate(40 << 30)
        (folder / "folder.onnx").mkdir()
        os.mkfifo(folder / "pipe.onnx")
        yield made


def settings(fleet: LocalFleet, credentials: Path | None) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("BENCHFLEET_")},
        "BENCHFLEET_CREDENTIALS": str(credentials or fleet.credentials),
        "XDG_STATE_HOME": str(fleet.root / "xdg"),
    }


def process(fleet: LocalFleet, *arguments: str, credentials: Path | None = None) -> Done:
    """A command as a process: for what libraries write past us, and for servers."""
    return subprocess.run(
        [program("benchfleet"), *arguments],
        cwd=fleet.root / "files",
        env=settings(fleet, credentials),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )


def call(fleet: LocalFleet, *arguments: str) -> Done:
    """A command through the very edge of the program, in this process: a hundred of them cost seconds."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.chdir(fleet.root / "files"),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["benchfleet", *arguments])
        for name, value in settings(fleet, None).items():
            patch.setenv(name, value)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(arguments, code, out.getvalue(), err.getvalue())


def serving(state: Path, ready: Path) -> list[str]:
    ports = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    return [program("benchfleet"), "serve", "--state", str(state), *ports, "--ready-file", str(ready)]


def refused(done: Done, code: int = 2, word: str = "") -> None:
    assert done.returncode == code, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr[:-1].isprintable()
    assert done.stdout == ""
    assert word in done.stderr


@pytest.mark.parametrize("command", ["models push", "validate", "datasets push", "inspect"])
def test_no_file_that_is_no_model_gets_in(fleet: LocalFleet, command: str) -> None:
    options = {
        "models push": ("--name", "bad:one"),
        "datasets push": ("--name", "bad"),
        "validate": ("--policy", "policy.yaml", "--on", "fleet=test"),
    }.get(command, ())
    bad = ("empty", "random", "cut", "pickle", "huge", "folder", "pipe", "none")
    for name in (*(f"{stem}.onnx" for stem in bad), "cut.tflite", "/dev/zero", "a\x1b[31mb\n.onnx"):
        refused(call(fleet, *command.split(), name, *options))
    listed = json.loads(call(fleet, "models", "ls", "--json").stdout)
    assert [model["name"] for model in listed] == ["digits:fp32", "digits:int8"]


@pytest.mark.parametrize("name", ["../x", "a\n", "\x1b[2J", "a" * 4096, "", "é", "a/b", "-", os.fsdecode(b"\xff")])
def test_a_bad_name_is_refused_by_every_command_that_takes_one(fleet: LocalFleet, name: str) -> None:
    for command in (
        ("token", "create", f"--name={name}"),
        ("models", "push", str(DATA / "digits-fp16.onnx"), f"--name={name}:x"),
        ("datasets", "push", str(DATA / "digits-test.npz"), f"--name={name}"),
        ("devices", "show", "--", name),
        ("results", "--", name),
        ("cancel", "--", name),
    ):
        refused(call(fleet, *command))


AXIS = [*range(1, 5001)]
DOCUMENTS = {
    "unknown key": (campaign(modles=[]), "models"),
    "duplicate key": (campaign() + "\nname: again\n", "c.yaml:"),
    "a million cells": (
        campaign(matrix={"runtime": ["null"], "threads": [*range(1, 101)], "batch": [*range(1, 10001)]}),
        "",
    ),
    "zero threads": (campaign(matrix={"runtime": ["null"], "threads": [0]}), "threads"),
    "negative threads": (campaign(matrix={"runtime": ["null"], "threads": [-1]}), "threads"),
    "infinite threads": (campaign(matrix={"runtime": ["null"]})[:-1] + ', "measure": {"timeout": .inf}}', ""),
    "timeout without unit": (campaign(measure={"timeout": 90}), "unit"),
    "selector of nothing": (campaign(), "matches no device"),
    "broken selector": (campaign(devices={"selector": "a in (("}), "c.yaml:1"),
    "alias": ("a: &a [x]\nb: *a\n", "aliases"),
    "deep": ("a: " + "[" * 5000 + "]" * 5000, "nested"),
    "long": ("a: [" + "1," * 100_000 + "]", "more than"),
    "large": ("a: " + "x" * 300_000, "larger than"),
    "python tag": ("!!python/object/apply:os.system [id]\n", ""),
    "surrogate": (campaign(name="\ud800"), "surrogate"),
    "not UTF-8": (b"\xff\xfe\x00", "UTF-8"),
    "empty": ("", "empty"),
    "other kind": (POLICY, "c.yaml:"),
}


@pytest.mark.parametrize("what", DOCUMENTS)
def test_a_bad_campaign_is_refused_where_it_is_bad(fleet: LocalFleet, what: str) -> None:
    text, word = DOCUMENTS[what]
    file = fleet.root / "files" / "c.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(call(fleet, "plan", "c.yaml"), word=word)
    assert not (fleet.root / "xdg" / "benchfleet").exists()


def test_credentials_that_cannot_work_are_refused_before_they_are_used(fleet: LocalFleet, tmp_path: Path) -> None:
    good = json.loads(fleet.credentials.read_text())
    shutil.copytree(fleet.root / "controller" / "pki", tmp_path / "pki")
    other = tmp_path / "other.json"
    stranger = subprocess.Popen(
        serving(tmp_path / "other", tmp_path / "ready"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        serves(stranger)
        theirs = json.loads((tmp_path / "other" / "admin.json").read_text())
    finally:
        stranger.terminate()
        stranger.wait(SECONDS_MAX)
    for changes, code, word in (
        ({"key_pem": "x"}, 2, "no key"),
        ({"ca_pem": ""}, 2, "no key or no authority"),
        ({"certificate_pem": "x"}, 2, "no certificate"),
        ({"key_pem": theirs["key_pem"]}, 2, "its key is not"),
        ({"ca_pem": theirs["ca_pem"]}, 6, "another fleet"),
        ({**theirs, "controller": good["controller"]}, 6, "another fleet"),
        ({"controller": "127.0.0.1:1"}, 4, "does not answer"),
        ({"controller": "nowhere"}, 2, "HOST:PORT"),
    ):
        other.write_text(json.dumps({**good, **changes}))
        other.chmod(0o600)
        refused(process(fleet, "devices", "ls", credentials=other), code, word)
    other.chmod(0o640)
    refused(process(fleet, "devices", "ls", credentials=other), 6, "chmod 600")


def test_a_data_base_of_a_newer_version_is_left_alone(fleet: LocalFleet, tmp_path: Path) -> None:
    shutil.copytree(fleet.root / "controller", tmp_path / "state")
    with sqlite3.connect(tmp_path / "state" / "state.db") as data_base:
        data_base.execute("update alembic_version set version_num = '9999'")
    refused(process(fleet, "serve", "--state", str(tmp_path / "state"), "--grpc", "127.0.0.1:0"), word="newer")


def serves(controller: subprocess.Popen[str]) -> None:
    """Returns when it says so; its end, too, ends the wait."""
    assert controller.stderr is not None
    assert controller.stderr.readline().startswith("serving: ")


@pytest.mark.parametrize("target", ["| head -c 1 >/dev/null", ">&-", ">/dev/full"])
def test_an_output_that_takes_nothing_ends_a_command_quietly(fleet: LocalFleet, target: str) -> None:
    line = f"{program('benchfleet')} models ls --credentials {fleet.credentials} {target}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == (1 if "full" in target else 0)


def test_interrupts_end_a_wait_with_one_line_and_leave_the_controller_alone(fleet: LocalFleet) -> None:
    """The last test: whatever came before, the controller still answers."""
    silent = subprocess.Popen(
        serving(fleet.root / "second", fleet.root / "second.json"),
        stderr=subprocess.PIPE,
        text=True,
    )
    serves(silent)
    silent.send_signal(signal.SIGINT)
    silent.send_signal(signal.SIGINT)
    _, said = silent.communicate(timeout=SECONDS_MAX)
    assert silent.returncode == 0
    assert "Traceback" not in said
    assert call(fleet, "devices", "ls", "--json").returncode == 0
