"""The firmware of a Raspberry Pi answers lines of text, through its mailbox /dev/vcio or by the program vcgencmd.

Both carry the same commands, so both are read by the same parsers; the mailbox starts no process for it. A request is a
buffer of 32-bit words: its size, 0, the tag, the size of the value, 0, a return code, then the command, and a last 0.
The answer stands in the same buffer. The tag 0x00030046 for the throttle bits alone is not used: what is sent with it
clears the bits that the kernel's own watch of the voltage needs.
https://github.com/raspberrypi/utils/blob/master/vcgencmd/vcgencmd.c
https://github.com/raspberrypi/linux/blob/rpi-6.6.y/drivers/char/broadcom/vcio.c
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from benchfleet.agent.env import Env
from benchfleet.agent.sensors._files import Unread

DEVICE = "/dev/vcio"
PROGRAM = "vcgencmd"
REQUEST = 3 << 30 | struct.calcsize("P") << 16 | 100 << 8
"""_IOWR(100, 0, char *): the size is that of a pointer, 8 bytes of a 64-bit process and 4 of a 32-bit one."""
TAG_COMMAND = 0x00030080
ANSWERED = 0x80000000
ANSWER_BYTES = 4096
"""As vcgencmd has it; 26 lines of the PMIC take about 1000."""
HEADER_BYTES = 24
NOBODY_TO_ASK = (
    "neither /dev/vcio nor vcgencmd is there to ask the firmware: install raspi-utils (libraspberrypi-bin before "
    "Bookworm), or give the container --device /dev/vcio"
)
NOT_RECORDED = "no answer to vcgencmd {} was recorded, and from a recording or another root no firmware can be asked"
FORBIDDEN = re.compile(r"VCHI initiali[sz]ation failed|Can't open device file|failed to open vchiq", re.IGNORECASE)
HOW_TO_ALLOW = "join the group video (sudo usermod -aG video USER, then log in anew); in a container --device /dev/vcio"
REFUSED = re.compile(r'error=(-?\d+)\s+error_msg="([^"]*)"')


class Channel(Protocol):
    """A way to ask the firmware."""

    name: str

    def ask(self, command: str) -> str:
        """Its answer; Unread where it refuses, OSError where there is no way, TimeoutError where it hangs."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


class Mailbox:
    """/dev/vcio, held open."""

    name = "mailbox"

    def __init__(self, env: Env) -> None:
        self._env = env
        self._handle: int | None = None

    def ask(self, command: str) -> str:
        """The text of the answer."""
        if self._env.ioctl is None:
            raise FileNotFoundError(f"{DEVICE}: no device may be asked here")
        try:
            if self._handle is None:
                self._handle = self._env.files.open(DEVICE)
            buffer = _request(command)
            self._env.ioctl(self._handle, REQUEST, buffer)
        except PermissionError as error:
            raise Unread("denied", f"{DEVICE}: {error.strerror}; {HOW_TO_ALLOW}") from error
        except OSError:
            self.close()
            raise
        return understood(command, *_answer(command, buffer))

    def close(self) -> None:
        """Closes the device."""
        handle, self._handle = self._handle, None
        if handle is not None:
            with contextlib.suppress(OSError):
                os.close(handle)


class Program:
    """vcgencmd: a process each time."""

    name = PROGRAM

    def __init__(self, env: Env) -> None:
        self._env = env

    def ask(self, command: str) -> str:
        """What it printed."""
        answer = self._env.commands.run([PROGRAM, *command.split()])
        return understood(command, answer.stdout, answer.code)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`channel` answered with `text`, or failed with `error`; no channel: there is none."""

    channel: str = ""
    text: str = ""
    error: Exception | None = None


def channel(env: Env, name: str) -> Channel:
    """The channel of this name."""
    return Mailbox(env) if name == Mailbox.name else Program(env)


def first(env: Env, command: str, accept: Callable[[str], object]) -> Asked:
    """The first channel whose answer is accepted; else the first that failed, other than by not being there."""
    failed: list[Asked] = []
    for each in (Mailbox(env), Program(env)):
        try:
            text = each.ask(command)
            accept(text)
            return Asked(channel=each.name, text=text)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, LookupError, Unread) as error:
            failed.append(Asked(channel=each.name, error=error))
            if isinstance(error, Unread) and error.quality == "unsupported":
                break  # the firmware has spoken, and is the same by whichever channel
        finally:
            each.close()
    return failed[0] if failed else Asked()


def understood(command: str, text: str, code: int = 0) -> str:
    """The text, unless it says why there is none."""
    refused = REFUSED.search(text)
    if refused:
        quality = "unsupported" if "not registered" in refused[2].lower() else "lost"
        raise Unread(quality, f"the firmware refuses {command}: {refused[2]}")
    if FORBIDDEN.search(text):
        raise Unread("denied", f"{text.strip().splitlines()[0]}: {HOW_TO_ALLOW}")
    if code:
        raise Unread("lost", f"{command} ended with {code}: {text.strip()[:120] or 'no message'}")
    if not text.strip():
        raise Unread("lost", f"the answer to {command} is empty")
    return text


def _request(command: str) -> bytearray:
    text = command.encode()
    size = HEADER_BYTES + ANSWER_BYTES + 4
    head = struct.pack("=6I", size, 0, TAG_COMMAND, ANSWER_BYTES, 0, 0)
    return bytearray(head + text.ljust(ANSWER_BYTES + 4, b"\0"))


def _answer(command: str, buffer: bytearray) -> tuple[str, int]:
    _, status, _, _, _, code = struct.unpack_from("=6I", buffer)
    if status != ANSWERED:
        raise Unread("lost", f"the mailbox did not take {command}: 0x{status:08x}")
    text = bytes(buffer[HEADER_BYTES : HEADER_BYTES + ANSWER_BYTES]).partition(b"\0\0")[0]
    return text.replace(b"\0", b"\n").decode(errors="replace"), code
