"""A PTDaemon that measures nothing: it answers like one, and says of itself that it is simulated.

    python -m benchfleet.agent.sensors._ptdaemon_fake --port 8888 --watts 25 --ahead-s 1.5

What it says of power is a function of time, so that the truth is known; its clock may be ahead of this machine's.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

IDENTITY = "Simulated,0,benchfleet fake,simulated"


class Fake:
    """Listens from `start` until `close`; `address` is where.

    `begins_s`: how long it is silent after a connection, as a daemon that starts its analyzer. `only`: of the ways to
    read samples the one it understands.
    """

    def __init__(
        self,
        watts: Callable[[float], float] = lambda now_s: 25.0,
        *,
        ahead_s: float = 0.0,
        every_s: float = 1.0,
        begins_s: float = 0.0,
        only: str = "RL",
        identity: str = IDENTITY,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        self._watts, self._ahead_s, self._every_s, self._begins_s = watts, ahead_s, every_s, begins_s
        self._only, self._identity = only, identity
        self._over = threading.Event()
        self._started_s: float | None = None
        self._read = 0
        self._label = "notset"
        self.said: list[str] = []
        self._listening = socket.create_server((host, port))
        self._talking: list[socket.socket] = []

    @property
    def address(self) -> str:
        """For --meter."""
        host, port = self._listening.getsockname()[:2]
        return f"ptdaemon://{host}:{port}"

    def start(self) -> Fake:
        """Answers on threads of its own."""
        threading.Thread(target=self._listen, name="fake ptdaemon", daemon=True).start()
        return self

    def close(self) -> None:
        """Hangs up."""
        self._over.set()
        for open_socket in (self._listening, *self._talking):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            self._talking.append(connected)
            threading.Thread(target=self._talk, args=(connected,), name="fake ptdaemon", daemon=True).start()

    def _talk(self, connected: socket.socket) -> None:
        self._over.wait(self._begins_s)
        with contextlib.suppress(OSError, ValueError), connected, connected.makefile("rb") as lines:
            for line in lines:
                said = line.decode().strip()
                self.said.append(said)
                connected.sendall("".join(f"{answer}\r\n" for answer in self.answer(said)).encode())

    def answer(self, said: str) -> list[str]:
        """The lines that answer one."""
        command = said.split(",")
        if said == "Hello":
            return ["Hello, PTDaemon here!"]
        if said == "Identify":
            return [self._identity]
        if said == "RR":
            return ["Ranges,0,2.0,1,-1.0"]
        if command[0] == "SR":
            return [f"Range {command[1]} set to {command[2]}"]
        if command[0] == "Go":
            self._started_s, self._read, self._label = time.time(), 0, command[-1]
            return ["Starting untimed measurement, simulated"]
        if said == "Stop":
            self._started_s = None
            return ["Stopping measurement"]
        if said == self._only:
            return self._samples()
        return ["Invalid number of parameters" if command[0] == "RL" else "Unknown command"]

    def _samples(self) -> list[str]:
        if self._started_s is None:
            return ["Last 0 samples"]
        made = int((time.time() - self._started_s) / self._every_s)
        times = [self._started_s + (n + 1) * self._every_s for n in range(self._read, made)]
        self._read = made
        return [f"Last {len(times)} samples", *map(self._sample, times)]

    def _sample(self, time_s: float) -> str:
        stamp = datetime.fromtimestamp(time_s + self._ahead_s, UTC).strftime("%m-%d-%Y %H:%M:%S.%f")[:-3]
        watts = self._watts(time_s)
        return f"Time,{stamp},Watts,{watts:.6f},Volts,230.000000,Amps,{watts / 230:.6f},PF,1.000000,Mark,{self._label}"


def main() -> None:
    """Until it is ended."""
    import argparse

    parser = argparse.ArgumentParser(description="A simulated PTDaemon.")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--watts", type=float, default=25.0)
    parser.add_argument("--ahead-s", type=float, default=0.0)
    given = parser.parse_args()
    fake = Fake(lambda now_s: given.watts, ahead_s=given.ahead_s, port=given.port).start()
    try:
        print(f"simulated: {fake.address}", flush=True)
        threading.Event().wait()
    except KeyboardInterrupt:
        fake.close()


if __name__ == "__main__":
    main()
