"""Meters beside a device: their addresses, and what drivers of such meters have in common.

    http://192.168.1.20                      whichever maker answers there
    shelly://192.168.1.20#name=desk          this one; its sensors are called shelly/desk/...
    tasmota://plug.lan#scope=system          what hangs on it is more or less than the socket of the device
    http://user:secret@10.0.0.7#channel=switch:1    a password, and one of several channels
    ptdaemon://10.0.0.5:8888                 a power analyzer
    ina2xx://1-0040#scope=board              a chip of this device: what its shunt carries, nobody but its user knows

A driver of meters has, beside `probe` and `reader`, `found(env, address) -> list[Sensor]`: the sensors of that meter,
none where another maker answers, OSError or Unread where nobody does. Its file name is the scheme of its addresses.
"""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from benchfleet.agent.env import Env
from benchfleet.agent.env.web import HttpStatus
from benchfleet.agent.sensors import GROUP, PACKAGE, SCOPES, Reading, Sensor
from benchfleet.agent.sensors._clock import Offset
from benchfleet.agent.sensors._files import Unread, checked, unread
from benchfleet.core import plugins
from benchfleet.core.errors import DocumentError

EVERY_S = 1.0
"""Plugs measure once a second; asking more often makes them slow, and says nothing new."""
COST_S = 0.3
"""Of asking a plug in its own network, at most; a slower one has 1.2 s until it counts as hanging."""
RANK = 0
METERS_MAX = 8
"""Of one device; each that is dead takes seconds of a look, and ten are the most that a look has."""
OFFSET_MAX_NS = 400_000_000
"""By which a meter's clock may differ before it is told: the limit of MLPerf Power."""
FROZEN_NS = 5_000_000_000
"""A clock of seconds that shows the same for so long stands still, and so does what it measures."""
POWER_MAX_W = 1e6
ANY = "http"
"""The scheme of an address whose maker is found out."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")
_KEYS = ("scope", "name", "channel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a meter is, and what its user says of it; `scope` empty: what is usual for its kind."""

    scheme: str
    host: str
    port: int | None = None
    scope: str = ""
    name: str = ""
    channel: str = ""
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)

    @property
    def place(self) -> str:
        """Host and port; IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """Without anything secret."""
        return f"{self.scheme}://{self.place}"

    @property
    def device(self) -> str:
        """What its sensors are called after."""
        return self.name or re.sub(r"[^A-Za-z0-9_.-]+", "-", self.place).strip("-")

    def url(self, path: str) -> str:
        """Of a page of it."""
        secret = "" if self.user is None else f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return f"http://{secret}{self.place}{path}"


def parsed(text: str, schemes: Iterable[str]) -> Address:
    """The address of a text; DocumentError, without the password, for one that is none."""
    hidden = re.sub(r"//[^/@#]*@", "//...@", text)
    expected = "expected an address like http://192.168.1.20#name=desk"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise DocumentError(f"meter {hidden!r}: {error}; {expected}") from error
    known = sorted({ANY, *schemes})
    if parts.scheme not in known or "//" not in text:
        near = difflib.get_close_matches(parts.scheme, known, 1)
        hint = f"did you mean {near[0]}://?" if near and "//" in text else f"one of {', '.join(known)} comes before ://"
        raise DocumentError(f"meter {hidden!r}: {expected}; {hint}")
    if not parts.hostname:
        raise DocumentError(f"meter {hidden!r}: it has no host; {expected}")
    if parts.path not in ("", "/") or parts.query:
        raise DocumentError(f"meter {hidden!r}: host and port are all it needs, the driver knows the page")
    said = dict(parse_qsl(parts.fragment, keep_blank_values=True))
    unknown = [key for key in said if key not in _KEYS]
    if unknown or (parts.fragment and not said):
        raise DocumentError(f"meter {hidden!r}: after # it takes {', '.join(_KEYS)}, as in #scope=wall&name=desk")
    if said.get("scope", SCOPES[0]) not in SCOPES:
        raise DocumentError(f"meter {hidden!r}: the scope is one of {', '.join(SCOPES)}")
    if not all(_NAME.fullmatch(said.get(key, "x")) for key in ("name", "channel")):
        raise DocumentError(f"meter {hidden!r}: a name has 1 to 40 of A-Z a-z 0-9 _ . : -")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        user=None if parts.username is None else unquote(parts.username),
        password=unquote(parts.password or ""),
        **said,
    )


def drivers() -> dict[str, ModuleType]:
    """Those of meters, by name."""
    return {name: m for name, m in plugins.load_all(PACKAGE, GROUP).items() if hasattr(m, "found")}


def addresses(env: Env, scheme: str = "") -> list[Address]:
    """The meters that were named; those that a driver of this scheme may be, where one is given."""
    schemes = drivers()
    every = [parsed(text, schemes) for text in env.meters]
    return [a for a in every if not scheme or a.scheme == scheme or (a.scheme == ANY and http(schemes[scheme]))]


def http(driver: ModuleType) -> bool:
    """Whether its meters are asked by HTTP, so that an address that names no maker may be one of them."""
    return bool(getattr(driver, "HTTP", False))


def checked_addresses(texts: Sequence[str]) -> tuple[str, ...]:
    """The texts; DocumentError for one that is no address, for too many, and for two of one name."""
    schemes = drivers()
    seen: dict[str, str] = {}
    for text in texts:
        address = parsed(text, schemes)
        if address.device in seen:
            raise DocumentError(
                f"meter {address.shown}: {seen[address.device]} is called {address.device}, too; give one of them a "
                "name, as in #name=desk"
            )
        seen[address.device] = address.shown
    if len(texts) > METERS_MAX:
        raise DocumentError(f"{len(texts)} meters: a device has {METERS_MAX} at most")
    return tuple(texts)


def layout(env: Env, address: Address, scheme: str, look: Callable[[Env, Address], Any]) -> Any:
    """What a driver found out about a meter, asked for once; None where it is none of this driver's.

    So a meter that is away for a while keeps its sensors, and one that is known is left alone by all other drivers.
    """
    key = ("meter", address.place)
    owner, known = env.remembered.get(key, (scheme, None))
    if owner != scheme:
        return None
    if known is None:
        known = look(env, address)
        if known is not None:
            env.remembered[key] = (scheme, known)
    return known


def all_found(env: Env, scheme: str, found: Callable[[Env, Address], list[Sensor]]) -> list[Sensor]:
    """The sensors of every meter a driver knows; what does not answer is left to the driver `meter`, which says so."""
    listed: list[Sensor] = []
    for address in addresses(env, scheme):
        try:
            listed += found(env, address)
        except (OSError, Unread):
            continue
    return listed


def answer(env: Env, address: Address, path: str, query: str = "") -> Any:
    """The JSON of a page; OSError where nobody answers, Unread where that is no JSON, not there or not allowed."""
    try:
        body = env.web.get(address.url(path) + query)
    except HttpStatus as error:
        if error.status in (401, 403):
            why = "it asks for a user and a password: http://user:password@host"
            raise Unread("denied", f"{address.shown}: {why}") from error
        raise Unread("lost", str(error)) from error
    text = body.decode(errors="replace")
    try:
        return json.loads(text[text.index("{") :] if "{" in text[:200] else text)
    except ValueError:
        raise Unread("lost", f"{address.shown}{path} answers no JSON but {' '.join(text.split())[:60]!r}") from None


def number(raw: Any, scale: float = 1.0) -> float:
    """Of a value in JSON; Unread for one that is none."""
    if raw is None:
        raise Unread("lost", "it says null")
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise Unread("implausible", f"it says {str(raw)[:40]!r}, which is no number")
    return raw * scale


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a meter said in one answer: values, or why there is none, by channel and quantity ("switch0/power").

    `clock_ns` is what its own clock showed, in steps of `step_ns`.
    """

    values: Mapping[str, float | Unread]
    clock_ns: int | None = None
    step_ns: int = 1_000_000_000


