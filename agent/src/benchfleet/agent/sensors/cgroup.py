"""What the control group of this process may use and uses (cgroup v2): in a container, the reason for a slow p99.

A group that has used up its share of a period stands still until the next one; nr_throttled and throttled_usec count
that. A limit of a parent holds for its children, so the counters are those of the nearest group that has a limit of
CPU, and a limit is the smallest of all above. The group is that of this process, /proc/self/cgroup: what the agent
starts is in it, too. The root group has no limits and is not read.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

from benchfleet.agent.env import Env
from benchfleet.agent.sensors import Reader, Sensor
from benchfleet.agent.sensors._files import Files, Unread, first_number

MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified")
"""Of version 2: alone, and beside version 1."""
V1_MEMORY = "/sys/fs/cgroup/memory"
UNLIMITED = 2**60
"""Version 1 writes the largest multiple of a page for no limit."""
EVERY_S = 1.0
DEPTH_MAX = 32
NO_LIMIT = Unread("unsupported", "no limit is set")
COUNTERS = {
    "usage": ("duration_s", b"usage_usec"),
    "throttled": ("duration_s", b"throttled_usec"),
    "throttled_count": ("throttle_count", b"nr_throttled"),
}
"""Of cpu.stat."""
LEVELS = {"current": "memory.current", "peak": "memory.peak"}
LIMITS = {"cpu/limit": ("limit_cpus", "cpu.max"), "memory/limit": ("memory_bytes", "memory.max")}


def probe(env: Env) -> list[Sensor]:
    """Use, and the limits that are set; nothing outside of a group."""
    groups = _groups(env)
    if not groups:
        return []
    limited = next((g for g in groups if _limit(env, f"{g}/cpu.max")), groups[0])
    stat = env.files.text(f"{limited}/cpu.stat", "").encode()
    found = [
        _sensor(f"cpu/{name}", kind, (f"{limited}/cpu.stat",), counter=True)
        for name, (kind, field) in COUNTERS.items()
        if field in stat.split()
    ]
    for name, file in LEVELS.items():
        if env.files.exists(f"{groups[0]}/{file}"):
            found.append(_sensor(f"memory/{name}", "memory_bytes", (f"{groups[0]}/{file}",)))
    for name, (kind, file) in LIMITS.items():
        paths = tuple(f"{group}/{file}" for group in groups if env.files.exists(f"{group}/{file}"))
        if any(_limit(env, path) for path in paths):
            found.append(_sensor(name, kind, paths))
    return found


def reader(env: Env, sensors: list[Sensor]) -> Reader:
    """Seconds, bytes, CPUs."""
    return Files(env, sensors, _value)


def memory_limit_bytes(env: Env) -> int | None:
    """The least that this process's group, one above it, or its group of version 1 allows; None without a limit."""
    paths = [f"{group}/memory.max" for group in _groups(env)]
    lines = env.files.text("/proc/self/cgroup", "").splitlines()
    first = [
        line.split(":", 2)[2] for line in lines if line.count(":") >= 2 and "memory" in line.split(":")[1].split(",")
    ]
    # A container sees its own group of version 1 at the root of the mount, whatever its path says.
    paths += [f"{V1_MEMORY}{path.rstrip('/')}/memory.limit_in_bytes" for path in (*first, "") if ".." not in path]
    limits = [int(text) for path in paths if (text := env.files.text(path, "max").strip()).isdigit()]
    return min((limit for limit in limits if 0 < limit < UNLIMITED), default=None)


def _groups(env: Env) -> list[str]:
    """The folder of this process's group and of those above, but for the root."""
    lines = env.files.text("/proc/self/cgroup", "").splitlines()
    path = next((line[3:].strip() for line in lines if line.startswith("0::")), None)
    mount = next((m for m in MOUNTS if env.files.exists(f"{m}/cgroup.controllers")), None)
    if path is None or mount is None:
        return []
    if ".." in path.split("/") or not env.files.exists(mount + path):
        path = "/"  # of another namespace: what is mounted here begins at the container
    parts = [part for part in path.split("/") if part][:DEPTH_MAX]
    folders = ["/".join([mount, *parts[:depth]]) for depth in range(len(parts), -1, -1)]
    return [f for f in folders if env.files.exists(f"{f}/cpu.max") or env.files.exists(f"{f}/memory.current")]


def _limit(env: Env, path: str) -> bool:
    return env.files.text(path, "max").split(None, 1)[:1] != ["max"]


def _sensor(name: str, kind: str, paths: tuple[str, ...], *, counter: bool = False) -> Sensor:
    return Sensor(
        id=f"cgroup/{name}",
        kind=kind,
        scope="partial",
        source="cgroup",
        paths=paths,
        semantics="counter" if counter else "gauge",
        every_s=EVERY_S,
        includes=("this process and what it starts",),
    )


def _value(sensor: Sensor, *texts: bytes) -> float:
    name = sensor.id.removeprefix("cgroup/")
    if name in LIMITS:
        return _smallest(sensor, texts)
    if sensor.kind == "memory_bytes":
        return _natural(first_number(sensor, texts[0]))
    kind, field = COUNTERS[name.removeprefix("cpu/")]
    value = next((row.split()[1] for row in texts[0].splitlines() if row.split()[:1] == [field]), None)
    if value is None:
        raise LookupError(f"no field {field.decode()}")
    return _natural(float(value)) / (1e6 if kind == "duration_s" else 1)


def _smallest(sensor: Sensor, texts: tuple[bytes, ...]) -> float:
    set_ones = []
    for text in texts:
        limit, _, period = text.strip().partition(b" ")
        if limit != b"max":
            set_ones.append(_natural(float(limit)) / (float(period or 1) if sensor.kind == "limit_cpus" else 1))
    if not set_ones:
        raise NO_LIMIT
    return min(set_ones)


def _natural(value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"{value} is no count")
    return value
