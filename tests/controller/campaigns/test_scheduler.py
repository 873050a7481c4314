"""Who gets a device, and who is told that there is none."""

from __future__ import annotations

import pytest

from benchfleet.controller.campaigns.machine import Barred
from benchfleet.controller.campaigns.scheduler import OFFLINE_S, Waiting, assign, standing


def waiting(run_id, device, order=0.0, ordinal=0):
    return Waiting(run_id=run_id, device=device, campaign_order=order, ordinal=ordinal)


def test_one_run_a_device_oldest_campaign_first_then_the_order_of_the_plan():
    runs = [
        waiting("late", "a", order=2.0),
        waiting("second", "a", ordinal=1),
        waiting("first", "a"),
        waiting("b", "b"),
    ]
    assert {run.run_id for run in assign(runs, ["a", "b"])} == {"first", "b"}


def test_a_device_that_is_not_idle_gets_nothing():
    assert assign([waiting("r", "a")], ["b"]) == []


@pytest.mark.parametrize("admission", ["revoked", "quarantined", "draining"])
@pytest.mark.parametrize("absent_s", [None, 0.0, OFFLINE_S])
def test_what_an_operator_has_decided_bars_at_once(admission, absent_s):
    assert standing(admission, absent_s).reason == f"device_{admission}"


def test_a_device_that_is_away_is_waited_for_as_long_as_a_reboot_takes():
    assert standing("open", None) == "ready"
    assert standing("open", OFFLINE_S - 0.1) == "patience"
    gone = standing("open", OFFLINE_S)
    assert isinstance(gone, Barred)
    assert gone.reason == "device_offline"
