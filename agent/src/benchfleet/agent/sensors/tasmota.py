"""Plugs that run Tasmota: power in W and energy in kWh, by the command Status 8.

What it prints has as many digits as its user set (PowerRes, EnergyRes): 1 W and 1 Wh unless told otherwise, and those
are its steps. Its time is a local one without a zone. Old firmware says StatusPWR instead of StatusSNS, writes numbers
as strings, puts "STATUS8 = " before, and has no total. A plug with several channels lists their powers.
https://tasmota.github.io/docs/JSON-Status-Responses/

    benchfleet-agent probe --meter tasmota://192.168.1.30#name=desk
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors import _meter as meter
from benchfleet.agent.sensors._files import Unread

HTTP = True
KILOWATT_HOUR_J = 3.6e6
UPDATE_S = 1.0
"""How often it measures; the driver of its chips runs each second."""
COMMANDS = ("Status%208", "Status%2010")
"""Both say the sensors; the first is understood by every firmware."""


def probe(env: Env) -> list[Sensor]:
    """The channels of every plug that was named; none without an address."""
    return meter.all_found(env, "tasmota", found) if env.meters else []


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Watts and joules, with the plug's own clock."""
    return meter.Asked(env, sensors, "tasmota", _state)


def found(env: Env, address: meter.Address) -> list[Sensor]:
    """The sensors of one; none where another maker answers."""
    known = meter.layout(env, address, "tasmota", _look)
    if known is None:
        return []
    command, steps = known
    return [
        _sensor(address, command, key, step)
        for key, step in steps.items()
        if address.channel in ("", key.rpartition("/")[0])
    ]


def _sensor(address: meter.Address, command: str, key: str, step: float) -> Sensor:
    counter = key.endswith("energy")
    return Sensor(
        id=f"tasmota/{address.device}/{key}",
        kind="energy_j" if counter else "power_w",
        scope=address.scope or "wall",
        source="meter",
        paths=(f"{address.shown}/cm?cmnd={command}",),
        semantics="counter" if counter else "gauge",
        every_s=meter.EVERY_S,
        slow=True,
        cost_s=meter.COST_S,
        device=address.device,
        update_s=UPDATE_S,
        resolution=step,
        rank=meter.RANK,
    )


def _look(env: Env, address: meter.Address) -> tuple[str, dict[str, float]] | None:
    """The command that says its state, and the step of each quantity."""
    refused: Unread | None = None
    for command in COMMANDS:
        try:
            energy, _ = _said(env, address, command)
        except Unread as error:
            refused = error if error.quality == "denied" else refused
            continue
        steps = {key: _step(raw) * scale for key, raw, scale in _quantities(energy)}
        if steps:
            return command, steps
    if refused is not None:
        raise refused
    return None


def _said(env: Env, address: meter.Address, command: str) -> tuple[Mapping[str, Any], Any]:
    """What it says of energy, and its time."""
    secret = ""
    if address.user is not None:
        secret = f"&user={quote(address.user, safe='')}&password={quote(address.password, safe='')}"
    said = meter.answer(env, address, f"/cm?cmnd={command}{secret}")
    if isinstance(said, dict) and "WARNING" in said:
        raise Unread("denied", f"{address.shown}: it asks for a user and a password: http://user:password@host")
    sensors = said.get("StatusSNS") if isinstance(said, dict) else None
    energy = sensors.get("ENERGY") if isinstance(sensors, dict) else said.get("StatusPWR") if said else None
    if not isinstance(energy, dict):
        raise Unread("lost", f"{address.shown}: its status has no ENERGY; this plug has no meter")
    return energy, (sensors or energy).get("Time")


def _state(env: Env, address: meter.Address) -> meter.State:
    known = meter.layout(env, address, "tasmota", _look)
    if known is None:
        raise Unread("lost", f"{address.shown}: no Tasmota answers there any more")
    energy, time = _said(env, address, known[0])
    return meter.State(
        values={key: _value(raw, scale) for key, raw, scale in _quantities(energy)}, clock_ns=_clock_ns(time)
    )


def _quantities(energy: Mapping[str, Any]) -> Iterator[tuple[str, Any, float]]:
    """Key, raw value and scale; channels count from 1, as on the plug."""
    for field, name, scale in (("Power", "power", 1.0), ("Total", "energy", KILOWATT_HOUR_J)):
        raw = energy.get(field, energy)
        for index, each in enumerate(raw if isinstance(raw, list) else [] if raw is energy else [raw]):
            yield (f"{index + 1}/{name}" if isinstance(raw, list) else name), each, scale


def _value(raw: Any, scale: float) -> float | Unread:
    try:
        return meter.number(float(raw) if isinstance(raw, str) and _digits(raw) else raw, scale)
    except Unread as error:
        return error


def _digits(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def _step(raw: Any) -> float:
    """Of the digits that it prints; a whole one where it prints none."""
    _, point, decimals = str(raw).partition(".")
    return 10.0 ** -len(decimals) if point and decimals.isdecimal() else 1.0


def _clock_ns(time: Any) -> int | None:
    """Its local time, as if it were UTC: its zone is not told."""
    try:
        return round(datetime.fromisoformat(str(time)).replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    except ValueError:
        return None
