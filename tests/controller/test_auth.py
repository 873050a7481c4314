"""Every method of every service against every role: a method without a row is denied."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import benchfleet.v1
from benchfleet.controller.auth import ALLOWED, ROLES, DenyList

NOT_FOR_AGENTS = {"viewer", "operator", "admin"}
CHANGING = ("Create", "Cancel", "Register", "Upload", "Set", "Revoke")


def methods() -> list[str]:
    """Full names of all methods in the generated descriptors."""
    found = []
    for module in pkgutil.iter_modules(benchfleet.v1.__path__):
        if module.name.endswith("_pb2"):
            descriptor = importlib.import_module(f"benchfleet.v1.{module.name}").DESCRIPTOR
            for service in descriptor.services_by_name.values():
                found += [f"/{service.full_name}/{method.name}" for method in service.methods]
    return found


def test_there_are_methods_to_check() -> None:
    assert len(methods()) >= 25


@pytest.mark.parametrize("method", methods())
def test_every_method_has_a_row(method: str) -> None:
    assert method in ALLOWED


@pytest.mark.parametrize("method", methods())
def test_agents_call_their_two_services_and_nobody_else_does(method: str) -> None:
    agents_service = method.split("/")[1] in ("benchfleet.v1.AgentService", "benchfleet.v1.RenewalService")
    assert ("agent" in ALLOWED[method]) == agents_service
    if agents_service:
        assert not ALLOWED[method] & NOT_FOR_AGENTS


@pytest.mark.parametrize("method", methods())
def test_a_viewer_changes_nothing(method: str) -> None:
    name = method.rsplit("/", 1)[1]
    if name.startswith(CHANGING):
        assert "viewer" not in ALLOWED[method]


@pytest.mark.parametrize("method", methods())
def test_a_higher_role_may_all_that_a_lower_may(method: str) -> None:
    roles = ALLOWED[method]
    assert "viewer" not in roles or "operator" in roles
    assert "operator" not in roles or "admin" in roles


def test_no_row_names_an_unknown_role() -> None:
    assert {role for roles in ALLOWED.values() for role in roles} <= set(ROLES)


def test_no_row_is_left_of_a_method_that_is_gone() -> None:
    assert {name for name in ALLOWED if name.startswith("/benchfleet.")} == set(methods())


async def test_a_watch_ends_when_its_serial_is_denied() -> None:
    denied = DenyList()
    watch, other = denied.watch(1), denied.watch(2)
    denied.deny(1)
    assert watch.done()
    assert not other.done()
    assert 1 in denied
    assert denied.watch(1).done()
