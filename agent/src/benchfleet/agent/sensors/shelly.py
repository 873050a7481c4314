"""Plugs and energy meters of Shelly: Gen1 by /status, Gen2 and later by /rpc.

Gen1 counts watt-minutes where it meters a relay, and watt-hours where it is an EM or 3EM; Gen2 and later watt-hours.
The time stamp of a Gen1 meter is its local time, written as if it were UTC. A model without a meter (Shelly 1) shows
the watts that its user typed: it has no counter, and that is no measurement. An EM says its active power, which is not
V*I, and its sign. A 3EM has its own sum of the phases; other meters with several channels have no sum.
https://shelly-api-docs.shelly.cloud/gen1/, https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch

    benchfleet-agent probe --meter http://192.168.1.20#name=desk
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors import _meter as meter
from benchfleet.agent.sensors._files import Unread

HTTP = True
WATT_MINUTE_J, WATT_HOUR_J = 60.0, 3600.0
UPDATE_S = 1.0
"""How often power is made anew: not documented, and what is seen of plugs."""
COUNTED_S = 60.0
"""Counters of energy move once a minute, say the documents of both generations."""
STATUS_1, STATUS_2 = "/status", "/rpc/Shelly.GetStatus"
ALONE = (("Switch", 4), ("PM1", 1), ("EM", 1), ("EMData", 1), ("EM1", 3), ("EM1Data", 3))
"""Components, and how many, that are asked one by one where their whole status is not to be had."""
PHASES = ("a", "b", "c")
_COMPONENT = re.compile(r"[a-z0-9]+:\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What one channel says of power or energy; `part` of a sum that the meter makes itself."""

    channel: str
    kind: str
    raw: Any
    scale: float = 1.0
    resolution: float
    part: bool = False
    refused: Unread | None = None

    @property
    def key(self) -> str:
        """Of its sensor's id."""
        return f"{self.channel}/{self.kind.partition('_')[0]}"

    def value(self) -> float | Unread:
        """In its unit, or why there is none."""
        if self.refused is not None:
            return self.refused
        try:
            return meter.number(self.raw, self.scale)
        except Unread as error:
            return error


def probe(env: Env) -> list[Sensor]:
    """The channels of every plug that was named; none without an address."""
    return meter.all_found(env, "shelly", found) if env.meters else []


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Watts and joules, with the meter's own clock."""
    return meter.Asked(env, sensors, "shelly", _state)


def found(env: Env, address: meter.Address) -> list[Sensor]:
    """The sensors of one; none where another maker answers."""
    known = meter.layout(env, address, "shelly", _look)
    if known is None:
        return []
    pages, quantities = known
    return [_sensor(address, pages[0], q) for q in quantities if address.channel in ("", q.channel)]


def _sensor(address: meter.Address, page: str, quantity: Quantity) -> Sensor:
    counter = quantity.kind == "energy_j"
    return Sensor(
        id=f"shelly/{address.device}/{quantity.key}",
        kind=quantity.kind,
        scope="partial" if quantity.part else address.scope or "wall",
        source="meter",
        paths=(f"{address.shown}{page}",),
        semantics="counter" if counter else "gauge",
        every_s=meter.EVERY_S,
        slow=True,
        cost_s=meter.COST_S,
        device=address.device,
        update_s=COUNTED_S if counter else UPDATE_S,
        resolution=quantity.resolution,
        rank=meter.RANK,
    )


def _look(env: Env, address: meter.Address) -> tuple[tuple[str, ...], list[Quantity]] | None:
    """The pages that say its state, and what is in them."""
    refused: Unread | None = None
    for pages in ((STATUS_2,), (STATUS_1,), _answering(env, address)):
        try:
            quantities = list(_quantities(_said(env, address, pages))) if pages else []
        except Unread as error:
            refused = error if error.quality == "denied" else refused
            continue
        if quantities:
            return pages, quantities
    if refused is not None:
        raise refused
    return None


def _answering(env: Env, address: meter.Address) -> tuple[str, ...]:
    pages = []
    for name, count in ALONE:
        for number in range(count):
            page = f"/rpc/{name}.GetStatus?id={number}"
            try:
                meter.answer(env, address, page)
            except Unread:
                break
            pages.append(page)
    return tuple(pages)


