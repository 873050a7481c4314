"""Meters that are asked by HTTP, on a server of our own: what they answer, what they answer wrongly, and silence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from benchfleet.agent.env import Env, live
from benchfleet.agent.sampler import Sampler
from benchfleet.agent.sensors import Reading, meter, shelly, tasmota
from benchfleet.agent.sensors._meter import checked_addresses, parsed
from benchfleet.core.errors import DocumentError
from tests.agent.sensors._plug import Plug, gen1

CM = "/cm?cmnd=Status%208"
DRIVERS = {"shelly": shelly, "tasmota": tasmota, "meter": meter}


@pytest.fixture
def plugs() -> Iterator[list[Plug]]:
    made: list[Plug] = []
    yield made
    for plug in made:
        plug.close()


@pytest.fixture
def plug(plugs: list[Plug]) -> Plug:
    plugs.append(Plug({"/status": gen1()}))
    return plugs[0]


def env(*urls: str) -> Env:
    return live(meters=urls)


def sampled(sampler: Sampler) -> dict[str, Reading]:
    sampler.snapshot()
    return {sensor.id: reading for sensor, reading in sampler.latest()}


def read(at: Env) -> dict[str, Reading]:
    return sampled(Sampler(at, drivers=DRIVERS))


def test_watt_minutes_are_joules_and_the_meters_own_time_is_kept(plug: Plug) -> None:
    found = read(env(f"{plug.url}#name=desk"))
    assert found["shelly/desk/meter:0/power"].value == 2.21
    assert found["shelly/desk/meter:0/energy"].value == 439237 * 60
    clock_ns = found["shelly/desk/meter:0/power"].source_time_ns
    assert clock_ns is not None
    assert abs(clock_ns - time.time_ns()) < 5e9
    assert found["shelly/desk/meter:0/power"].detail == "", "a clock that is right is not talked about"


def test_a_bare_address_is_claimed_by_its_maker_alone(plugs: list[Plug]) -> None:
    plugs += [Plug({"/status": gen1()}), Plug({CM: {"StatusSNS": {"ENERGY": {"Total": 1.5, "Power": 3}}}})]
    found = read(env(f"{plugs[0].url}#name=a", f"{plugs[1].url}#name=b"))
    assert sorted(found) == [
        "shelly/a/meter:0/energy", "shelly/a/meter:0/power", "tasmota/b/energy", "tasmota/b/power",
    ]  # fmt: skip


def test_another_makers_address_is_not_claimed(plug: Plug) -> None:
    found = read(env(plug.url.replace("http", "tasmota") + "#name=desk"))
    assert list(found) == ["meter/desk/power"]
    assert found["meter/desk/power"].quality == "lost"
    assert "tried: tasmota" in found["meter/desk/power"].detail


@pytest.mark.parametrize(
    ("page", "quality", "told"),
    [
        (500, "lost", "HTTP 500"),
        (401, "denied", "user:password"),
        (302, "lost", "HTTP 302"),
        ("<html>Login</html>", "lost", "no JSON"),
        ("", "lost", "no JSON"),
        ("[1, 2]", "lost", "no status"),
        (gen1(is_valid=False), "implausible", "not valid"),
        (gen1(None), "lost", "null"),
        (gen1("2.21"), "implausible", "no number"),
        (gen1(True), "implausible", "no number"),
        (gen1(float("nan")), "implausible", "no number"),
        (gen1(1e9), "implausible", "out of a socket"),
        ({"meters": []}, "lost", "no longer"),
    ],
)
def test_what_is_no_reading_is_none_and_says_why(plug: Plug, page: Any, quality: str, told: str) -> None:
    at = env(f"{plug.url}#name=desk")
    sampler = Sampler(at, drivers=DRIVERS)
    assert sampled(sampler)["shelly/desk/meter:0/power"].value == 2.21
    plug.pages["/status"] = page
    reading = sampled(sampler)["shelly/desk/meter:0/power"]
    assert reading.value is None
    assert reading.quality == quality
    assert told in reading.detail
    plug.pages["/status"] = gen1(3.5)
    assert sampled(sampler)["shelly/desk/meter:0/power"].value == 3.5


def test_those_that_hang_have_timed_out_and_the_other_is_read(plugs: list[Plug]) -> None:
    plugs += [Plug({"/status": gen1(1.0)}), Plug({"/status": gen1(1.0)}), Plug({"/status": gen1(2.0)})]
    urls = [f"{plug.url}#name={name}" for plug, name in zip(plugs, "abc", strict=True)]
    sampler = Sampler(env(*urls), drivers=DRIVERS)
    for plug in plugs[:2]:
        plug.hang.set()
    found = sampled(sampler)
    for name in "ab":
        reading = found[f"shelly/{name}/meter:0/power"]
        assert (reading.value, reading.quality) == (None, "timeout")
    assert found["shelly/c/meter:0/power"].value == 2.0, "one after the other they would have taken it with them"


def test_one_that_vanishes_keeps_its_sensors(plug: Plug) -> None:
    sampler = Sampler(env(f"{plug.url}#name=desk"), drivers=DRIVERS)
    assert len(sampled(sampler)) == 2
    plug.close()
    sampler.look()
    found = sampled(sampler)
    assert sorted(found) == ["shelly/desk/meter:0/energy", "shelly/desk/meter:0/power"]
    assert {(r.value, r.quality) for r in found.values()} == {(None, "lost")}
    assert "refused" in found["shelly/desk/meter:0/power"].detail


def test_one_that_is_away_at_first_is_a_sensor_without_a_value_and_comes_back(plugs: list[Plug]) -> None:
    plugs.append(Plug({}))
    port = plugs[0].port
    plugs.pop().close()
    at = env(f"http://127.0.0.1:{port}#name=desk")
    sampler = Sampler(at, drivers=DRIVERS)
    found = sampled(sampler)
    assert list(found) == ["meter/desk/power"]
    assert (found["meter/desk/power"].value, found["meter/desk/power"].quality) == (None, "lost")
    assert "refused" in found["meter/desk/power"].detail
    plugs.append(Plug({"/status": gen1(4.0)}, port))
    assert sampled(sampler)["meter/desk/power"].value == 4.0, "it is read as soon as it answers"
    sampler.look()
    assert sorted(sampled(sampler)) == ["shelly/desk/meter:0/energy", "shelly/desk/meter:0/power"]


def test_of_two_channels_none_stands_for_the_device_until_one_is_named(plug: Plug) -> None:
    plug.pages = {"/rpc/Shelly.GetStatus": {"switch:0": {"apower": 8.9}, "switch:1": {"apower": 1.0}}}
    assert {s.scope for s in shelly.probe(env(plug.url))} == {"wall"}
    (named,) = shelly.probe(env(f"{plug.url}#channel=switch:1&name=desk&scope=system"))
    assert (named.id, named.scope) == ("shelly/desk/switch:1/power", "system")


def test_a_clock_that_is_off_is_told_with_how_sure_that_is(plug: Plug) -> None:
    plug.pages["/status"] = gen1(timestamp=int(time.time()) + 7200)
    reading = read(env(f"{plug.url}#name=desk"))["shelly/desk/meter:0/power"]
    assert reading.quality == "ok"
    assert "ahead (+-" in reading.detail
    assert 7198 < float(reading.detail.split()[3]) < 7202


def test_a_meter_that_stands_still_is_stale_and_not_read_anew(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    plug.pages["/status"] = gen1()
    at = env(f"{plug.url}#name=desk")
    reader = shelly.reader(at, shelly.probe(at))
    first = reader.read()[0]
    real_ns = time.monotonic_ns
    monkeypatch.setattr(time, "monotonic_ns", lambda: real_ns() + 8_000_000_000)
    again = reader.read()[0]
    assert (again.quality, again.value) == ("stale", 2.21)
    assert again.time_ns == first.time_ns
    plug.pages["/status"] = gen1(timestamp=int(time.time()) + 8)
    assert reader.read()[0].quality == "ok"


def test_a_password_is_sent_and_shown_nowhere(plug: Plug) -> None:
    url = f"http://joe:s3cr%40t@127.0.0.1:{plug.port}#name=desk"
    plug.pages[f"{CM}&user=joe&password=s3cr%40t"] = {"StatusSNS": {"ENERGY": {"Power": 7}}}
    plug.pages.pop("/status")
    at = env(url)
    sensors = tasmota.probe(at)
    assert tasmota.reader(at, sensors).read()[0].value == 7.0
    assert plug.headers[-1]["Authorization"] == "Basic am9lOnMzY3JAdA=="
    plug.pages.clear()
    shown = f"{sensors} {tasmota.reader(at, sensors).read()} {parsed(url, ['shelly'])!r}"
    assert "s3cr" not in shown


def test_a_password_does_not_follow_a_redirect(plug: Plug) -> None:
    plug.pages = {"/status": 302, "/elsewhere": gen1()}
    read(env(f"http://joe:secret@127.0.0.1:{plug.port}#name=desk"))
    assert "/elsewhere" not in plug.asked


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("192.168.1.20", "comes before ://"),
        ("htp://plug", "did you mean http://?"),
        ("shely://plug", "did you mean shelly://?"),
        ("http://", "no host"),
        ("http://plug:99999", "Port"),
        ("http://plug/status", "host and port are all"),
        ("http://plug#scope=house", "the scope is one of wall"),
        ("http://plug#nmae=desk", "scope, name, channel"),
        ("http://plug#desk", "scope, name, channel"),
        ("http://plug#name=a/b", "A-Z"),
        ("http://joe:secret@plug/status", "//...@plug"),
    ],
)
def test_a_bad_address_has_one_clear_line_without_the_password(address: str, told: str) -> None:
    with pytest.raises(DocumentError) as refused:
        checked_addresses([address])
    assert told in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_two_meters_of_one_name_are_told_apart_by_their_user() -> None:
    with pytest.raises(DocumentError, match="name"):
        checked_addresses(["http://a#name=desk", "http://b#name=desk"])
    assert len(checked_addresses(["http://a", "http://a:81"])) == 2


def test_more_meters_than_a_look_has_time_for_are_refused() -> None:
    with pytest.raises(DocumentError, match="8 at most"):
        checked_addresses([f"http://plug{n}" for n in range(9)])
