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


LINES = {**proof.LINES, "item": pl.String, "price": pl.String, "off_micros": pl.Int64}


def of_items(*lines: tuple[str, str, int, str, str, bool]) -> pl.DataFrame:
    """Lines of one customer as the rules take them: start, end, minor units, item, price, whether within a period."""
    rows = [
        ("c", "usd", "month", 1, within, amount * UNIT, UNIT, at(start), at(end), item, price, 0)
        for start, end, amount, item, price, within in lines
    ]
    known = proof.monthly(pl.DataFrame(rows, schema=LINES, orient="row"))
    return known.with_columns(
        pl.from_epoch("period_start").dt.date().alias("first_day"),
        pl.from_epoch("period_end").dt.date().alias("end_day"),
        pl.col("whole").alias("monthly"),
    )


CYCLE = ("2024-04-01", "2024-05-01", 3000, "si", "basic", False)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((CYCLE, ("2024-04-16", "2024-05-01", -1500, "si", "basic", True)), []),
        ((CYCLE, ("2024-04-16", "2024-05-01", -2000, "si", "basic", True)), [10_000_000]),
        ((CYCLE, ("2024-04-16", "2024-05-01", -2000, "si", "other", True)), [40_000_000]),
        (
            (
                CYCLE,
                ("2024-04-16", "2024-05-01", -2000, "si", "basic", True),
                ("2024-04-16", "2024-05-01", 3000, "si", "basic", True),
            ),
            [10_000_000],
        ),
        (
            (
                CYCLE,
                ("2024-04-11", "2024-05-01", 4000, "si", "basic", True),
                ("2024-04-16", "2024-05-01", -3000, "si", "basic", True),
            ),
            [],
        ),
    ],
    ids=["what was charged", "more than that", "another price", "what it became is no charge for it", "what it became before is"],
)
def test_a_credit_for_what_no_line_charged(lines: tuple[tuple[str, str, int, str, str, bool], ...], expected: list[int]) -> None:
    """Only what goes beyond every charge before it is evidence of an unbilled change."""
    found = proof_rules.credited(of_items(*lines))
    assert [(proof_rules.CREDITED, date(2024, 4, 16), most) for most in expected] == found.select(
        "rule", "first_day", "most"
    ).rows()


def test_periods_of_one_item_that_overlap() -> None:
    """From the start of the later one to the end of the earlier, worth the earlier; those of other items don't."""
    again = ("2024-04-21", "2024-05-21", 5000, "si", "basic", False)
    beside = ("2024-04-21", "2024-05-21", 5000, "other", "basic", False)
    found = proof_rules.restarted(of_items(CYCLE, again))
    assert [(date(2024, 4, 21), date(2024, 5, 1), 30_000_000)] == found.select("first_day", "end_day", "most").rows()
    assert 0 == len(proof_rules.restarted(of_items(CYCLE, beside)))


def test_discounts_about_a_proration() -> None:
    """An amount off that is shared out anew from the next period on, and one that is billed for the time before it began."""
    discounted = of_items(CYCLE).with_columns(pl.lit(5_000_000).alias("off_micros"))
    days = pl.DataFrame({"customer": ["c", "c"], "currency": ["usd", "usd"], "day": [date(2024, 4, 10), date(2024, 5, 1)]})
    assert [(date(2024, 4, 10), date(2024, 5, 1), 5_000_000)] == proof_rules.shared(discounted, days).select(
        "first_day", "end_day", "most"
    ).rows()
    before = of_items(
        ("2024-03-20", "2024-04-01", 900, "si", "basic", True), ("2024-03-20", "2024-03-25", 900, "si", "basic", True)
    )
    found = proof_rules.backdated(discounted, before.drop("off_micros"))
    assert [(date(2024, 3, 20), date(2024, 4, 1), 5_000_000)] == found.select("first_day", "end_day", "most").rows()


def test_a_proration_without_its_counterpart() -> None:
    """Its period may be a tenth longer or shorter; one of a pair says how long it is by the other."""
    alone, other = ("2024-04-16", "2024-05-01", 900, "si", "basic", True), ("2024-04-16", "2024-05-01", -450, "si", "basic", True)
    assert [18_000_000 // 9] == proof_rules.part(of_items(alone))["most"].to_list()
    assert 0 == len(proof_rules.part(of_items(alone, other)))


def test_changes_that_nothing_bills() -> None:
    """Until the end of the period under way, worth the change; one whose day has a proration is billed."""
    moved = pl.DataFrame(
        [("c", "usd", date(2024, 4, 10), 50, 20), ("c", "usd", date(2024, 4, 20), 0, -50)],
        schema={"customer": pl.String, "currency": pl.String, "day": pl.Date, "after_micros": pl.Int64, "delta_micros": pl.Int64},
        orient="row",
    )
    periods = of_items(CYCLE)
    none = pl.DataFrame(schema={"customer": pl.String, "currency": pl.String, "day": pl.Date})
    shown = ("rule", "first_day", "end_day", "most")
    assert {
        (proof_rules.CHANGED, date(2024, 4, 10), date(2024, 5, 1), 20),
        (proof_rules.ENDED, date(2024, 4, 20), date(2024, 5, 1), 50),
    } == set(proof_rules.changes(moved, periods, none).select(shown).rows())
    billed = pl.DataFrame({"customer": ["c"], "currency": ["usd"], "day": [date(2024, 4, 10)]})
    assert [proof_rules.ENDED] == proof_rules.changes(moved, periods, billed)["rule"].to_list()


def test_several_rules_together() -> None:
    """Only where none alone is worth the difference."""
    apart = proof.differing(proven([line("2024-01-01", "2024-02-01", 5000)], [(date(2024, 1, 1), 6000), (date(2024, 2, 1), 0)]))
    some, more = (
        spans("pending", date(2024, 1, 20), date(2024, 2, 3), 6_000_000),
        spans("credit_without_charge", date(2024, 1, 2), date(2024, 1, 9), 5_000_000),
    )
    assert ["several"] == proof_rules.explained(apart, pl.concat([some, more]))["rule"].to_list()
    assert ["unexplained"] == proof_rules.explained(
        apart, pl.concat([some, some.with_columns(most=pl.lit(3_000_000, dtype=pl.Int64))])
    )["rule"].to_list()
