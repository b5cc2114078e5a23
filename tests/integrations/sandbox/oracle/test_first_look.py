"""What a first look can know, held to stories worked out by hand: what has left a trace, and what hasn't."""

import pytest

from integrations.sandbox.oracle.first_look import first_look
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script

START = parse_instant("2025-01-01")
NOW = parse_instant("2025-09-20")


def seen(script: Script, now: int = NOW) -> list[tuple[str, str, int, int]]:
    """Day, kind, before and after of each movement that shows, in cents."""
    (found,) = first_look(Business(customers=0, months=9, start=START, scripts=(script,)), now)
    return [(f"{m.day}", m.kind, m.before_micros // 10_000, m.after_micros // 10_000) for m in found.movements]


def yearly(quantity: int = 5) -> Script:
    """10.00 a seat and month, paid a year at a time from 3 January."""
    return Script().subscribe("2025-01-03", "price_team_annual", quantity)


NEW = ("2025-01-03", "new", 0, 5000)


def test_a_pair_dates_a_change_and_a_silent_one_shows_at_the_next_cycle() -> None:
    """Prorated on 10 February; without a trace on 20 March, it shows when the month is billed."""
    monthly = Script().subscribe("2025-01-03", "price_team_monthly", 2).change("2025-02-10", quantity=4, proration="always_invoice")
    assert [("2025-02-10", 2400, 4800), ("2025-04-03", 4800, 6000)] == [
        (m[0], *m[2:]) for m in seen(monthly.change("2025-03-20", quantity=5, proration="none"))[1:]
    ]


def test_a_pair_that_waits_for_its_invoice_dates_a_change() -> None:
    """The year's next invoice is months away; the waiting items say what was and what is."""
    assert [NEW, ("2025-02-14", "expansion", 5000, 8000)] == seen(yearly().change("2025-02-14", quantity=8))


def test_a_silent_return_is_dated_when_it_is_seen() -> None:
    """Up by a pair, back without a trace: the present says so, and no earlier day does."""
    script = (
        yearly().change("2025-02-12", quantity=8, proration="always_invoice").change("2025-03-01", quantity=5, proration="none")
    )
    assert [NEW, ("2025-02-12", "expansion", 5000, 8000), ("2025-09-20", "contraction", 8000, 5000)] == seen(script)


def test_a_voided_pair_counts_only_if_something_later_bears_it_out() -> None:
    """Never paid and never applied: nothing. Paid: on the day of the pair, which is all that shows."""
    offer = {"settled": "2025-02-11T09:00", "quantity": 8}
    assert [NEW] == seen(yearly().offer("2025-02-10T12:00", **offer))  # type: ignore[arg-type]  # plain options
    paid = yearly().offer("2025-02-10T12:00", **offer, outcome="paid")  # type: ignore[arg-type]  # as above
    assert [NEW, ("2025-02-10", "expansion", 5000, 8000)] == seen(paid)
    borne_out = yearly().offer("2025-02-10T12:00", **offer).change("2025-03-05", quantity=8, proration="none")  # type: ignore[arg-type]
    assert [NEW, ("2025-02-10", "expansion", 5000, 8000)] == seen(borne_out)


@pytest.mark.parametrize("what", ["pricing", "quantity", "parent"])
def test_a_line_that_leaves_something_out_says_nothing(what: str) -> None:
    """The item is what it was; a pair of which nothing can be read changes nothing until the present does."""
    monthly = Script().subscribe("2025-01-03", "price_team_monthly", 2).blank_lines("2025-03-01", "2025-04-01", what)
    assert [("2025-01-03", "new", 0, 2400)] == seen(monthly)
    pair = yearly().change("2025-02-12", quantity=8, proration="always_invoice").blank_lines("2025-02-12", "2025-02-13", what)
    assert [NEW, ("2025-09-20", "expansion", 5000, 8000)] == seen(pair)


def test_a_pause_older_than_events_begins_with_the_first_cycle_that_nobody_pays() -> None:
    """Paused on 20 February, still paused: the cycle of 3 March was the first to be voided."""
    script = Script().subscribe("2025-01-03", "price_team_monthly", 2)
    assert [("2025-01-03", "new", 0, 2400), ("2025-03-03", "churn", 2400, 0)] == seen(script.pause("2025-02-20"))
    over = Script().subscribe("2025-01-03", "price_team_monthly", 2).pause("2025-02-20").resume("2025-05-20")
    assert [("2025-01-03", "new", 0, 2400)] == seen(over)


def test_what_is_younger_than_thirty_days_is_known_as_it_was() -> None:
    """Events tell it to the second."""
    script = Script().subscribe("2025-09-01T10:00", "price_team_monthly", 2).change("2025-09-10", quantity=5, proration="none")
    assert [("2025-09-01", "new", 0, 2400), ("2025-09-10", "expansion", 2400, 6000)] == seen(script)
    assert seen(script, NOW + DAY) == seen(script)
