"""Every fault of a data set file, a line each, and what it holds when there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchfleet.core import task as tasks
from benchfleet.core.datasets import document
from benchfleet.core.datasets.archive import BROKEN, Archive, Header, extremes, odd_numbers
from benchfleet.core.errors import DocumentError, NotFoundError
from benchfleet.core.task import Truth

FAULTS_MAX = 20
HOW = "a data set is an .npz with input arrays, labels, and dataset.json (docs/datasets.md)"


class DatasetError(DocumentError):
    """A data set that is none; `lines` has a line for each fault."""

    def __init__(self, path: Path, faults: list[str]) -> None:
        self.lines = [f"data set {path}: {fault}" for fault in faults]
        super().__init__(f"data set {path}: {'; '.join(faults)}; {HOW}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one file without a fault; all its arrays have `sample_count` rows."""

    task: str
    sample_count: int
    truth: Truth


def read(path: Path, *, samples: bool = True) -> tuple[Facts | None, list[str]]:
    """(what it holds, its faults): one of the two is empty. `samples` False leaves the input arrays unread."""
    try:
        with Archive(path) as archive:
            found = list(_limited(archive.faults()))
            if found:
                return None, found
            return _read(archive, samples)
    except BROKEN as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        return None, [str(why)]


def checked(path: Path, *, samples: bool = True, shown: Path | None = None) -> Facts:
    """What it holds, whatever the user calls it (`shown`); DatasetError with every fault."""
    facts, faults = read(path, samples=samples)
    if facts is None:
        raise DatasetError(shown or path, faults)
    return facts


def _limited(faults: Iterator[str]) -> Iterator[str]:
    for i, fault in enumerate(faults):
        if i == FAULTS_MAX:
            yield f"and more than {FAULTS_MAX} faults in all"
            return
        yield fault


def _read(archive: Archive, samples: bool) -> tuple[Facts | None, list[str]]:
    if "dataset.json" not in archive.names:
        return None, ["it has no dataset.json"]
    about = archive.json("dataset.json")
    found = list(document.faults(about))
    if not isinstance(about, dict) or not isinstance(about.get("task"), str):
        return None, found
    headers: dict[str, Header] = {}
    for name in archive.names:
        if name.endswith(".npy"):
            try:
                headers[name.removesuffix(".npy")] = archive.header(name.removesuffix(".npy"))
            except ValueError as error:
                found.append(str(error))
    found += _shapes(headers, about, archive.names)
    if found:
        return None, list(_limited(iter(found)))
    count = next(iter(headers.values())).shape[0]
    truth = Truth(
        about=about,
        samples=count,
        labels=archive.whole_numbers("labels", headers["labels"]) if "labels" in headers else None,
        members={n: archive.json(n) for n in archive.names if n.endswith(".json") and n != "dataset.json"},
    )
    faults = [*tasks.load(about["task"]).faults(truth), *(_samples(archive, headers, about) if samples else ())]
    if faults:
        return None, list(_limited(iter(faults)))
    return Facts(task=about["task"], sample_count=count, truth=truth), []


def _shapes(headers: Mapping[str, Header], about: Mapping[str, Any], names: list[str]) -> Iterator[str]:
    """Counts, types and what belongs to what, from the headers alone."""
    named = about.get("reference_outputs")
    expected = {v for v in named.values() if isinstance(v, str)} if isinstance(named, dict) else set()
    for name in sorted(expected - set(headers)):
        yield f"reference_outputs names the array {name!r}, which is not there"
    arrays = {name.removesuffix(".npy") for name in names if name.endswith(".npy")}
    if not arrays - {"labels"} - expected:
        yield "it has no input array"
    lengths = {name: h.shape[0] if h.shape else 0 for name, h in headers.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        shown = ", ".join(f"{name} {n}" for name, n in sorted(lengths.items()))
        yield f"its arrays have the lengths {shown}, and should have one that is not 0"
    labels = headers.get("labels")
    if labels is not None and (len(labels.shape) != 1 or "int" not in labels.dtype):
        yield f"labels are {labels.dtype} of shape {list(labels.shape)}, and should be one whole number a sample"
    stored = about.get("stored")
    wanted = stored.get("dtype") if isinstance(stored, dict) else None
    for name in sorted(set(headers) - {"labels"} - expected):
        if wanted is not None and headers[name].dtype != wanted:
            yield f"stored.dtype is {wanted}, the array {name} is {headers[name].dtype}"
    try:
        members = {"dataset.json", *tasks.load(str(about["task"])).MEMBERS}
    except NotFoundError:
        return  # the document said so already
    for name in names:
        if name.endswith(".json") and name not in members:
            yield f"member {name!r} is not read by the task {about['task']}; it reads {', '.join(sorted(members))}"


def _samples(archive: Archive, headers: Mapping[str, Header], about: Mapping[str, Any]) -> Iterator[str]:
    """NaN, and values outside what is declared to be stored."""
    stored = about.get("stored") or {}
    named = set((about.get("reference_outputs") or {}).values())
    for name, header in sorted(headers.items()):
        if name == "labels":
            continue
        odd, low, high = 0, float("inf"), float("-inf")
        for piece in archive.chunks(name, header):
            if header.dtype.startswith("float"):
                odd += odd_numbers(piece, header.dtype)
            if "range" in stored and name not in named:
                least, most = extremes(piece, header.dtype)
                low, high = min(low, least), max(high, most)
        if odd:
            yield f"array {name} holds {odd} NaN or infinite values"
        elif "range" in stored and name not in named and not stored["range"][0] <= low <= high <= stored["range"][1]:
            yield f"array {name} runs from {low:g} to {high:g}, stored.range is {stored['range']}"
