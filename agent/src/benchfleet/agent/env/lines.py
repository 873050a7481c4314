"""Conversations of text lines over TCP, as meters of a laboratory hold them."""

from __future__ import annotations

import socket

LINE_MAX = 64 * 1024
"""Bytes without an end of line; a daemon that sends more of them is none that talks in lines."""


class Conversation:
    """One connection. A line that did not come in time may be waited for again."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket, self._held = connected, b""

    def send(self, line: str) -> None:
        """OSError where it is gone."""
        self._socket.sendall(line.encode() + b"\r\n")

    def receive(self, timeout_s: float) -> str:
        """The next line without its end; TimeoutError when none came, OSError where the other side has gone."""
        import time

        until_s = time.monotonic() + timeout_s
        while b"\n" not in self._held:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"no line within {timeout_s:g} s")
            self._socket.settimeout(left_s)
            more = self._socket.recv(LINE_MAX)
            if not more:
                raise ConnectionResetError("the other side has closed the connection")
            self._held += more
            if len(self._held) > LINE_MAX and b"\n" not in self._held:
                raise ConnectionError("what it sends is no text of lines")
        line, _, self._held = self._held.partition(b"\n")
        return line.rstrip(b"\r").decode(errors="replace")

    def close(self) -> None:
        """Ends it."""
        self._socket.close()


class Tcp:
    """The network."""

    def connect(self, host: str, port: int, timeout_s: float) -> Conversation:
        """OSError where nobody listens; TimeoutError when it took too long."""
        return Conversation(socket.create_connection((host, port), timeout_s))
