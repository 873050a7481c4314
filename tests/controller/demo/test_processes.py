"""Whatever ends the demo, its processes end with it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchfleet.controller.demo.processes import Services
from benchfleet.core.errors import RunFailedError, UnreachableError

DEADLINE_S = 20.0
PAUSE = [sys.executable, "-c", "import signal; signal.pause()"]
OWNER = """
import pathlib, sys
from benchfleet.controller.demo.processes import Services, signals_as_interrupt
with signals_as_interrupt(), Services(pathlib.Path(sys.argv[1]), {}) as services:
    service = services.start("child", [sys.executable, "-c", %r])
    services.wait_until(lambda: service.log.read_text() == "up", "the child's word", 15)
    print(service.process.pid, flush=True)
    if sys.argv[2] == "raise":
        raise RuntimeError("planned")
    import signal
    signal.pause()
"""
PLAIN_CHILD = "import signal; print('up', end='', flush=True); signal.pause()"
DEAF_CHILD = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', end='', flush=True); signal.pause()"
)


def owner(folder: Path, mode: str, child: str = PLAIN_CHILD) -> tuple[subprocess.Popen[str], int]:
    """A process that owns one service, and a pidfd of that service."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER % child, str(folder), mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.strip(), "the owner did not start its service"
    return process, os.pidfd_open(int(line))


def ended(pidfd: int) -> bool:
    """Whether the process ended before the deadline."""
    try:
        return bool(select.select([pidfd], [], [], DEADLINE_S)[0])
    finally:
        os.close(pidfd)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_owner_ends_its_services(tmp_path, number):
    process, child = owner(tmp_path, "wait")
    process.send_signal(number)
    assert ended(child)
    assert process.wait(DEADLINE_S) != 0


def test_a_second_interrupt_does_not_stop_the_cleaning_up(tmp_path):
    process, child = owner(tmp_path, "wait", DEAF_CHILD)
    process.send_signal(signal.SIGINT)
    for _ in range(200):
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGINT)
    assert ended(child)
    process.wait(DEADLINE_S)


def test_an_error_of_the_owner_ends_its_services(tmp_path):
    process, child = owner(tmp_path, "raise")
    assert ended(child)
    assert process.wait(DEADLINE_S) == 1


def test_a_service_that_ends_by_itself_is_named_with_its_last_words(tmp_path):
    with Services(tmp_path, {}) as services:
        services.start("agent", [sys.executable, "-c", "import sys; print('no disk'); sys.exit(7)"])
        with pytest.raises(RunFailedError, match=r"agent ended with code 7: no disk"):
            services.wait_until(lambda: False, "anything", DEADLINE_S)


def test_waiting_ends_at_its_deadline(tmp_path):
    with Services(tmp_path, {}) as services:
        services.start("agent", PAUSE)
        with pytest.raises(UnreachableError, match="the harvest did not happen within 0 s"):
            services.wait_until(lambda: False, "the harvest", 0.0)


def test_a_step_that_fails_is_reported_with_its_last_words(tmp_path):
    with Services(tmp_path, {}) as services:
        join = services.start("join", [sys.executable, "-c", "import sys; sys.exit('token is spent')"])
        with pytest.raises(RunFailedError, match="join ended with code 1: token is spent"):
            services.finish(join, DEADLINE_S)
