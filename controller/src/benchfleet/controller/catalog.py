"""What the controller knows by name, and the records that comparison, gates and reports read.

These are the domain forms. The store makes them from rows, the client from messages; planning, comparison, gates and
reports see nothing else, so they run the same in the controller, in the CLI and in tests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from benchfleet.core.inventory import Inventory
from benchfleet.core.results import Result
from benchfleet.core.runspec import Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One format of a model; `facts` is what `benchfleet inspect --json` says of the file."""

    format: str
    artifact: Artifact
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A named, tagged set of files of the same network: `name` is NAME:TAG, `files` maps a format to its file."""

    name: str
    parent: str | None
    precision: str | None
    files: dict[str, ModelFile]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Labelled samples with a task."""

    name: str
    artifact: Artifact
    task: str
    sample_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device that enrolled; `labels` are those of its token and of its agent together."""

    name: str
    inventory: Inventory
    labels: dict[str, str]
    online: bool
    admission: str = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of a campaign with its accepted result, if there is one.

    `state` is queued | leased | succeeded | failed | cancelled | unschedulable. A failed run may carry a result whose
    outcome is "failed" (the agent told us) or none (the agent was lost). `power_mode` is the one asked for.
    """

    run_id: str
    campaign_id: str
    device: str
    model: str
    format: str
    precision: str | None
    runtime: str
    threads: int
    batch: int
    scenario: str
    cell_key: str
    state: str
    reason: str = ""
    detail: str = ""
    result: Result | None = None
    series_digest: str | None = None
    power_mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRecord:
    """A campaign with all its runs: the input of comparison, gates, exporters and reports."""

    id: str
    name: str
    state: str
    created_utc: str
    document_yaml: str
    baseline_model: str | None
    runs: tuple[RunRecord, ...]
    pruned: tuple[dict[str, Any], ...] = ()
