"""What a Tegra tells besides power and temperature: load and clock of the GPU, clock of the memory (EMC), over-current.

    /sys/devices/platform/gpu.0/load                load of the GPU in thousandths
    /sys/class/devfreq/17000000.gpu/cur_freq        its clock, Hz; on an AGX Thor gpu-gpc-0 and gpu-nvd-0
    /sys/kernel/debug/bpmp/debug/clk/emc/rate       clock of the memory, Hz (root); on an AGX Thor devfreq/bwmgr
    /sys/kernel/debug/cactmon/mc_all                its activity (root)
    /sys/class/hwmon/hwmon*/oc3_event_cnt           over-current alarms since boot; oc3_throt_en: do they lower clocks

A GPU's node may appear minutes after the boot; it is looked for again, and its load is never taken for zero before. One
over-current alarm at boot can hold the clocks at a quarter until the next boot: its count says that it happened, the
clock of the CPU as it is (cpufreq) whether it still does. On a Nano it is most often the cable: see the rail POM_5V_IN.
Nodes are told by names that only a Tegra has; .gpu alone is a Mali's as well, and counts where the chip is a Tegra.
https://github.com/nicolargo/glances/pull/3580 (load), https://forums.developer.nvidia.com/t/361188 (OC3)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors import _jetson_totals as totals
from benchfleet.agent.sensors._files import Files, Unread, first_number

EVERY_S = 0.5
FLAGS_EVERY_S = 1.0
CLOCK_MAX_HZ = 10e9
"""No clock of a Tegra is near it: what is above is no clock."""
LOADS = (
    "/sys/devices/platform/gpu.0/load",
    "/sys/devices/gpu.0/load",
    "/sys/devices/platform/bus@0/17000000.gpu/load",
)
DEVFREQ = "/sys/class/devfreq"
GPU_NODES = ("gv11b", "gp10b", "ga10b", "gb10b", "gm20b", "gpu")
"""of_node/name of the GPU's device; the last is everybody's."""
GPU_NAMES = re.compile(r"(17000000|57000000)\.(gpu|gv11b|gp10b|ga10b|gm20b)|gpu-(gpc|nvd)-\d")
EMC_RATES = (
    "/sys/kernel/debug/bpmp/debug/clk/emc/rate",
    f"{DEVFREQ}/bwmgr/cur_freq",
    "/sys/kernel/debug/clk/override.emc/clk_rate",
    "/sys/kernel/debug/clk/emc/clk_rate",
)
EMC_ACTIVITY = ("/sys/kernel/debug/cactmon/mc_all", "/sys/kernel/actmon_avg_activity/mc_all")
"""Its quotient with the clock in kHz is taken for percent by the tools there are. No document says so: an estimate."""
ALARM = re.compile(r"oc(\d+)_event_cnt")


def probe(env: Env) -> list[Sensor]:
    """What there is of it, on a Tegra."""
    tegra = (totals.soc(env) or "").startswith("tegra")
    gpus = [name for name in env.files.names(DEVFREQ) if _is_gpu(env, name, tegra)]
    return [*_load(env, gpus), *_clocks(env, gpus), *_memory(env), *_alarms(env), *_fans(env), *_held(env, gpus)]


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """SI units and words."""
    return Files(env, sensors, _value)


def _is_gpu(env: Env, name: str, tegra: bool) -> bool:
    if GPU_NAMES.fullmatch(name):
        return True
    node = env.files.text(f"{DEVFREQ}/{name}/device/of_node/name", "")
    return node in (GPU_NODES if tegra else GPU_NODES[:-1])


def _sensor(name: str, kind: str, *paths: str, part: str = "", root: bool = False, every_s: float = EVERY_S) -> Sensor:
    return Sensor(
        id=f"jetson/{name}",
        kind=kind,
        scope="component",
        source="debugfs" if root else "sysfs",
        paths=paths,
        part=part,
        needs_root=root,
        every_s=every_s,
        semantics={"throttle_count": "counter", "health": "state", "setting": "state"}.get(kind, "gauge"),
    )


def _load(env: Env, gpus: list[str]) -> Iterator[Sensor]:
    at = [*LOADS, *(f"{DEVFREQ}/{name}/device/load" for name in gpus)]
    path = next((path for path in at if env.files.exists(path)), None)
    if path:
        yield _sensor("gpu/load", "utilization_ratio", path, part="gpu")


def _clocks(env: Env, gpus: list[str]) -> Iterator[Sensor]:
    for name in gpus:
        if env.files.exists(f"{DEVFREQ}/{name}/cur_freq"):
            shown = name if name.startswith("gpu-") else "gpu"
            yield _sensor(
                f"{shown}/clock", "clock_hz", f"{DEVFREQ}/{name}/cur_freq", part="" if "nvd" in name else "gpu"
            )


def _memory(env: Env) -> Iterator[Sensor]:
    rate = next((path for path in EMC_RATES if _present(env, path)), None)
    if rate is None:
        return
    root = "/debug/" in rate
    yield _sensor("emc/clock", "clock_hz", rate, part="memory", root=root)
    busy = next((path for path in EMC_ACTIVITY if _present(env, path)), None)
    if busy is not None:
        yield Sensor(
            id="jetson/emc/load",
            kind="utilization_ratio",
            scope="component",
            source="debugfs",
            paths=(busy, rate),
            part="memory",
            every_s=EVERY_S,
            needs_root=True,
            formula="mc_all / (100 * emc_khz)",
            derived=True,
            estimated=True,
            rank=40,
        )


def _present(env: Env, path: str) -> bool:
    """Also what is there for root alone: below a folder that may not be entered nothing else can be asked."""
    try:
        env.files.read(path, 1)
    except PermissionError:
        return not path.startswith("/sys/kernel/debug/") or (totals.soc(env) or "").startswith("tegra")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _alarms(env: Env) -> Iterator[Sensor]:
    """Counts of alarms, and whether each lowers clocks."""
    seen: set[str] = set()
    for path in env.files.glob("/sys/class/hwmon/hwmon*/oc*_event_cnt"):
        folder, _, file = path.rpartition("/")
        found = ALARM.fullmatch(file)
        if found is None or found[1] in seen:
            continue
        seen.add(found[1])
        name = f"oc{found[1]}"
        yield _sensor(f"{name}/events", "throttle_count", path, every_s=FLAGS_EVERY_S)
        if env.files.exists(f"{folder}/{name}_throt_en"):
            yield _sensor(f"{name}/throttling", "health", f"{folder}/{name}_throt_en", every_s=FLAGS_EVERY_S)


def _fans(env: Env) -> Iterator[Sensor]:
    """Tachometers outside of hwmon's own names, whose fan1_input is the generic driver's."""
    at = ("/sys/devices/pwm-fan/rpm_measured", *env.files.glob("/sys/class/hwmon/hwmon*/rpm"))
    for count, path in enumerate((path for path in at if env.files.exists(path)), 1):
        yield _sensor("fan/speed" if count == 1 else f"fan-{count}/speed", "fan_rpm", path, every_s=FLAGS_EVERY_S)


def _held(env: Env, gpus: list[str]) -> Iterator[Sensor]:
    """Whether jetson_clocks holds the clocks: the lowest of each that may move is its highest."""
    if not gpus:
        return
    ranges = [(f"{DEVFREQ}/{name}/min_freq", f"{DEVFREQ}/{name}/max_freq") for name in gpus]
    for policy in env.files.glob("/sys/devices/system/cpu/cpufreq/policy*"):
        ranges.append((f"{policy}/scaling_min_freq", f"{policy}/scaling_max_freq"))
    paths = [path for pair in ranges if all(env.files.exists(path) for path in pair) for path in pair]
    if paths:
        yield _sensor("clocks", "setting", *paths, every_s=FLAGS_EVERY_S)


def _value(sensor: Sensor, *texts: bytes) -> float | str:
    numbers = [first_number(sensor, text) for text in texts]
    first = numbers[0]
    if sensor.kind == "setting":
        return _range(numbers)
    if sensor.kind == "health":
        if first not in (0, 1):
            raise ValueError(f"{first:g} is no flag")
        return "armed" if first else "off"
    if sensor.id == "jetson/emc/load":
        return _activity(*numbers)
    if sensor.kind == "utilization_ratio":
        return _ratio(first / 1000)
    if sensor.kind == "clock_hz" and first == 0:
        raise Unread("gated", "0 Hz: the block is off")
    if not 0 <= first <= CLOCK_MAX_HZ:
        raise ValueError(f"{first:g} cannot be")
    return first


def _range(numbers: list[float]) -> str:
    held = [low == high for low, high in zip(numbers[::2], numbers[1::2], strict=True)]
    return "locked" if all(held) else "partly locked" if any(held) else "free"


def _activity(busy: float, rate_hz: float) -> float:
    """Zero is no measurement here: no memory rests while a CPU reads this, and some releases show nothing else."""
    if busy == 0:
        raise Unread("implausible", "the activity monitor shows 0, which no running system has")
    return _ratio(busy / (rate_hz / 1000) / 100)


def _ratio(ratio: float) -> float:
    if not 0 <= ratio <= 1:
        raise ValueError(f"{ratio:g} is no share of a whole")
    return ratio
