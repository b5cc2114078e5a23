"""Customers, causes, bridge and headline of one message are of one set, and nothing is said twice."""

import re
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

from metrics.alerts.content import content
from metrics.alerts.rules import Rule
from metrics.alerts.states import Hush
from metrics.retention.figures import TOP, Figures
from tests.metrics.alerts.books import MILLION, Nights, figures

RULE = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1))
JUNE, JULY = date(2025, 6, 1), date(2025, 7, 1)


def _said(book: Figures, rule: Rule = RULE) -> dict[str, Any]:
    nights = Nights(rule)
    nights.night(JUNE, [book])
    return content(nights.said[0], nights.watch)


def _amount(text: str) -> int:
    return int(float(re.sub(r"[^\d.\N{MINUS SIGN}]", "", text.rpartition(":")[2]).replace("\N{MINUS SIGN}", "-")))


def _book(lost: int, kept: int, **companions: Any) -> Figures:
    """A cohort that lost 20 customers of 500; `kept` of them are listed."""
    made = figures("trailing_12", JUNE, nrr=90, opening=100_000)
    people = [{"customer": f"cus_{n}", "opening": 500 * MILLION, "closing": 0} for n in range(kept)]
    causes = [{"kind": "churn", "cause": f"cause_{n}", "micros": lost * MILLION // 8, "movements": 3} for n in range(8)]
    return replace(
        made, companions={**made.companions, "lost": people, "causes": causes, "flow_churn": lost * MILLION, **companions}
    )


def test_customers_add_up_to_the_cohorts_losses() -> None:
    """The five that are named and the rest of the list make the churn of the bridge, to the unit."""
    said = _said(
        replace(_book(4_500, TOP - 1), churn=4_500 * MILLION, closing_of_cohort=95_500 * MILLION, closing=95_500 * MILLION)
    )
    churn = next(_amount(row[1]) for row in said["bridge"] if row[0] == "Churn")
    assert -4_500 == churn == sum(_amount(c["delta"]) for c in said["customers"]) + _amount(said["customers_more"])
    assert "and 4 more: \N{MINUS SIGN}2,000.00 USD" == said["customers_more"]


def test_amounts_of_one_message_are_rounded_alike_and_add_up() -> None:
    """Bridge, customers and causes to the cent, if one of them has cents, so that the lines make the end; whole, where none has."""
    made = figures("trailing_12", JUNE, nrr=90, opening=20_000)
    moved = replace(made, churn=1_726_500_000, expansion=988_070_000, contraction=29_000_000, closing_of_cohort=19_232_570_000)
    cause = [{"kind": "churn", "cause": "canceled_voluntary", "micros": 1_726_500_000, "movements": 5}]
    said = _said(replace(moved, companions={**moved.companions, "causes": cause}))
    assert [
        ["Opening", "20,000.00 USD"],
        ["Expansion", "+988.07 USD"],
        ["Contraction", "\N{MINUS SIGN}29.00 USD"],
        ["Churn", "\N{MINUS SIGN}1,726.50 USD"],
        ["End of the cohort", "19,232.57 USD"],
    ] == said["bridge"]
    assert {"\N{MINUS SIGN}400.00 USD"} == {c["delta"] for c in said["customers"]}
    whole = _said(replace(made, churn=900 * MILLION, contraction=100 * MILLION, closing_of_cohort=19_000 * MILLION))
    assert ["20,000 USD", "\N{MINUS SIGN}100 USD", "\N{MINUS SIGN}900 USD", "19,000 USD"] == [row[1] for row in whole["bridge"]]


def test_a_list_that_was_cut_when_it_was_kept_says_so() -> None:
    """Only the ten largest are in the figures: how many more there are is not known, what they lost is."""
    said = _said(replace(_book(10_000, TOP), churn=20_000 * MILLION, closing_of_cohort=80_000 * MILLION))
    assert "and at least 5 more: \N{MINUS SIGN}17,500 USD" == said["customers_more"]


def test_who_was_counted_is_said_exactly() -> None:
    """20 lost in all, and the figures hold the ten largest of them: five are named, and 15 more."""
    book = replace(_book(10_000, TOP, members_behind={"lost": 20}), churn=20_000 * MILLION, closing_of_cohort=80_000 * MILLION)
    assert "and 15 more: \N{MINUS SIGN}17,500 USD" == _said(book)["customers_more"]


def test_causes_of_others_are_not_put_under_the_cohorts_bridge() -> None:
    """26,720 were lost in the year, 10,000 of them by the cohort: causes of the whole book would contradict the bridge, and stay out."""
    assert "causes" not in _said(_book(26_720, 20, arrivals_churn=16_720 * MILLION))
    assert "causes" not in _said(_book(26_720, 20))


def test_causes_of_the_same_set_add_up_with_the_rest_counted() -> None:
    """Five causes and three more make the churn of the bridge."""
    said = _said(_book(10_000, 20))
    assert -10_000 == sum(_amount(row[1]) for row in said["causes"])
    assert ["and 3 more", "\N{MINUS SIGN}3,750 USD", "9 movements"] == said["causes"][-1]


def test_nothing_is_said_twice() -> None:
    """What the sentence says (the metric, the opening of the bridge) isn't repeated among the figures."""
    assert ["GRR", "Logo retention", "Customers"] == [name for name, _ in _said(_book(10_000, 20))["facts"]]


def test_the_command_shows_the_window_of_the_message() -> None:
    """It can be typed as it is printed; for a segment, by its dimension."""
    assert ["See more", "nrr show retention --from 2024-06-01 --to 2025-05-31"] in _said(_book(10_000, 20))["commands"]
    plan = figures("trailing_12", JUNE, nrr=90, dimension="plan", segment="pro")
    nights = Nights(replace(RULE, dimension="plan"))
    nights.night(JUNE, [figures("trailing_12", JUNE), plan])
    said = content(nights.said[0], nights.watch)
    assert ["See more", "nrr show retention --from 2024-06-01 --to 2025-05-31 --by plan"] in said["commands"]


def test_still_is_said_by_reminders_only() -> None:
    """The first that is heard of an alert, after a mute has ended, is no reminder."""
    rule = replace(RULE, judgement=replace(RULE.judgement, remind_days=7))
    nights = Nights(rule)
    nights.hush = Hush(muted=frozenset({("nrr", "")}))
    nights.night(JUNE, [_book(10_000, 20)])
    nights.hush = Hush()
    nights.night(date(2025, 6, 2), [_book(10_000, 20)])
    nights.night(date(2025, 6, 9), [_book(10_000, 20)])
    titles = [content(notice, nights.watch)["title"] for notice in nights.said if not notice.withheld]
    assert [False, True] == [title.startswith("Still: ") for title in titles]
