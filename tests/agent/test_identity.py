"""An identity that others can read, that is damaged or missing is refused in one line."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from benchfleet.agent import identity, incarnation
from benchfleet.agent.join import parse_token
from benchfleet.core.errors import DocumentError, RefusedError, StateError

HELD = identity.Identity(device="dev", controller="h:1", ca_pem="c", certificate_pem="d", key_pem="k")


def test_a_device_that_has_not_joined_is_told_how(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="benchfleet-agent join"):
        identity.load(tmp_path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    identity.save(tmp_path, HELD)
    (tmp_path / identity.FILE).chmod(0o640)
    with pytest.raises(RefusedError, match="chmod 600"):
        identity.load(tmp_path)


def test_a_damaged_identity_is_named(tmp_path: Path) -> None:
    identity.save(tmp_path, HELD)
    (tmp_path / identity.FILE).write_text("{")
    with pytest.raises(StateError, match="damaged"):
        identity.load(tmp_path)


def test_an_identity_is_its_owners_alone(tmp_path: Path) -> None:
    identity.save(tmp_path, HELD)
    assert stat.S_IMODE((tmp_path / identity.FILE).stat().st_mode) == 0o600
    assert identity.load(tmp_path) == HELD


@pytest.mark.parametrize("text", ["", "bf1.x.1.y", "bf2." + "a" * 64 + ".1.s", "bf1." + "a" * 64 + ".port.secret"])
def test_what_is_not_a_token_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(DocumentError, match="not a join token"):
        parse_token(text)


def test_each_start_counts_up_and_a_second_daemon_is_refused(tmp_path: Path) -> None:
    import os

    first = incarnation.begin(tmp_path)
    with pytest.raises(StateError, match="another agent uses it"):
        incarnation.begin(tmp_path)
    os.close(first.lock)
    second = incarnation.begin(tmp_path)
    os.close(second.lock)
    assert second.incarnation == first.incarnation + 1
    assert second.instance_id != first.instance_id
