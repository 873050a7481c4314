"""Each process of the tests is a host of its own: its agents wait for each other's turn, not for another process's."""

from __future__ import annotations

import os
import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def _own_host_lock(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("BENCHFLEET_HOST_LOCK", str(tmp_path_factory.mktemp("host") / "host.lock"))


@pytest.fixture(autouse=True)
def _interrupts_as_python_has_them() -> None:
    """Whatever a test before or the shell around left: a process started in the background ignores interrupts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
