"""A meter that was named and that no driver has found yet: it is a sensor without a value, which says why.

Whoever names a meter wants it in the results; one that is switched off, in another network or of an unknown make must
not vanish from them. As soon as it answers, its power is read; at the next look it is the sensor of its own driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Reading, Sensor
from benchfleet.agent.sensors._files import Unread, unread
from benchfleet.agent.sensors._meter import ANY, COST_S, EVERY_S, RANK, Address, addresses, drivers, http


def probe(env: Env) -> list[Sensor]:
    """One sensor of power for each meter that is not found."""
    if not env.meters:
        return []
    return [_sensor(address) for address in addresses(env) if not isinstance(_found(env, address), list)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Looks for them again at each reading."""
    return _Awaited(env, sensors)


def _sensor(address: Address) -> Sensor:
    return Sensor(
        id=f"meter/{address.device}/power",
        kind="power_w",
        scope=address.scope or "wall",
        source="meter",
        paths=(address.shown,),
        every_s=EVERY_S,
        slow=True,
        cost_s=COST_S,
        device=address.device,
        rank=RANK,
    )


def _found(env: Env, address: Address) -> list[Sensor] | OSError | Unread:
    """Its sensors, or why there are none."""
    asked = {name: d for name, d in drivers().items() if name == address.scheme or (address.scheme == ANY and http(d))}
    refused: Unread | None = None
    for driver in asked.values():
        try:
            sensors: list[Sensor] = driver.found(env, address)
        except OSError as error:
            return error
        except Unread as error:
            refused = refused or error
            continue
        if sensors:
            return sensors
    why = f"{address.shown}: what answers there is no meter that is known (tried: {', '.join(asked)})"
    return refused or Unread("lost", why)


class _Awaited:
    def __init__(self, env: Env, sensors: Sequence[Sensor]) -> None:
        self._env, self._sensors = env, sensors
        self._named = {address.device: address for address in addresses(env)}
        self._readers: dict[str, Reader] = {}

    def read(self) -> list[Reading]:
        """Its power once it is found, and until then why it is not."""
        return [self._reading(sensor) for sensor in self._sensors]

    def close(self) -> None:
        """Closes what was found since."""
        for found in self._readers.values():
            found.close()

    def _reading(self, sensor: Sensor) -> Reading:
        reader = self._readers.get(sensor.device)
        if reader is None:
            found = _found(self._env, self._named[sensor.device])
            if not isinstance(found, list):
                return unread(sensor, found)
            power = [s for s in found if s.kind == "power_w" and s.scope == sensor.scope]
            if len(power) != 1:
                why = f"it has {len(power)} channels of power: name one, as in #channel={_channel(power or found)}"
                return unread(sensor, Unread("unsupported", why))
            if power[0].simulated:
                return unread(sensor, Unread("unsupported", "it is a simulated one, and was not known as such"))
            reader = self._readers[sensor.device] = drivers()[power[0].id.split("/")[0]].reader(self._env, power)
        return replace(reader.read()[0], sensor_id=sensor.id)


def _channel(found: Sequence[Sensor]) -> str:
    return found[0].id.split("/")[2]
