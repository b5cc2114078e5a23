"""Differences planted on purpose: each is named by what was planted, and what was planted without a reason is called unexplained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from metrics.ledger.basis import Basis, InternalRule
from metrics.policy import Policy
from tests.worker.queries.reconcile.world import adds_up, named, put, reconcile, session_on, wide

BASIS = Basis(internal=(InternalRule("kind", ("own",)),))


@dataclass(frozen=True)
class Planted:
    """A customer's life, what the other side shows at the closings of January to June 2025, and what must be said of it."""

    life: str
    theirs: Sequence[object] | None
    rules: frozenset[tuple[str, str]]


def _planted(life: str, theirs: Sequence[object] | None, *rules: str) -> Planted:
    return Planted(life, theirs, frozenset((kind, name) for kind, _, name in (rule.partition(":") for rule in rules)))


SINCE = "event 2025-01-01"
CHOICES = {
    "ten_forever": _planted(f"{SINCE} items=team discounts=ten:2025-01-01..", [80] * 6, "policy:discounts"),
    "half_for_three": _planted(f"{SINCE} items=team discounts=half3:2025-01-01..2025-04-01", [80] * 6, "policy:discounts"),
    "once": _planted(f"{SINCE} items=team discounts=once20:2025-01-01..2025-02-10", [64, 80, 80, 80, 80, 80], "policy:discounts"),
    "asked": _planted(
        f"{SINCE} items=pro\nevent 2025-03-10 cancel_at=2025-05-10 asked=2025-03-10\nevent 2025-05-10 status=canceled ended=2025-05-10",
        [50, 50, 0, 0, 0, 0],
        "policy:churn_at",
    ),
    "paid_until": _planted(
        f"{SINCE} items=proyear\ninvoice 2025-01-01 line=proyear:2025-01-01..2026-01-01\n"
        "event 2025-03-10 status=canceled ended=2025-03-10 asked=2025-03-10",
        [40] * 6,
        "policy:churn_at",
    ),
    "owes": _planted(
        f"{SINCE} items=pro\nevent 2025-03-05 status=past_due", [50, 50, 0, 0, 0, 0], "policy:past_due_out_after_days"
    ),
    "owes_a_fortnight": _planted(
        f"{SINCE} items=pro\nevent 2025-03-25 status=past_due", [50, 50, 50, 0, 0, 0], "policy:past_due_out_after_days"
    ),
    "paused": _planted(f"{SINCE} items=pro\nevent 2025-03-05 pause=void", [50] * 6, "policy:paused_counts"),
    "swapped": _planted(
        f"{SINCE} items=pro sub=a\nevent 2025-03-31 status=canceled ended=2025-03-31 sub=a\nevent 2025-04-01T10:00 items=pro sub=b",
        [50, 50, 0, 50, 50, 50],
        "policy:grace_days",
    ),
    "fortnightly": _planted(f"{SINCE} items=fortnight", [48] * 6, "policy:weeks"),
    "daily": _planted(f"{SINCE} items=daily", [36] * 6, "policy:days"),
    "metered": _planted(
        f"{SINCE} items=usage\ninvoice 2025-02-01 line=usage*1200:2025-01-01..2025-02-01",
        [0, 12, 12, 12, 12, 12],
        "policy:metered",
    ),
    "backdated": _planted(
        "event 2025-03-05 created=2025-03-05 start=2025-01-10 items=pro", [0, 0, 50, 50, 50, 50], "policy:start_at_booking"
    ),
    "taxed": _planted(
        f"{SINCE} currency=eur items=gross\ninvoice 2025-01-01 line=gross:2025-01-01..2025-02-01:tax1900",
        [119] * 6,
        "policy:tax_inclusive_gross",
    ),
    "own": _planted(f"{SINCE} items=pro", [50] * 6, "policy:internal"),
    "two_choices": _planted(
        f"{SINCE} items=team discounts=ten:2025-01-01..\nevent 2025-03-05 pause=void",
        [80] * 6,
        "policy:discounts",
        "policy:paused_counts",
    ),
}
REST = {
    "trial": _planted(
        "event 2025-04-20 status=trialing items=pro trial=2025-04-20..2025-08-20", [0, 0, 0, 50, 50, 50], "excluded_here:trial"
    ),
    "clock": _planted(f"{SINCE} items=pro", [50] * 6, "excluded_here:test_clock"),
    "two_subscriptions": _planted(f"{SINCE} items=pro sub=a\n{SINCE} items=basic sub=b", [50] * 6, "excluded_there:subscription"),
    "listed_at_nothing": _planted(f"{SINCE} items=pro", [0] * 6, "excluded_there:customer"),
    "day_late": _planted("event 2025-02-28 items=pro", [0, 0, 50, 50, 50, 50], "timing:a_day_earlier"),
    "day_early": _planted("event 2025-03-01 items=pro", [0, 50, 50, 50, 50, 50], "timing:a_day_later"),
    "month_late": _planted(f"{SINCE} items=pro\nevent 2025-03-10 items=team", [50, 50, 50, 80, 80, 80], "timing:changes_later"),
    "month_early": _planted(f"{SINCE} items=pro\nevent 2025-04-10 items=team", [50, 50, 80, 80, 80, 80], "timing:changes_earlier"),
    "gone_late": _planted(
        f"{SINCE} items=basic\nevent 2025-04-20 status=canceled ended=2025-04-20", [20, 20, 20, 20, 0, 0], "timing:changes_later"
    ),
    "cents": _planted(f"{SINCE} items=proyear", ["40.01"] * 6),
    "not_in_the_file": _planted(f"{SINCE} items=pro", None, "unknown_there:unknown_there"),
    "agrees": _planted(f"{SINCE} items=pro", [50] * 6),
}
WRONG = {
    "wrong": _planted(f"{SINCE} items=pro", [50, 50, 73, 50, 50, 50], "unexplained:unexplained"),
    "missing_once": _planted(f"{SINCE} items=pro", [50, 50, 0, 50, 50, 50], "unexplained:unexplained"),
    "never_again": _planted("event 2025-03-10 items=pro", [0, 0, 0, 0, 0, 20], "unexplained:unexplained"),
    "below_zero": _planted(f"{SINCE} items=pro", [50, 50, 50, 50, -50, 50], "unexplained:unexplained"),
}
EUROS = {"cus_taxed": "eur"}
ALL = {**CHOICES, **REST, **WRONG}
OTHERWISE = Policy(
    name="otherwise",
    discounts="none",
    churn_at="request",
    past_due_out_after_days=0,
    paused_counts=True,
    grace_days=0,
    weeks="4",
    days="30",
    metered=True,
    start_at_booking=True,
    tax_inclusive_gross=True,
)
"""Every choice answered otherwise than by default."""