def _said(env: Env, address: meter.Address, pages: tuple[str, ...]) -> dict[str, Any]:
    """The status as one object, whichever pages it is on."""
    whole: dict[str, Any] = {}
    for page in pages:
        said = meter.answer(env, address, page)
        if not isinstance(said, dict):
            raise Unread("lost", f"{address.shown}{page} is no status of a Shelly")
        alone = re.fullmatch(r"/rpc/(\w+)\.GetStatus\?id=(\d+)", page)
        whole |= {f"{alone[1].lower()}:{alone[2]}": said} if alone else said
    return whole


def _state(env: Env, address: meter.Address) -> meter.State:
    known = meter.layout(env, address, "shelly", _look)
    if known is None:
        raise Unread("lost", f"{address.shown}: no Shelly answers there any more")
    said = _said(env, address, known[0])
    clock_s, step_s = _clock(said)
    return meter.State(
        values={q.key: q.value() for q in _quantities(said)},
        clock_ns=None if clock_s is None else clock_s * 1_000_000_000,
        step_ns=step_s * 1_000_000_000,
    )


def _clock(said: Mapping[str, Any]) -> tuple[int | None, int]:
    """What its clock shows, and in which steps; before it has asked a time server it shows 0."""
    system = said.get("sys")
    stamps: list[tuple[Any, int]] = [
        (said.get("unixtime"), 1),
        (system.get("unixtime") if isinstance(system, dict) else None, 1),
    ]
    stamps += [(each.get("timestamp"), 1) for each in _objects(said.get("meters"))]
    for component in said.values():
        counted = component.get("aenergy") if isinstance(component, dict) else None
        stamps.append((counted.get("minute_ts") if isinstance(counted, dict) else None, 60))
    return next(((int(s), step) for s, step in stamps if type(s) in (int, float) and s > 0), (None, 1))


def _quantities(said: Mapping[str, Any]) -> Iterator[Quantity]:
    yield from _first_generation(said)
    for name, component in said.items():
        if isinstance(component, dict) and _COMPONENT.fullmatch(name):
            yield from _component(name, component, said)


def _first_generation(said: Mapping[str, Any]) -> Iterator[Quantity]:
    for kind, scale, step in (("meter", WATT_MINUTE_J, WATT_MINUTE_J), ("emeter", WATT_HOUR_J, 360.0)):
        for index, each in enumerate(_objects(said.get(f"{kind}s"))):
            if "power" not in each:
                continue
            channel, refused = f"{kind}:{index}", None
            summed = kind == "emeter" and "total_power" in said
            if each.get("is_valid") is False:
                refused = Unread("implausible", "the meter says that its reading is not valid")
            elif "total" not in each:
                refused = Unread("unsupported", "this model has no meter: its power is a number that its user typed")
            yield Quantity(
                channel=channel, kind="power_w", raw=each["power"], resolution=0.01, part=summed, refused=refused
            )
            if "total" in each:
                yield Quantity(
                    channel=channel, kind="energy_j", raw=each["total"], scale=scale, resolution=step, part=summed,
                    refused=refused,
                )  # fmt: skip
    if "total_power" in said:
        yield Quantity(channel="total", kind="power_w", raw=said["total_power"], resolution=0.01)


def _component(name: str, component: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[Quantity]:
    kind, _, number = name.partition(":")
    power = next((key for key in ("apower", "total_act_power", "act_power") if key in component), None)
    if power is None:
        return
    yield Quantity(channel=name, kind="power_w", raw=component[power], resolution=0.1)
    for phase in PHASES:
        if f"{phase}_act_power" in component:
            raw = component[f"{phase}_act_power"]
            yield Quantity(channel=f"{name}-{phase}", kind="power_w", raw=raw, resolution=0.1, part=True)
    for counted, key, step in (
        (component.get("aenergy"), "total", 3.6),
        (said.get(f"{kind}data:{number}"), "total_act" if kind == "em" else "total_act_energy", 36.0),
    ):
        if isinstance(counted, dict) and key in counted:
            yield Quantity(channel=name, kind="energy_j", raw=counted[key], scale=WATT_HOUR_J, resolution=step)


def _objects(listed: Any) -> list[dict[str, Any]]:
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
