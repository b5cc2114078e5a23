"""What `nrr show insight` found, as rows: amounts in major units beside micros, rates as numbers."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from worker.cli.json_rows import amount, amounts, number

if TYPE_CHECKING:
    from metrics.retention.analysis.insight import Concentration, Driver, Drivers, Lever, Signal, Trend


def insight_rows(found: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Lever, benchmark, trend, concentration, drivers and signals under their names; amounts are of `currency`."""
    band = found["benchmark"]
    return {
        "lever": None if found["lever"] is None else _lever(found["lever"], currency),
        "benchmark": None if band is None else asdict(band),
        "trend": _trend(found["trend"]),
        "concentration": _concentration(found["concentration"], currency),
        "drivers": _drivers(found["drivers"], currency),
        "signals": [_signal(each, currency) for each in found["signals"]],
    }


def _lever(lever: "Lever", currency: str) -> dict[str, Any]:
    row = asdict(lever)
    beyond = amount("mrr", lever.micros, currency)
    return {**row, **{name: number(row[name]) for name in ("rate", "bound", "yearly")}, "also": list(lever.also), **beyond}


def _trend(trend: "Trend") -> dict[str, Any]:
    points = [
        {"last_day": until - timedelta(days=1), trend.metric: number(value), "incomplete": incomplete}
        for until, value, incomplete in trend.points
    ]
    return {"metric": trend.metric, "points": points, "direction": trend.direction, "change": number(trend.change)}


def _concentration(few: "Concentration", currency: str) -> dict[str, Any]:
    return {
        "concentration": number(few.share_of_top),
        "share_of_top": number(few.share_of_top),
        "nrr": number(few.nrr),
        "nrr_without_largest": number(few.nrr_without_largest),
        "largest": [_driver(each, currency) for each in few.largest],
    }


def _drivers(drivers: "Drivers", currency: str) -> dict[str, Any]:
    return {
        "gained": [_driver(each, currency) for each in drivers.gained],
        "lost": [_driver(each, currency) for each in drivers.lost],
        "causes": [
            {
                "kind": each.kind,
                "cause": each.cause,
                **amount("change", each.micros, currency),
                "micros": each.micros,
                "movements": each.movements,
                "share": number(each.share),
            }
            for each in drivers.causes
        ],
    }


def _driver(driver: "Driver", currency: str) -> dict[str, Any]:
    sides = {"opening": driver.opening, "closing": driver.closing, "change": driver.change}
    return {"customer": driver.customer, **amounts(sides, currency), "share": number(driver.share)}


def _signal(signal: "Signal", currency: str) -> dict[str, Any]:
    return {
        "signal": signal.name,
        "name": signal.name,
        "micros": signal.micros,
        "count": signal.count,
        **amount("mrr", signal.micros, currency),
        "customers": signal.count,
        "share": number(signal.share),
        "within_days": signal.within_days,
    }
