"""What a quality task is: how outputs of a model become predictions, and what they are worth against the truth.

A file in core/tasks is a task; its name is the `task` of a data set. It holds
    EXTRA          the extra of benchfleet-agent that brings the field's library, or None
    METRICS        names of the metrics it scores, the first of which is what `accuracy_drop_pp` is taken of
    POINTS         how many percentage points one unit of that first metric is (100 for a ratio)
    NOTHING        the prediction of a sample whose call raised
    MEMBERS        JSON members of the data set file that it reads
    KEYS           the keys it knows in `postprocess` and `scoring` of dataset.json, each with its rule
    faults(truth)                    what is wrong with the truth, a line each
    predict(outputs, truth, index)   the prediction of one sample; TaskError when the outputs do not fit
    stored(paths, truth)             predictions that somebody else made, from the field's own files
    bare(paths)                      the truth from the field's own files, without a data set around it
    score(truth, predictions)        Score by metric name, over the first len(predictions) samples
The field's library is imported inside `score`, which runs in a process of its own: see `benchfleet-agent score`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from benchfleet.core import plugins
from benchfleet.core.evidence import Score

PACKAGE = "benchfleet.core.tasks"
GROUP = "benchfleet.tasks"
JSON_BYTES_MAX = 512 * 1024**2
"""Of one file of truth or predictions: the annotations of a large set are some hundred MB."""

Rule = Callable[[Any], str | None]
"""Says what is wrong with a value, or None."""


class TaskError(ValueError):
    """Outputs, truth or predictions that do not fit together: what, where, and what to do, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output of one sample, dequantised, in C order."""

    name: str
    shape: tuple[int, ...]
    numbers: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What a data set knows: declarations, labels, JSON members by name; `samples` is None when nothing fixes them."""

    about: Mapping[str, Any]
    samples: int | None
    labels: Sequence[int] | None = None
    members: Mapping[str, Any] = field(default_factory=dict)

    def declared(self, section: str) -> Mapping[str, Any]:
        """`postprocess` or `scoring` of dataset.json."""
        found = self.about.get(section)
        return found if isinstance(found, dict) else {}


class Task(Protocol):
    """A task plug-in, as a module."""

    EXTRA: str | None
    METRICS: tuple[str, ...]
    POINTS: float
    NOTHING: Any
    MEMBERS: tuple[str, ...]
    KEYS: Mapping[str, Mapping[str, Rule]]

    def faults(self, truth: Truth) -> Iterator[str]:
        """What is wrong with the truth."""

    def predict(self, outputs: Sequence[Output], truth: Truth, index: int) -> Any:
        """The prediction of sample `index`."""

    def stored(self, paths: Sequence[Path], truth: Truth) -> list[Any]:
        """Predictions from the field's own files."""

    def bare(self, paths: Sequence[Path]) -> Truth:
        """The truth from the field's own files."""

    def score(self, truth: Truth, predictions: Sequence[Any]) -> dict[str, Score]:
        """What the predictions are worth; ImportError when the field's library is not there."""


def names() -> list[str]:
    """Every task there is."""
    return plugins.names(PACKAGE, GROUP)


def load(name: str) -> Task:
    """A task by name; NotFoundError names those there are."""
    return cast(Task, plugins.load(PACKAGE, GROUP, name))


def missing_library(error: ImportError, task: Task) -> str:
    """Why a score is missing, with the line that mends it."""
    return f"{error}; install it with: pip install 'benchfleet-agent[{task.EXTRA}]'"


def chosen(outputs: Sequence[Output], wanted: Any, fallback: int, what: str) -> Output:
    """The output that `postprocess` names, by name or index; TaskError names those there are."""
    have = ", ".join(f"{o.name}{list(o.shape)}" for o in outputs)
    if wanted is None:
        wanted = fallback
    if isinstance(wanted, int):
        if wanted < len(outputs):
            return outputs[wanted]
    else:
        for output in outputs:
            if output.name == wanted:
                return output
    raise TaskError(f"postprocess: the model has no output {wanted!r} for {what}; it has: {have}")


def read_json(path: Path) -> Any:
    """A JSON file; TaskError for what is none."""
    try:
        if path.stat().st_size > JSON_BYTES_MAX:
            raise TaskError(f"{path}: larger than {JSON_BYTES_MAX >> 20} MiB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise TaskError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, TaskError):
            raise
        raise TaskError(f"{path}: not JSON ({error})") from error


def one_of(*known: str) -> Rule:
    """A text out of a few."""
    return lambda value: None if value in known else f"is one of {', '.join(known)}, not {value!r}"


def a_bool(value: Any) -> str | None:
    """true or false."""
    return None if isinstance(value, bool) else f"is true or false, not {value!r}"


def an_output(value: Any) -> str | None:
    """The name or index of an output."""
    fits = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
    return None if fits else f"is the name or index of an output, not {value!r}"


def whole(low: int, high: int) -> Rule:
    """A whole number within bounds."""

    def rule(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if fits else f"is a whole number from {low} to {high}, not {value!r}"

    return rule


def number(low: float = -math.inf, high: float = math.inf) -> Rule:
    """A finite number within bounds."""

    def rule(value: Any) -> str | None:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        bounds = "" if math.isinf(low) else f" of at least {low:g}"
        bounds += "" if math.isinf(high) else f" and at most {high:g}"
        return None if fits and low <= value <= high else f"is a finite number{bounds}, not {value!r}"

    return rule


def list_of(rule: Rule, what: str, low: int = 1, high: int = 1_000_000) -> Rule:
    """A list whose every entry keeps a rule."""

    def check(value: Any) -> str | None:
        if not isinstance(value, list) or not low <= len(value) <= high or any(rule(v) for v in value):
            return f"is a list of {what}, not {str(value)[:60]!r}"
        return None

    return check


def text(value: Any) -> str | None:
    """A text."""
    return None if isinstance(value, str) else f"is a text, not {value!r}"
