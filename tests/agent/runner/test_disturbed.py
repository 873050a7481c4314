"""A stop of the process is noticed, and only in the round it falls into; waits of threads only grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchfleet.agent.runner import disturbed

PROGRAM = """
import sys
from benchfleet.agent.runner.disturbed import Disturbance
seen = Disturbance()
for line in sys.stdin:
    if line == "begin\\n":
        seen.begin()
    print(seen.end()["stops"], flush=True)
"""


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.wait()


def stops(process, line):
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def stop(process):
    """Stopped for sure, then continued."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    process.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, process.pid, os.WCONTINUED)


def test_a_stop_counts_in_the_round_it_falls_into(child):
    assert stops(child, "begin") == 0
    stop(child)
    assert stops(child, "end") == 1
    stop(child)
    assert stops(child, "begin") == 0


def test_waits_of_all_threads_are_at_least_those_of_one():
    with Path("/proc/thread-self/schedstat").open() as file:
        one = int(file.read().split()[1])
    ready, done = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: (ready.set(), done.wait()))
    other.start()
    ready.wait()
    assert disturbed.waits_ns() >= one
    done.set()
    other.join()


def test_a_system_without_schedstat_is_unknown_and_not_zero(monkeypatch, tmp_path):
    monkeypatch.setattr(disturbed, "TASKS", str(tmp_path / "none"))
    assert disturbed.waits_ns() is None
    (tmp_path / "task" / "1").mkdir(parents=True)
    monkeypatch.setattr(disturbed, "TASKS", str(tmp_path / "task"))
    assert disturbed.waits_ns() is None
