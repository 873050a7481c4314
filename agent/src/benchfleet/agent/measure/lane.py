"""One runner process: started by path, told what to do line by line, killed as a group, its end explained.

A command that is not answered in time, or a process that is gone, is a LaneFault with a reason; what the process wrote
to stderr is drained all the while and its last 64 KiB are kept.
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

STDERR_TAIL_BYTES = 64 * 1024
TERM_GRACE_S = 5.0
EVENT_BYTES_MAX = 4 * 1024 * 1024
RUNNER = Path(__file__).parents[1] / "runner" / "__main__.py"


class LaneFault(Exception):  # noqa: N818 - an outcome of the run, not an error of ours
    """How a runner failed: FAILED(reason)."""

    def __init__(self, reason: str, phase: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.phase, self.detail = reason, phase, detail


class Lane:
    """A runner and its pipes."""

    def __init__(self, name: str, spec: dict[str, Any], folder: Path, interpreter: str = sys.executable) -> None:
        self.name = name
        self.series = folder / "wall_ns.i64"
        self._folder, self._interpreter = folder, interpreter
        self._spec = {**spec, "series": str(self.series), "parent_pid": os.getpid()}
        self._tail = bytearray()
        self._process: asyncio.subprocess.Process | None = None
        self._events: asyncio.StreamReader | None = None
        self._pumps: list[asyncio.Task[None]] = []
        self._transport: asyncio.ReadTransport | None = None

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
        spec_path.write_text(json.dumps({**self._spec, "event_fd": writer, "alarm_s": alarm_s}))
        try:
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
            )
        except OSError as error:
            os.close(reader)
            raise LaneFault("exit", "start", f"cannot start {self._interpreter}: {error.strerror}") from error
        finally:
            os.close(writer)
        self._events = asyncio.StreamReader(limit=EVENT_BYTES_MAX)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._events),  # type: ignore[arg-type]
            os.fdopen(reader, "rb"),
        )
        self._transport = transport
        self._pumps = [asyncio.create_task(self._drain())]

    async def _drain(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while chunk := await self._process.stdout.read(65536):
            self._tail += chunk
            del self._tail[:-STDERR_TAIL_BYTES]

    async def command(self, do: str, timeout_s: float, **fields: Any) -> dict[str, Any]:
        """Sends one command and waits for its answer; LaneFault when the runner fails, dies or is late."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._events is not None
        # The runner's own alarm comes later than ours: it is the back stop for a daemon that is gone or stopped.
        line = json.dumps({"do": do, "alarm_s": timeout_s + TERM_GRACE_S, **fields}) + "\n"
        try:
            self._process.stdin.write(line.encode())
            await self._process.stdin.drain()
            answer = await asyncio.wait_for(self._events.readline(), timeout_s)
        except asyncio.TimeoutError:
            await self.kill()
            raise LaneFault("timeout", do, f"{do} took longer than {timeout_s:.0f} s and was stopped") from None
        except (ConnectionError, BrokenPipeError):
            answer = b""
        except ValueError:
            await self.kill()
            raise LaneFault("exit", do, f"the runner's answer is longer than {EVENT_BYTES_MAX} bytes") from None
        if not answer:
            raise await self._ended(do)
        event: dict[str, Any] = json.loads(answer)
        if event["event"] == "fault":
            await self.kill()
            raise LaneFault(str(event["reason"]), do, str(event["message"]))
        return event

    async def _ended(self, phase: str) -> LaneFault:
        """Why a process that is gone is gone."""
        assert self._process is not None
        try:
            code = await asyncio.wait_for(self._process.wait(), TERM_GRACE_S)
        except asyncio.TimeoutError:
            await self.kill()
            return LaneFault("exit", phase, "the runner closed its event pipe")
        await self._join()
        if code >= 0:
            return LaneFault("exit", phase, f"the runner ended by itself with exit code {code}")
        name = signal.Signals(-code).name
        if -code == signal.SIGKILL:
            return LaneFault(
                "oom", phase, "the runner was killed by the kernel (SIGKILL not sent by us: out of memory)"
            )
        if -code == signal.SIGALRM:
            return LaneFault("timeout", phase, "the runner's own alarm ended it")
        return LaneFault("runner_signal", phase, f"the runner was ended by signal {-code} ({name})")

    async def kill(self) -> None:
        """SIGTERM, a grace, SIGKILL: to the whole group, and waits until it is gone."""
        if self._process is None:
            return
        for number, wait_s in ((signal.SIGTERM, TERM_GRACE_S), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            try:
                await asyncio.wait_for(self._process.wait(), wait_s)
            except asyncio.TimeoutError:
                continue
            break
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what the model itself started
        await self._join()

    async def stop(self) -> None:
        """Ends a healthy runner."""
        if self._process is not None and self._process.returncode is None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, BrokenPipeError):
                self._process.stdin.write(b'{"do": "stop"}\n')
                await self._process.stdin.drain()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), TERM_GRACE_S)
        await self.kill()

    async def _join(self) -> None:
        for pump in self._pumps:
            with contextlib.suppress(asyncio.TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(pump, 1.0)
        if self._transport is not None:
            self._transport.close()
