"""Prices over a campaign: every result gets its three costs anew, each with a number or the reason why it has none.

Costs of other prices that a result came with are replaced, so that one campaign never mixes two currencies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchfleet.controller.catalog import CampaignRecord, RunRecord
from benchfleet.controller.costs.document import DevicePrices, Prices, amount
from benchfleet.core.results import Result, Value, missing

HARDWARE = "hardware_cost_per_million"
ELECTRICITY = "electricity_cost_per_million"
CLOUD = "cloud_cost_per_million"
COSTS = (HARDWARE, ELECTRICITY, CLOUD)
SAMPLES = 1e6
S_PER_HOUR = 3600.0
MJ_PER_KWH = 3.6e9
"""Milli-joules: 1 kWh is 3.6 million joules."""
PACED = "as paced"
"""How the method of a throughput says that the scenario set the rate."""


def priced(campaign: CampaignRecord, prices: Prices) -> CampaignRecord:
    """The campaign with costs in the currency of the prices, which its provenance names."""
    return replace(campaign, runs=tuple(_priced(run, prices) for run in campaign.runs))


def currency_of(result: Result | None) -> str | None:
    """The currency of a result's costs; None when it was not priced."""
    found = result.provenance.get("prices") if result is not None else None
    return str(found.get("currency")) if isinstance(found, dict) else None


def _priced(run: RunRecord, prices: Prices) -> RunRecord:
    if run.result is None or run.result.outcome != "ok":
        return run
    facts = _facts(run)
    entry = prices.of(facts)
    metrics = {**run.result.metrics, **_costs(run.result, prices, entry, run.device)}
    provenance = {**run.result.provenance, "prices": _origin(prices, entry)}
    return replace(run, result=replace(run.result, metrics=metrics, provenance=provenance))


def _facts(run: RunRecord) -> dict[str, str]:
    device = run.result.provenance.get("device") if run.result is not None else None
    known = {key: str(value) for key, value in device.items()} if isinstance(device, dict) else {}
    return {**known, "device": run.device}


def _origin(prices: Prices, entry: DevicePrices | None) -> dict[str, Any]:
    parts = [prices.electricity] + ([entry.hardware, entry.cloud, entry.electricity] if entry else [])
    sources = dict.fromkeys(part.source for part in parts if part is not None and part.source)
    return {"name": prices.name, "currency": prices.currency, "sources": list(sources)}


def _costs(result: Result, prices: Prices, entry: DevicePrices | None, device: str) -> dict[str, Value]:
    rate = result.metrics.get("throughput_per_s") or missing("this run did not measure it")
    energy = result.metrics.get("energy_mj_per_inference") or missing("this run did not measure it")
    nothing = f"prices {prices.name} say nothing of {{}} for {device}"
    hardware = entry.hardware if entry else None
    cloud = entry.cloud if entry else None
    electricity = (entry.electricity if entry else None) or prices.electricity
    found = {
        HARDWARE: missing(nothing.format("hardware")),
        ELECTRICITY: missing(nothing.format("electricity")),
        CLOUD: missing(nothing.format("a cloud")),
    }
    if hardware is not None:
        hours = hardware.lifetime * hardware.utilisation
        found[HARDWARE] = _of_time(amount(hardware.price) / hours, rate, "price / (lifetime x utilisation)", prices)
    if cloud is not None:
        found[CLOUD] = _of_time(amount(cloud.price_per_hour), rate, "price of an hour", prices)
    if electricity is not None:
        found[ELECTRICITY] = _of_energy(amount(electricity.price_per_kwh), energy, prices)
    return found


def _of_time(per_hour: float, rate: Value, what: str, prices: Prices) -> Value:
    """A price of time, for as long as a million samples take; the ends of the interval change places."""
    if rate.value is None or rate.value <= 0:
        return missing(f"no throughput_per_s: {rate.reason or 'it is 0'}")
    scale = per_hour * SAMPLES / S_PER_HOUR
    interval = None
    if rate.ci95 is not None and rate.ci95[0] > 0:
        interval = (scale / rate.ci95[1], scale / rate.ci95[0])
    paced = PACED in (rate.method or "")
    at = "the rate of the scenario, not the most the device can do" if paced else "the measured throughput"
    return Value(
        value=scale / rate.value,
        ci95=interval,
        n=rate.n,
        method=f"{what} x time of a million samples at {at}",
        source=_source(prices),
    )


def _of_energy(per_kwh: float, energy: Value, prices: Prices) -> Value:
    if energy.value is None:
        return missing(f"no energy_mj_per_inference: {energy.reason or 'not measured'}")
    scale = per_kwh * SAMPLES / MJ_PER_KWH
    return Value(
        value=energy.value * scale,
        ci95=None if energy.ci95 is None else (energy.ci95[0] * scale, energy.ci95[1] * scale),
        n=energy.n,
        method="energy_mj_per_inference (gross) x price of a kWh",
        source=f"{energy.source}; {_source(prices)}" if energy.source else _source(prices),
        scope=energy.scope,
    )


def _source(prices: Prices) -> str:
    return f"prices {prices.name} in {prices.currency}"
