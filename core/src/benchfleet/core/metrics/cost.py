"""What a million samples cost. Prices are the operator's: the agent knows none, so it says that they are missing.

`--prices FILE` of compare, results, report, export, gate and validate computes them (docs/costs.md).
"""

from __future__ import annotations

from benchfleet.core.evidence import Evidence
from benchfleet.core.metric import Metric
from benchfleet.core.results import Value, missing

CURRENCY = "currency"
"""The unit of a metric whose currency is that of the prices it was computed with."""


def _unpriced(evidence: Evidence) -> Value:
    return missing("no prices were given; --prices FILE of compare, report, export and gate computes it")


METRICS = (
    Metric(
        name="hardware_cost_per_million", unit=CURRENCY, better="lower",
        help="share of the price of the device, for a million samples",
        how="price / (lifetime x utilisation) x time of a million samples at the measured throughput",
        compute=_unpriced,
    ),
    Metric(
        name="electricity_cost_per_million", unit=CURRENCY, better="lower", help="electricity for a million samples",
        how="energy_mj_per_inference (gross) x price of a kWh", compute=_unpriced,
    ),
    Metric(
        name="cloud_cost_per_million", unit=CURRENCY, better="lower", help="rent of the machine, for a million samples",
        how="price of an hour x time of a million samples at the measured throughput", compute=_unpriced,
    ),
)  # fmt: skip
