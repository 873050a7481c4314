"""Credentials: where they are found, and what is said when they are not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from benchfleet.controller.client import Credentials, find_credentials, read_credentials, write_credentials
from benchfleet.controller.client.credentials import check_address
from benchfleet.controller.enrollment.admin import user_credentials
from benchfleet.controller.pki import Authority
from benchfleet.core.clock import ManualClock
from benchfleet.core.errors import DocumentError, RefusedError


def credentials(shift: timedelta = timedelta(0)) -> Credentials:
    authority = Authority.create(ManualClock(utc=datetime.now(timezone.utc) + shift))
    return user_credentials(authority, "ana", "viewer", "127.0.0.1:7443")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BENCHFLEET_CREDENTIALS", "BENCHFLEET_CONTROLLER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BENCHFLEET_STATE", str(tmp_path / "state"))


def test_missing_ones_say_how_to_get_some() -> None:
    with pytest.raises(RefusedError, match="benchfleet serve") as caught:
        find_credentials()
    assert caught.value.exit_code == 6


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ana.json"
    write_credentials(path, credentials())
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(RefusedError, match="chmod 600"):
        read_credentials(path)


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[]", b"{}", b'{"controller": 1}', b"[" * 60_000])
def test_garbage_is_refused_in_one_line(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "ana.json"
    path.write_bytes(payload)
    path.chmod(0o600)
    with pytest.raises(DocumentError, match="not a credentials file"):
        read_credentials(path)


@pytest.mark.parametrize(("days", "word"), [(-365, "expired"), (365, "not yet valid")])
def test_dates_are_checked_before_dialling(tmp_path: Path, days: int, word: str) -> None:
    path = tmp_path / "ana.json"
    write_credentials(path, credentials(timedelta(days=days)))
    with pytest.raises(RefusedError, match=word):
        find_credentials(path)


def test_flag_over_environment_over_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: tmp_path / name for name in ("flag", "environment")}
    (tmp_path / "state").mkdir()
    files["default"] = tmp_path / "state" / "admin.json"
    made = {name: credentials() for name in files}
    for name, path in files.items():
        write_credentials(path, made[name])
    assert find_credentials().key_pem == made["default"].key_pem
    monkeypatch.setenv("BENCHFLEET_CREDENTIALS", str(files["environment"]))
    assert find_credentials().key_pem == made["environment"].key_pem
    assert find_credentials(files["flag"]).key_pem == made["flag"].key_pem
    monkeypatch.setenv("BENCHFLEET_CONTROLLER", "bench:1")
    assert find_credentials().controller == "bench:1"
    assert find_credentials(controller="other:2").controller == "other:2"


def test_the_key_is_not_in_a_repr() -> None:
    assert "PRIVATE" not in repr(credentials())


@pytest.mark.parametrize(
    "text", ["", "host", ":7443", "host:", "host:x", "host:99999", "http://host:1", "a b:1", "a\n:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match="HOST:PORT"):
        check_address(text)