class Asked:
    """A reader of meters that are asked for their state, each once for all of its sensors."""

    def __init__(self, env: Env, sensors: Sequence[Sensor], scheme: str, ask: Callable[[Env, Address], State]) -> None:
        self._env, self._sensors, self._ask = env, sensors, ask
        named = {address.device: address for address in addresses(env, scheme)}
        self._meters = {s.device: named[s.device] for s in sensors}
        self._clocks = {device: _Clock(live=not env.recorded) for device in self._meters}

    def read(self) -> list[Reading]:
        """One reading per sensor."""
        states = {device: self._state(device) for device in self._meters}
        return [self._reading(sensor, states[sensor.device]) for sensor in self._sensors]

    def close(self) -> None:
        """Nothing is held."""

    def _state(self, device: str) -> State | Exception:
        sent_ns = time.monotonic_ns()
        try:
            state = self._ask(self._env, self._meters[device])
        except (OSError, Unread) as error:
            return error
        self._clocks[device].saw(sent_ns, time.monotonic_ns(), state)
        return state

    def _reading(self, sensor: Sensor, state: State | Exception) -> Reading:
        if isinstance(state, Exception):
            return unread(sensor, state)
        value = state.values.get(sensor.id.split("/", 2)[2], Unread("lost", "it is no longer in what the meter says"))
        if not isinstance(value, Unread) and sensor.kind == "power_w" and abs(value) > POWER_MAX_W:
            value = Unread("implausible", f"{value:g} W do not come out of a socket")
        if isinstance(value, Unread):
            return unread(sensor, value)
        return self._clocks[sensor.device].stamped(checked(sensor, value))


