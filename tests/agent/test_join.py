"""A token works once, so what would waste it is found before it is sent; a key is never readable by others."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path

import pytest

from benchfleet.agent import certificates, identity
from benchfleet.agent.join import join
from benchfleet.controller import pki
from benchfleet.core.clock import ManualClock, SystemClock
from benchfleet.core.errors import RefusedError, StateError, UnreachableError


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def token(listener: socket.socket) -> str:
    return f"bf1.{'a' * 64}.{listener.getsockname()[1]}.secret"


def nobody_called(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def held(state: Path, clock) -> None:
    key_pem, request = certificates.key_and_request("one")
    issued = pki.Authority.create(clock).issue_agent(request, "one")
    made = identity.Identity(
        device="one", controller="h:1", ca_pem="c", certificate_pem=issued.certificate_pem.decode(), key_pem=key_pem
    )
    identity.save(state, made)


def test_a_state_folder_that_cannot_be_written_is_found_before_the_token_is_sent(tmp_path, listener):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="choose another with --state"):
        join(token(listener), "127.0.0.1", tmp_path / "file" / "state")
    assert nobody_called(listener)


def test_a_device_that_has_an_identity_is_told_before_the_token_is_sent(tmp_path, listener):
    held(tmp_path, SystemClock())
    with pytest.raises(RefusedError, match=r"holds the identity of one; .* remove"):
        join(token(listener), "127.0.0.1", tmp_path)
    assert nobody_called(listener)


def test_an_identity_that_has_expired_is_in_nobodys_way(tmp_path, listener):
    held(tmp_path, ManualClock(utc=SystemClock().utc() - timedelta(days=3)))
    listener.close()
    with pytest.raises(UnreachableError):
        join(token_of_closed(), "127.0.0.1", tmp_path)


def token_of_closed() -> str:
    return f"bf1.{'a' * 64}.1.secret"


def test_a_key_is_private_even_where_a_crash_left_a_readable_file(tmp_path):
    scratch = tmp_path / f".{identity.FILE}.new"
    scratch.write_text("half")
    scratch.chmod(0o644)
    held(tmp_path, SystemClock())
    assert (tmp_path / identity.FILE).stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [identity.FILE]
