"""`benchfleet serve` as a user runs it: real addresses for scripts, clean ends, one line when it cannot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-c", "from benchfleet.controller.cli.main import main; main()"]
WAIT_S = 60.0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False, stdin=subprocess.DEVNULL
    )


def serve(state: Path, *more: str) -> subprocess.CompletedProcess[str]:
    ports = {"--grpc": "127.0.0.1:0", "--enroll": "127.0.0.1:0", "--http": "127.0.0.1:0"}
    ports.update(zip(more[::2], more[1::2], strict=True))
    return run("serve", "--state", str(state), *(part for pair in ports.items() for part in pair))


def refused(done: subprocess.CompletedProcess[str], word: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert word in done.stderr


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1", "127.0.0.1:99999", ":1", "127.0.0.1:x"])
def test_a_bad_address_is_one_line(tmp_path: Path, address: str) -> None:
    refused(serve(tmp_path / "state", "--grpc", address), "HOST:PORT")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("which", ["--grpc", "--enroll", "--http"])
def test_a_port_in_use_is_one_line(tmp_path: Path, which: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused(serve(tmp_path / "state", which, f"127.0.0.1:{taken.getsockname()[1]}"), "in use")
        assert not (tmp_path / "state").exists()
        refused(serve(tmp_path, which, f"127.0.0.1:{taken.getsockname()[1]}"), "in use")


def test_a_state_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x")
    refused(serve(tmp_path / "state"), "state")


def test_a_damaged_data_base_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(os.urandom(10_000))
    refused(serve(tmp_path), "cannot be opened")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_its_ports_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    state = tmp_path / "state"
    arguments = ["serve", "--state", str(state), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    process = subprocess.Popen([*PROGRAM, *arguments, "--ready-file", str(ready)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(5)]
        assert "benchfleet token create" in "".join(lines)
        token = run("token", "create", "--name", "pi", "--credentials", str(state / "admin.json"), "--json")
        assert json.loads(ready.read_text())["grpc"] == json.loads(token.stdout)["controller"]
        audit = run("audit", "--credentials", str(state / "admin.json"), "--json")
        assert [entry["action"] for entry in json.loads(audit.stdout)] == ["token.create"]
        viewer = tmp_path / "ana.json"
        made = run("credentials", "create", "ana", "--role", "viewer", "--state", str(state), "-o", str(viewer))
        assert made.returncode == 0, made.stderr
        refused(run("token", "create", "--name", "x", "--credentials", str(viewer)), "needs role admin", code=6)
        refused(serve(state), "another controller uses it")
        process.send_signal(number)
        assert process.wait(WAIT_S) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
    assert not ready.exists()
    refused(
        run("token", "create", "--name", "x", "--credentials", str(state / "admin.json")), "does not answer", code=4
    )


def test_without_credentials_a_command_says_how_to_get_some(tmp_path: Path) -> None:
    refused(run("audit", "--credentials", str(tmp_path / "none.json")), "benchfleet serve", code=6)


def test_credentials_of_no_fleet_are_one_line(tmp_path: Path) -> None:
    arguments = ("credentials", "create", "ana", "--role", "admin", "--state", str(tmp_path), "-o", str(tmp_path / "a"))
    refused(run(*arguments), "no fleet here")
    assert not (tmp_path / "a").exists()