class _Clock:
    """What the own clock of a meter says of its readings."""

    def __init__(self, *, live: bool) -> None:
        self._live, self._offset = live, Offset()
        self._shows: int | None = None
        self._since_ns = self._now_ns = 0
        self._frozen = False

    def saw(self, sent_ns: int, received_ns: int, state: State) -> None:
        self._now_ns = (sent_ns + received_ns) // 2
        if state.clock_ns != self._shows:
            self._since_ns = self._now_ns
        self._shows = state.clock_ns
        if state.clock_ns is not None:
            self._offset.saw(sent_ns, received_ns, state.clock_ns, state.step_ns)
        self._frozen = self._now_ns - self._since_ns > FROZEN_NS + state.step_ns

    def stamped(self, reading: Reading) -> Reading:
        """The reading with the times of both clocks, and what is wrong with the meter's."""
        if self._shows is None or not self._live or reading.value is None:
            return replace(reading, source_time_ns=self._shows)
        if self._frozen:
            why = f"its clock stands still for {(self._now_ns - self._since_ns) * 1e-9:.0f} s"
            return replace(reading, quality="stale", detail=why, source_time_ns=self._shows, time_ns=self._since_ns)
        return replace(
            reading,
            source_time_ns=self._shows,
            time_ns=self._now_ns,
            detail="; ".join(part for part in (reading.detail, told(self._offset)) if part),
        )


def told(offset: Offset) -> str:
    """That a meter's clock is off, where that is sure; empty else."""
    if not offset.known:
        return ""
    ahead_ns, half_ns = offset.ns - (time.time_ns() - time.monotonic_ns()), offset.half_width_ns
    if abs(ahead_ns) - half_ns <= OFFSET_MAX_NS:
        return ""
    way = "ahead" if ahead_ns > 0 else "behind"
    return f"its clock is {abs(ahead_ns) * 1e-9:.2f} s {way} (+-{half_ns * 1e-9:.2f} s)"
