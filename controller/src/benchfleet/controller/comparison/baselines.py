"""Which run each run is compared with: looked up, since a campaign may have ten thousand."""

from __future__ import annotations

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.comparison.conditions import BY_NAME, REFUSING, VARIED_ON_PURPOSE, unlike

FIELDS = REFUSING + VARIED_ON_PURPOSE

Key = tuple[str | None, ...]


class Baselines:
    """Of the runs of one campaign: the declared model's, one chosen cell's, or the same cells of another campaign."""

    def __init__(
        self, campaign: CampaignRecord, *, chosen_cell: str | None = None, against: CampaignRecord | None = None
    ) -> None:
        self._model, self._chosen, self._against = campaign.baseline_model, chosen_cell, against
        self._by_cell: dict[tuple[str, str], RunRecord] = {}
        for run in (against or campaign).runs:
            self._by_cell.setdefault((run.device, run.cell_key), run)
        self._of_model: dict[str, dict[Key, RunRecord]] = {}
        for run in campaign.runs:
            if run.model == self._model:
                self._of_model.setdefault(run.device, {}).setdefault(_key(run), run)

    def of(self, run: RunRecord) -> RunRecord | str:
        """The baseline under like conditions, or why there is none."""
        found = self.nearest(run)
        if isinstance(found, str) or self._against is not None or self._chosen is not None:
            return found
        differences = () if found.model == run.model else unlike(found, run, FIELDS)
        return "unlike conditions, " + ", ".join(map(str, differences)) if differences else found

    def nearest(self, run: RunRecord) -> RunRecord | str:
        """The baseline that is least unlike; text says why there is none at all."""
        if self._against is not None:
            found = self._by_cell.get((run.device, run.cell_key))
            return found or f"campaign {self._against.id} has no such cell on {run.device}"
        if self._chosen is not None:
            found = self._by_cell.get((run.device, self._chosen))
            return found or f"the baseline cell did not run on {run.device}"
        if self._model is None:
            return "the campaign declares no baseline"
        candidates = self._of_model.get(run.device)
        if not candidates:
            return f"{self._model} did not run on {run.device}"
        if run.model == self._model:
            return run
        key = _key(run)
        return candidates.get(key) or min(candidates.items(), key=lambda item: _gap(item[0], key))[1]


def _key(run: RunRecord) -> Key:
    return tuple(BY_NAME[name].of(run) for name in FIELDS)


def _gap(theirs: Key, ours: Key) -> int:
    """In how many conditions two runs differ; what one side does not know differs from nothing."""
    return sum(a != b and a is not None and b is not None for a, b in zip(theirs, ours, strict=True))
