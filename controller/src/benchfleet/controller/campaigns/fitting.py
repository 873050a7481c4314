"""What inventory and model facts tell before anything is sent: why a file cannot be fed or placed as asked.

The runner says the same (runner/feeds.py, the runtimes) after a device has fetched the model and started a process. A
fact that is not known refuses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchfleet.core import power_modes
from benchfleet.core.inventory import Inventory, RuntimeFacts

UNFED = ("string", "sequence", "map", "optional")
"""Types of inputs that no feed makes."""


def unknown(scenario: str, task: str | None, inventory: Inventory, device: str) -> str:
    """Why an agent cannot drive a scenario or score a task: an older one does not have it. Empty when it can."""
    asked = (("scenario", scenario, inventory.scenarios), ("task", task, inventory.tasks))
    for kind, name, known in asked:
        if name and known and name not in known:
            return (
                f"the agent of {device} ({inventory.agent_version or 'of an unknown version'}) has no {kind} {name}; "
                f"update it (it has: {', '.join(known)})"
            )
    return ""


def untaken(options: Mapping[str, Any], providers: Sequence[str], runtime: RuntimeFacts) -> str:
    """Why a runtime does not take the options, `providers` being those of the matrix; empty when it does."""
    strange = sorted(set(options) - set(runtime.options)) if runtime.options else []
    if not strange:
        return ""
    if strange == ["providers"] and providers:
        return (
            f"matrix.providers: {runtime.name} takes none; add [] to matrix.providers for a cell of it without, "
            "or move them to runtime_options of the runtime that does"
        )
    return f"{runtime.name} has no option {', '.join(strange)} (it has: {', '.join(runtime.options)})"


def unset(mode: str | None, inventory: Inventory, device: str) -> str:
    """Why a power mode cannot be set on a device; empty when it can, or when none is asked for."""
    if mode is None:
        return ""
    if not inventory.power_modes:
        return f"{device} has no power modes that its agent knows how to set"
    try:
        power_modes.chosen(mode, inventory.power_modes)
    except ValueError as error:
        return f"{device}: {error}"
    if not inventory.power_modes_allowed:
        return f"the agent of {device} may not set power modes; start it with --allow-power-modes"
    return ""


def unplaced(options: Mapping[str, Any], runtime: RuntimeFacts, device: str) -> str:
    """Why the providers asked for are not those of a device; empty when they are, or when it does not tell."""
    wanted = options.get("providers")
    if not isinstance(wanted, list) or not runtime.providers:
        return ""
    lacking = [str(name) for name in wanted if name not in runtime.providers]
    if not lacking:
        return ""
    return f"{runtime.name} on {device} has no {', '.join(lacking)} (it has: {', '.join(runtime.providers)})"


def unfed(facts: Mapping[str, Any], batch: int, shapes: Mapping[str, Sequence[int]]) -> str:
    """Why the inputs of a file cannot be fed at a batch; `shapes` are those of the campaign."""
    inputs = facts.get("inputs") or []
    names = [str(each["name"]) for each in inputs]
    strange = sorted(set(shapes) - set(names))
    if inputs and strange:
        return f"shapes: the model has no input {', '.join(strange)}; it has: {', '.join(names)}"
    return next((why for each in inputs if (why := _unfed(each, batch, shapes.get(str(each["name"]))))), "")


def _unfed(tensor: Mapping[str, Any], batch: int, given: Sequence[int] | None) -> str:
    name, dtype, shape = tensor["name"], str(tensor["dtype"]), list(tensor["shape"])
    if dtype.startswith(UNFED):
        return f"input {name} has type {dtype}, which cannot be fed"
    if given is not None:
        return _contradicted(name, shape, batch, given)
    if any(not isinstance(size, int) for size in shape[1:]):
        return (
            f"input {name} has open sizes ({_shown(shape)}); say them with shapes: {{{name}: {_example(shape, batch)}}}"
        )
    return ""


def _contradicted(name: str, shape: list[Any], batch: int, given: Sequence[int]) -> str:
    if len(given) != len(shape):
        return f"input {name} has {len(shape)} axes ({_shown(shape)}), its shape in the campaign has {len(given)}"
    for axis, (asked, fixed) in enumerate(zip(given, shape, strict=True)):
        if axis and isinstance(fixed, int) and asked != fixed:
            return f"input {name} has a fixed size of {fixed} at axis {axis}, its shape in the campaign has {asked}"
    if given and given[0] != batch and _carries_batch(shape, given, batch):
        return f"the shape of input {name} starts with {given[0]}, the batch is {batch}; they must be equal"
    return ""


def _carries_batch(shape: list[Any], given: Sequence[int], batch: int) -> bool:
    """Whether the first axis must be the batch; of a state, a waveform or a sequence the runtime decides."""
    first = shape[0]
    if isinstance(first, int):
        return given[0] != first
    if len(shape) == 1 and batch == 1:
        return False
    return first is None or "batch" in str(first).lower() or str(first).lower() in ("n", "b", "bs")


def _shown(shape: Sequence[Any]) -> str:
    return "x".join(str(size) if size is not None else "?" for size in shape)


def _example(shape: Sequence[Any], batch: int) -> str:
    """The shape with numbers where they are known and `...` where the user has to think."""
    rest = (str(size) if isinstance(size, int) else "..." for size in shape[1:])
    return "x".join([str(batch), *rest])
