"""A second Ctrl-C does not disturb the end of a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from benchfleet.controller.client.interrupt import interrupted_once

CLOSES_SLOWLY = """
import sys, time
from benchfleet.controller.client.interrupt import interrupted_once
try:
    with interrupted_once():
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("ending", flush=True)
    sys.stdin.readline()
    sys.exit(130)
"""


def test_interrupts_after_the_first_change_nothing():
    process = subprocess.Popen(
        [sys.executable, "-c", CLOSES_SLOWLY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    for _ in range(3):
        process.send_signal(signal.SIGINT)
    _, said = process.communicate("\n", timeout=30)
    assert (process.returncode, said) == (130, "")


def test_without_an_interrupt_the_handler_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with interrupted_once():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_the_first_interrupt_is_raised_in_the_block():
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt), interrupted_once():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
