"""The lever, the benchmarks, trends, drivers and concentration: rules by their tables, sums by their ledger."""

from dataclasses import replace
from datetime import date

import pytest

from metrics.evidence import Instant
from metrics.periods import Window
from metrics.retention.aggregate import finish, partials
from metrics.retention.analysis.insight import (
    Cause,
    Signal,
    benchmark,
    concentration,
    drivers,
    largest_lever,
    standing_signals,
    trend,
)
from metrics.retention.figures import Figures
from tests.metrics.retention.books import Stand, book

YEAR = Window("trailing_12", date(2024, 1, 1), date(2025, 1, 1))


def _figures(opening: int = 1000, expansion: int = 0, contraction: int = 0, churn: int = 0, closing: int = 0) -> Figures:
    kept = opening + expansion - contraction - churn
    return Figures(
        "",
        YEAR.kind,
        YEAR.first,
        YEAR.until,
        "",
        "",
        "usd",
        opening=opening,
        expansion=expansion,
        contraction=contraction,
        churn=churn,
        closing_of_cohort=kept,
        closing=closing,
        reason=None if opening else "opening_zero",
    )


@pytest.mark.parametrize(
    ("expansion", "contraction", "churn", "lever", "also", "micros"),
    [
        (200, 0, 101, "retention", (), 1),
        (200, 0, 100, None, (), 0),
        (49, 0, 0, "upsell", (), 1),
        (50, 0, 0, None, (), 0),
        (50, 51, 0, "value", (), 1),
        (50, 50, 0, None, (), 0),
        (20, 60, 300, "retention", ("upsell", "value"), 200),
        (20, 60, 0, "upsell", ("value",), 30),
    ],
)
def test_the_lever(expansion: int, contraction: int, churn: int, lever: str | None, also: tuple[str, ...], micros: int) -> None:
    """Churn above 10 % is named first, then expansion below 5 %, then contraction above 5 %; a bound that is just met names nothing."""
    found = largest_lever(_figures(1000, expansion, contraction, churn))
    assert (lever, also, micros) == ((found.name, found.also, found.micros) if found else (None, (), 0))


@pytest.mark.parametrize(
    ("kind", "churn", "lever"),
    [("trailing_12", 9, None), ("quarter", 9, "retention"), ("quarter", 2, None), ("month", 1, "retention")],
)
def test_a_shorter_window_is_held_against_its_share_of_the_year(kind: str, churn: int, lever: str | None) -> None:
    """9 % of churn is little in a year and a lot in a quarter; no year's rule of thumb is held against a month or a quarter."""
    found = replace(_figures(100, expansion=50, churn=churn), kind=kind)
    assert lever == ((named := largest_lever(found)) and named.name)
    assert (kind == "trailing_12") == (benchmark(found) is not None)
    assert benchmark(replace(found, dimension="plan", segment="gold")) is None


def test_no_lever_without_a_rate() -> None:
    """Where nothing can be divided, nothing is suggested."""
    assert largest_lever(_figures(0)) is None
    assert benchmark(_figures(0)) is None


M = 1_000_000 * 1_000_000


