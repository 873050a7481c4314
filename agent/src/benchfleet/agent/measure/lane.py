"""One runner process: started by path, told what to do line by line, killed as a group, its end explained.

A command that is not answered in time, or a process that is gone, is a LaneFault with a reason; what the process wrote
to stderr is drained all the while and its last 64 KiB are kept. The end of the process is learnt from the process, not
from its pipes: what a model started and left behind may hold them open for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from benchfleet.agent.measure import faults, host

STDERR_TAIL_BYTES = 64 * 1024
TERM_GRACE_S = 5.0
KILL_GRACE_S = 5.0
"""A process that SIGKILL does not end in this time hangs in the kernel: it is left behind and said so."""
LAST_WORDS_S = 0.5
EVENT_BYTES_MAX = 4 * 1024 * 1024
RUNNER = Path(__file__).parents[1] / "runner" / "__main__.py"


class LaneFault(Exception):  # noqa: N818 - an outcome of the run, not an error of ours
    """How a runner failed: FAILED(reason), with the last of what it wrote."""

    def __init__(self, reason: str, phase: str, detail: str, stderr_tail: str = "") -> None:
        super().__init__(detail)
        self.reason, self.phase, self.detail, self.stderr_tail = reason, phase, detail, stderr_tail


class Lane:
    """A runner and its pipes."""

    def __init__(self, name: str, spec: dict[str, Any], folder: Path, interpreter: str = sys.executable) -> None:
        self.name = name
        self.series = folder / "series.i64"
        self._folder, self._interpreter = folder, interpreter
        self._spec = {**spec, "series": str(self.series), "parent_pid": os.getpid()}
        self._tail = bytearray()
        self._process: asyncio.subprocess.Process | None = None
        self._gone: asyncio.Task[int] | None = None
        self._events: asyncio.StreamReader | None = None
        self._pump: asyncio.Task[None] | None = None
        self._transport: asyncio.ReadTransport | None = None
        self._ooms_before = host.oom_kills()

    @property
    def pid(self) -> int | None:
        """Of the process; None before its start."""
        return None if self._process is None else self._process.pid

    @property
    def stderr_tail(self) -> str:
        """The last of what the process wrote."""
        return self._tail.decode("utf-8", "replace")

    async def start(self, alarm_s: float) -> None:
        """Starts the process in a group of its own."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.series.write_bytes(b"")
        reader, writer = os.pipe()
        spec_path = self._folder / "spec.json"
        try:
            spec_path.write_text(json.dumps({**self._spec, "event_fd": writer, "alarm_s": alarm_s}))
            self._process = await asyncio.create_subprocess_exec(
                self._interpreter,
                str(RUNNER),
                str(spec_path),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(writer,),
                start_new_session=True,
                cwd=self._folder,
                env={**os.environ, "TMPDIR": str(self._folder)},  # what a library drops goes with the workspace
            )
        except OSError as error:
            os.close(reader)
            raise LaneFault("exit", "start", f"cannot start {self._interpreter}: {error.strerror}") from error
        finally:
            os.close(writer)
        self._gone = asyncio.create_task(self._watch(self._process))
        self._events = events = asyncio.StreamReader(limit=EVENT_BYTES_MAX)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(events), os.fdopen(reader, "rb")
        )
        self._pump = asyncio.create_task(self._drain(self._process))

    async def _watch(self, process: asyncio.subprocess.Process) -> int:
        """The exit code as soon as the process is gone; Process.wait() also waits for its pipes."""
        while process.returncode is None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(process.wait(), 0.1)
        return process.returncode

    async def _drain(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while chunk := await process.stdout.read(65536):
            self._tail += chunk
            del self._tail[:-STDERR_TAIL_BYTES]

    async def command(self, do: str, timeout_s: float, idle_s: float, **fields: Any) -> dict[str, Any]:
        """Sends one command and waits for its answer; LaneFault when the runner fails, dies or is late.

        The runner ends itself when it has nothing to do for `idle_s`, and some seconds after `timeout_s`: the back stop
        for a daemon that is gone or stopped.
        """
        line = json.dumps({"do": do, "alarm_s": timeout_s + TERM_GRACE_S, "idle_s": idle_s, **fields}) + "\n"
        answer = await self._ask(line, do, timeout_s)
        if not answer:
            raise await self._ended(do)
        try:
            event = json.loads(answer)
            kind = event["event"]
        except (ValueError, TypeError, KeyError):
            await self.kill()
            raise self._fault("exit", do, "what came from the runner is not an answer") from None
        if kind == "fault":
            await self.kill()
            raise self._fault(str(event.get("reason")), do, str(event.get("message")))
        return dict(event)

    async def _ask(self, line: str, do: str, timeout_s: float) -> bytes:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._events is not None
        assert self._gone is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(line.encode())
            await self._process.stdin.drain()
        reading = asyncio.create_task(self._events.readline())
        try:
            await asyncio.wait({reading, self._gone}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if self._gone.done() and not reading.done():
                await asyncio.wait({reading}, timeout=LAST_WORDS_S)
            if reading.done():
                return reading.result()
            if self._gone.done():
                return b""
        except ValueError:
            await self.kill()
            raise self._fault("exit", do, f"the runner's answer is longer than {EVENT_BYTES_MAX} bytes") from None
        finally:
            reading.cancel()
        await self.kill()
        raise self._fault("timeout", do, f"{do} took longer than {timeout_s:.0f} s and was stopped")

    def _fault(self, reason: str, phase: str, detail: str) -> LaneFault:
        detail, tail = faults.plain(detail), faults.plain(self.stderr_tail)
        return LaneFault(faults.reason_of(reason, detail, tail), phase, detail, tail)

    async def _ended(self, phase: str) -> LaneFault:
        """Why a process that is gone is gone."""
        assert self._gone is not None
        await asyncio.wait({self._gone}, timeout=TERM_GRACE_S)
        early = not self._gone.done()
        await self.kill()
        if early:
            return self._fault("exit", phase, "the runner closed its event pipe")
        code = self._gone.result()
        if code >= 0:
            return self._fault("exit", phase, f"the runner ended by itself with exit code {code}")
        if -code == signal.SIGKILL and host.oom_kills() > self._ooms_before:
            return self._fault("oom", phase, "the kernel killed the runner for lack of memory")
        if -code == signal.SIGALRM:
            return self._fault("timeout", phase, "the runner's own alarm ended it")
        name = signal.Signals(-code).name if -code in set(signal.Signals) else "unnamed"
        return self._fault("runner_signal", phase, f"the runner was ended by signal {-code} ({name})")

    async def kill(self) -> None:
        """SIGTERM, a grace, SIGKILL: to the whole group, and waits until it is gone."""
        if self._process is None or self._gone is None:
            return
        if not self._gone.done():
            for number, grace_s in ((signal.SIGTERM, TERM_GRACE_S), (signal.SIGKILL, KILL_GRACE_S)):
                self._signal(number)
                await asyncio.wait({self._gone}, timeout=grace_s)
                if self._gone.done():
                    break
        self._signal(signal.SIGKILL)  # what the model itself started
        if self._pump is not None:
            await asyncio.wait({self._pump}, timeout=LAST_WORDS_S)
            self._pump.cancel()
        if self._transport is not None:
            self._transport.close()
        # There is no public way, and a pipe that an orphan holds open would outlive the loop.
        self._process._transport.close()  # type: ignore[attr-defined]

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def stop(self) -> None:
        """Ends a healthy runner."""
        if self._process is not None and self._gone is not None and not self._gone.done():
            assert self._process.stdin is not None
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(b'{"do": "stop"}\n')
                await self._process.stdin.drain()
            await asyncio.wait({self._gone}, timeout=TERM_GRACE_S)
        await self.kill()
