"""A capture answers as the device did, and nothing that is wrong with it ends in a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchfleet.agent.env.replay import capture
from benchfleet.core.errors import DocumentError


def made(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_commands_pages_and_files_answer_as_recorded(tmp_path: Path) -> None:
    folder = made(
        tmp_path,
        {
            "root/sys/one": "1",
            "cmd/index.json": [{"argv": ["vcgencmd", "get_throttled"], "stdout": "00.txt", "rc": 3}],
            "cmd/00.txt": "throttled=0x0\n",
            "http/index.json": [{"get": "/cm?cmnd=Status%208", "body": "00.json", "status": 200}],
            "http/00.json": "{}",
        },
    )
    env = capture(folder)
    answer = env.commands.run(["vcgencmd", "get_throttled"])
    assert (answer.stdout, answer.code) == ("throttled=0x0\n", 3)
    assert env.web.get("http://192.168.1.2/cm?cmnd=Status 8") == b"{}"
    assert env.files.text("/sys/one") == "1"


def test_what_was_not_recorded_is_absent(tmp_path: Path) -> None:
    env = capture(made(tmp_path, {"root/x": "", "http/index.json": [{"get": "/status", "status": 404}]}))
    with pytest.raises(FileNotFoundError):
        env.commands.run(["nvpmodel", "-q"])
    for path in ("/status", "/other"):
        with pytest.raises(OSError, match=path):
            env.web.get(f"http://meter{path}")
    with pytest.raises(ImportError):
        env.libraries.load("pynvml")


@pytest.mark.parametrize("argv", [["tegrastats"], ["tegrastats", "--interval", "500"], ["sudo", "/usr/bin/tegrastats"]])
def test_a_program_asked_for_without_options_answers_as_it_was_recorded_with_some(
    tmp_path: Path, argv: list[str]
) -> None:
    folder = made(tmp_path, {"cmd/index.json": [{"argv": argv, "stdout": "0.txt"}], "cmd/0.txt": "RAM"})
    env = capture(folder)
    assert env.commands.run(["tegrastats"]).stdout.strip('"') == "RAM"
    with pytest.raises(FileNotFoundError):
        env.commands.run(["tegrastats", "--stop"])
    with pytest.raises(FileNotFoundError):
        env.commands.run(["sudo"])


def test_what_only_root_may_read_is_refused_to_others(tmp_path: Path) -> None:
    folder = made(tmp_path, {"root/sys/energy_uj": "1", "modes.json": {"*/energy_uj": "0400"}})
    assert capture(folder).files.text("/sys/energy_uj") == "1"
    with pytest.raises(PermissionError):
        capture(folder, privileged=False).files.text("/sys/energy_uj")


@pytest.mark.parametrize(
    "files",
    [
        {"README": "no capture"},
        {"root/x": "", "errors.json": "{"},
        {"root/x": "", "errors.json": []},
        {"cmd/index.json": {"argv": 1}},
        {"http/index.json": ["x"]},
    ],
)
def test_what_is_no_capture_is_one_line(tmp_path: Path, files: dict[str, Any]) -> None:
    with pytest.raises(DocumentError, match="capture") as caught:
        capture(made(tmp_path, files))
    assert "\n" not in str(caught.value)


def test_an_index_names_no_file_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = made(tmp_path / "c", {"cmd/index.json": [{"argv": ["x"], "stdout": "../../secret"}], "root/x": ""})
    with pytest.raises(DocumentError, match="outside"):
        capture(folder).commands.run(["x"])