@pytest.mark.parametrize(
    ("arr", "nrr", "size", "standing", "health"),
    [
        (M - 12, 84, "under 1 m", "below", "stable"),
        (M - 12, 85, "under 1 m", "good", "stable"),
        (M - 12, 95, "under 1 m", "great", "stable"),
        (M - 12, 105, "under 1 m", "world_class", "healthy"),
        (M, 94, "1–10 m", "below", "stable"),
        (M, 95, "1–10 m", "good", "stable"),
        (9 * M, 114, "1–10 m", "great", "healthy"),
        (10 * M, 100, "10–50 m", "good", "stable"),
        (49 * M, 120, "10–50 m", "world_class", "healthy"),
        (50 * M, 104, "50 m and more", "below", "healthy"),
        (60 * M, 115, "50 m and more", "great", "healthy"),
        (60 * M, 79, "50 m and more", "below", "material_issue"),
    ],
)
def test_benchmarks(arr: int, nrr: int, size: str, standing: str, health: str) -> None:
    """The band goes by ARR, its lower end included; above 100 % is healthy, below 80 % a material issue."""
    found = benchmark(_figures(100, expansion=max(0, nrr - 100), churn=max(0, 100 - nrr), closing=-(-arr // 12)))
    assert found is not None
    assert (size, standing, health, False) == (found.size, found.standing, found.health, found.worth_a_look)


def test_an_nrr_of_one_and_a_half_is_worth_a_look() -> None:
    """150 % and more is rather a young book than a prize."""
    seen = [benchmark(_figures(100, expansion=gain)) for gain in (49, 50)]
    assert [False, True] == [found.worth_a_look for found in seen if found]


def _quarters(*nrr: int | None, incomplete: int = 0) -> list[Figures]:
    out = []
    for number, value in enumerate(nrr):
        first = date(2024 + number // 4, number % 4 * 3 + 1, 1)
        until = date(first.year + first.month // 10, (first.month + 3 - 1) % 12 + 1, 1)
        made = _figures(0 if value is None else 100, churn=0 if value is None else 100 - value)
        out.append(replace(made, kind="quarter", first=first, until=until, incomplete=number >= len(nrr) - incomplete))
    return out


@pytest.mark.parametrize(
    ("nrr", "incomplete", "direction", "change"),
    [
        ((90, 91, 91, 95), 0, "rising", "0.050000"),
        ((95, 94, 94, 90), 0, "falling", "-0.050000"),
        ((90, 90, 90, 90), 0, "flat", "0.000000"),
        ((90, 95, 92, 96), 0, "mixed", "0.060000"),
        ((90, 91, 92), 0, "unknown", None),
        ((None, 90, 91, 92, 93), 0, "rising", "0.030000"),
        ((90, 91, 92, 93, 10), 1, "rising", "0.030000"),
        ((90, 91, 92, 10), 1, "unknown", None),
    ],
)
def test_trends(nrr: tuple[int | None, ...], incomplete: int, direction: str, change: str | None) -> None:
    """Four complete windows that have a rate make a trend; one that isn't over is shown and not judged."""
    found = trend(reversed(_quarters(*nrr, incomplete=incomplete)), "nrr")
    assert (direction, change, len(nrr)) == (found.direction, found.change, len(found.points))
    assert [f"{value / 100:.6f}" if value is not None else None for value in nrr] == [value for _, value, _ in found.points]


def test_a_trend_of_different_things_is_refused() -> None:
    """Quarters and years in one row would say nothing."""
    with pytest.raises(ValueError, match="one kind"):
        trend([*_quarters(90), _figures()], "nrr")


def _year() -> Figures:
    """Eleven at the opening: ten of 100, one of 1,000 that halves; one of the ten doubles, one leaves; a twelfth comes."""
    names = [f"c{number:02}" for number in range(10)]
    rows = [Stand(name, date(2023, 6, 1), 100) for name in names] + [Stand("whale", date(2023, 6, 1), 1000)]
    rows += [
        Stand("whale", date(2024, 5, 1), 500, cause="quantity"),
        Stand("c03", date(2024, 6, 1), 200, cause="plan"),
        Stand("c07", date(2024, 7, 1), 0, cause="canceled_voluntary", at_risk_micros=0),
        Stand("new", date(2024, 8, 1), 70, cause="start", scheduled_micros=70, at_risk_micros=30),
    ]
    (found,) = finish(partials(book(rows), [YEAR]), complete_until=Instant(2**40))
    return found


def test_who_and_what_moved_it() -> None:
    """Customers by what they added or took, largest first, with their share of the opening; causes by their size."""
    found = drivers(_year())
    assert [("c03", 100, "0.050000")] == [(d.customer, d.change, d.share) for d in found.gained]
    assert [("whale", -500, "-0.250000"), ("c07", -100, "-0.050000")] == [(d.customer, d.change, d.share) for d in found.lost]
    assert [
        Cause("contraction", "quantity", 500, 1, "0.250000"),
        Cause("churn", "canceled_voluntary", 100, 1, "0.050000"),
        Cause("expansion", "plan", 100, 1, "0.050000"),
        Cause("new", "start", 70, 1, "0.035000"),
    ] == list(found.causes)


def test_causes_make_the_bridge() -> None:
    """The causes of each kind add up to the bridge's line."""
    year = _year()
    for kind, line in (("new", year.new), ("expansion", 100), ("contraction", 500), ("churn", 100)):
        assert line == sum(c.micros for c in drivers(year).causes if c.kind == kind)


def test_concentration() -> None:
    """The ten largest of eleven hold 1,900 of 2,000; without the five largest (the whale among them) NRR is that of the other six."""
    found = concentration(_year())
    assert ("0.950000", "0.750000") == (found.share_of_top, found.nrr)
    assert ["whale", "c00", "c01"] == [d.customer for d in found.largest[:3]]
    assert "0.833333" == found.nrr_without_largest, "of the other six of 100 one has left"


def test_signals_that_stand() -> None:
    """What is scheduled to end, what is at risk and what is on trial, with its share of MRR."""
    assert [
        Signal("scheduled_churn", 70, None, "0.044586"),
        Signal("at_risk", 30, None, "0.019108"),
        Signal("trial_pipeline", 0, 0, "0.000000"),
    ] == standing_signals(_year())
