"""What lines bill for each day beside what the ledger says, and the rules for what differs."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from metrics.billings import proof, proof_rules

FIRST, UNTIL = pl.lit(date(2024, 1, 1)), pl.lit(date(2025, 1, 1))
UNIT = 10_000


def at(day: str) -> int:
    """Noon of a day, epoch seconds."""
    return int(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC).timestamp())


def line(
    start: str, end: str, amount: int, interval: str = "month", count: int = 1, *, proration: bool = False
) -> tuple[object, ...]:
    """A line of so many minor units."""
    return ("c", "usd", interval, count, proration, amount * UNIT, UNIT, at(start), at(end))


def proven(lines: list[tuple[object, ...]], stands: list[tuple[date, int]]) -> pl.DataFrame:
    """Both means."""
    frame = pl.DataFrame(lines, schema=proof.LINES, orient="row")
    standings = pl.DataFrame([("c", "usd", day, minor * UNIT) for day, minor in stands], schema=proof.STANDINGS, orient="row")
    return proof.proven(frame, standings, "UTC", FIRST, UNTIL)


MONTHLY = [line("2024-01-15", "2024-02-15", 5000), line("2024-02-15", "2024-03-15", 5000)]


@pytest.mark.parametrize(
    ("lines", "stands"),
    [
        (MONTHLY, [(date(2024, 1, 15), 5000), (date(2024, 3, 15), 0)]),
        ([line("2024-03-01", "2025-03-01", 12_000, "year")], [(date(2024, 3, 1), 1000)]),
        ([line("2024-03-01", "2024-03-15", 700, "week", 2)], [(date(2024, 3, 1), 700 * 52 // 24), (date(2024, 3, 15), 0)]),
        ([line("2024-03-01", "2024-07-01", 20_000)], [(date(2024, 3, 1), 5000), (date(2024, 7, 1), 0)]),
        (
            [
                line("2024-04-01", "2024-05-01", 3000),
                line("2024-04-11", "2024-05-01", -2000, proration=True),
                line("2024-04-11", "2024-05-01", 4000, proration=True),
            ],
            [(date(2024, 4, 1), 3000), (date(2024, 4, 11), 6000), (date(2024, 5, 1), 0)],
        ),
        (
            [
                line("2024-01-30", "2024-02-29", 3000),
                line("2024-02-22", "2024-02-29", -700, proration=True),
                line("2024-02-22", "2024-02-29", 1400, proration=True),
            ],
            [(date(2024, 1, 30), 3000), (date(2024, 2, 22), 6000), (date(2024, 2, 29), 0)],
        ),
    ],
    ids=["monthly", "yearly", "fortnight", "prebilled", "upgrade", "upgrade in a period cut short by February"],
)
def test_both_ways_come_to_the_same(lines: list[tuple[object, ...]], stands: list[tuple[date, int]]) -> None:
    """A period, a part of one and several of them, each by its own interval."""
    found = proven(lines, stands)
    assert len(found)
    assert [] == proof.differing(found).rows()


def test_a_wrong_amount_is_named_with_both() -> None:
    """By customer and month; a minor unit a line is no difference."""
    assert 0 == len(
        proof.differing(proven([line("2024-01-01", "2024-02-01", 5000)], [(date(2024, 1, 1), 5001), (date(2024, 2, 1), 0)]))
    )
    apart = proof.differing(proven([line("2024-01-01", "2024-02-01", 5000)], [(date(2024, 1, 1), 6000), (date(2024, 2, 1), 0)]))
    assert [("c", date(2024, 1, 1), -10_000_000)] == apart.select("customer", "month", "difference_micros").rows()


def spans(rule: str, first: date, end: date | None, most: int | None) -> pl.DataFrame:
    """Evidence for one rule."""
    return pl.DataFrame([("c", "usd", rule, first, end, most)], schema=proof_rules.SPANS, orient="row")


@pytest.mark.parametrize(
    ("evidence", "rule"),
    [
        (spans("pending", date(2024, 1, 20), date(2024, 2, 3), 20_000_000), "pending"),
        (spans("pending", date(2024, 1, 20), date(2024, 2, 3), 5_000_000), "unexplained"),
        (spans("finding", date(2023, 1, 1), None, None), "finding"),
        (spans("not_billed", date(2024, 2, 1), date(2024, 3, 1), None), "unexplained"),
    ],
    ids=["in its month", "worth too little", "without an end", "of another month"],
)
def test_a_rule_explains_no_more_than_its_evidence_is_worth(evidence: pl.DataFrame, rule: str) -> None:
    """Nor a month that it doesn't touch: the rest is unexplained."""
    apart = proof.differing(proven([line("2024-01-01", "2024-02-01", 5000)], [(date(2024, 1, 1), 6000), (date(2024, 2, 1), 0)]))
    assert [rule] == proof_rules.explained(apart, evidence)["rule"].to_list()