def _book(engine: Engine, planted: dict[str, Planted]) -> None:
    put(
        engine,
        {name: each.life for name, each in planted.items()},
        metadata={"own": {"kind": "own"}},
        clocks=["clock"],
    )


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """The book with everything planted."""
    _book(engine, ALL)
    return engine


def _file(tmp_path: Path, **more: Sequence[object]) -> Path:
    theirs = {f"cus_{name}": each.theirs for name, each in ALL.items() if each.theirs is not None}
    return wide(tmp_path / "theirs.csv", {**theirs, **more}, currencies=EUROS)


def test_every_planted_difference_is_named(engine: Engine, tmp_path: Path) -> None:
    """Each by its own rule and by no other; what was planted without a reason is unexplained, and nothing else is."""
    session = session_on(engine, BASIS)
    found = reconcile(session, _file(tmp_path, cus_of_another_account=[30] * 6), policy=BASIS)
    expected = {f"cus_{name}": set(each.rules) for name, each in ALL.items() if each.rules}
    expected["cus_of_another_account"] = {("unknown_here", "unknown_here")}
    assert expected == named(found)
    adds_up(found)


def test_and_in_the_other_direction(engine: Engine, tmp_path: Path) -> None:
    """Where we answer otherwise and the file is by default, each choice is named all the same."""
    ours = replace(BASIS, policy=OTHERWISE, internal=())
    session = session_on(engine, ours)
    by_default: dict[str, Sequence[object]] = {
        "ten_forever": [72] * 6,
        "half_for_three": [40, 40, 40, 80, 80, 80],
        "asked": [50, 50, 50, 50, 0, 0],
        "owes": [50] * 6,
        "owes_a_fortnight": [50] * 6,
        "paused": [50, 50, 0, 0, 0, 0],
        "swapped": [50] * 6,
        "fortnightly": [52] * 6,
        "daily": ["36.50"] * 6,
        "metered": [0] * 6,
        "backdated": [50] * 6,
        "taxed": [100] * 6,
    }
    file = wide(tmp_path / "theirs.csv", {f"cus_{name}": amounts for name, amounts in by_default.items()}, currencies=EUROS)
    found = reconcile(session, file, policy=ours)
    expected = {f"cus_{name}": set(CHOICES[name].rules) for name in by_default}
    assert expected == {name: rules for name, rules in named(found).items() if name.removeprefix("cus_") in by_default}
    adds_up(found)
