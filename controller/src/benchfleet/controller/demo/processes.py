"""Child processes that never outlive the one that started them: neither its return, nor its error, nor its death."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from benchfleet.controller.demo.commands import tied
from benchfleet.core.errors import RunFailedError, UnreachableError

GRACE_S = 8.0
"""An agent kills its runners and says Bye well within this; what is left then is killed."""
POLL_S = 0.05
LOG_TAIL_LINES = 3


@dataclass(slots=True, kw_only=True)
class Service:
    """A long-lived child with its log; started in a session of its own so that Ctrl-C reaches only us."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def failure(self) -> str | None:
        """Why it is gone, with the end of its log; None while it runs."""
        code = self.process.poll()
        if code is None:
            return None
        lines = self.log.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:]
        return f"{self.name} ended with code {code}: {' | '.join(lines) or 'it wrote nothing'}"


class Services:
    """Starts services and, as a context, ends all of them in reverse order."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = dict(environment)
        self._running: list[Service] = []

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> Service:
        """Starts `command`, tied to this process; its output goes to NAME.log."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                tied(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        service = Service(name=name, process=process, log=log)
        self._running.append(service)
        return service

    def finish(self, service: Service, timeout_s: float) -> None:
        """Waits for a service that is meant to end; RunFailedError with its last words unless it ends well."""
        try:
            service.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise UnreachableError(f"demo: {service.name} did not end within {timeout_s:.0f} s") from None
        if service.process.returncode != 0:
            raise RunFailedError(f"demo: {service.failure()}")
        self._running.remove(service)

    def named(self, name: str) -> Service:
        """The running service of that name, the newest when it was started again."""
        return next(service for service in reversed(self._running) if service.name == name)

    def kill(self, name: str) -> None:
        """Kills a service without a word, as a power cut would, and forgets it."""
        service = self.named(name)
        service.process.kill()
        service.process.wait()
        self._running.remove(service)

    def check(self) -> None:
        """RunFailedError when one of them ended by itself."""
        for service in self._running:
            if why := service.failure():
                raise RunFailedError(f"demo: {why}")

    def wait_until(self, done: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Polls until `done`; UnreachableError after the timeout, RunFailedError when a service ends meanwhile."""
        deadline = time.monotonic() + timeout_s
        while not done():
            self.check()
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"demo: {what} did not happen within {timeout_s:.0f} s; see the logs in {self._logs}"
                )
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Asks all to end, newest first, waits, and kills what is left."""
        for service in reversed(self._running):
            _signal(service, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        for service in reversed(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                service.process.wait(max(0.0, deadline - time.monotonic()))
            _signal(service, signal.SIGKILL)
            service.process.wait()
        self._running.clear()


def _signal(service: Service, number: signal.Signals) -> None:
    # The group, not the process: what a service started goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(service.process.pid, number)


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block like Ctrl-C; once that has begun, further signals do not disturb it."""
    taken = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in taken}

    def interrupt(number: int, frame: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
