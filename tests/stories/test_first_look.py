"""Somebody looks for the first time when the business is old: what can be known is known, and what can't is said.

Events reach back thirty days, the rest is invoices. The sandbox says what of its doings has left a trace (`first_look`), by the
documented rules; the product must find exactly that, and tell of each customer of whom there may be more.
"""

from pathlib import Path

import pytest

from integrations.sandbox.oracle.first_look import first_look
from integrations.sandbox.oracle.ledger import Truth
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from tests.stories.living import amounts, derived, kept_out, movements, opened, quiet_end, standings, synced

BEGIN = parse_instant("2025-01-01")


def look(migrated_url: str, business: Business) -> tuple[int, int]:
    """Compare a first look at the end with what can be known; returns how many customers differ from the truth, and there are."""
    with Sandbox(business, now=quiet_end(business)) as sandbox, opened(migrated_url) as engine:
        synced(engine, sandbox)
        found = derived(engine, sandbox.now)
        assert 0 == kept_out(engine)
        truths = {truth.customer: truth for truth in sandbox.ledger()}
        late = {each.customer: each for each in first_look(business, sandbox.now)}
        assert set(late) == set(truths) == set(found)
        differing = 0
        for customer, known in late.items():
            assert [amounts(m) for m in known.movements] == [amounts(m) for m in movements(found[customer])]
            assert list(known.standings) == standings(found[customer])
            if [amounts(m) for m in truths[customer].movements] != [amounts(m) for m in known.movements]:
                differing += 1
                assert "history_from_invoices" in {finding.reason for finding in found[customer].findings}
        return differing, len(late)


@pytest.mark.parametrize("seed", [51, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(52, 56))])
def test_a_first_look_finds_what_has_left_a_trace(migrated_url: str, seed: int) -> None:
    """Every movement and standing is the one that can be known; of whoever differs from the truth it is said."""
    differing, customers = look(migrated_url, Business(customers=60, months=14, seed=seed))
    assert 0 < differing < customers / 2


@pytest.mark.long
def test_a_first_look_at_a_large_business(tmp_path: Path) -> None:
    """Three hundred customers over two years, the size of the demo."""
    differing, customers = look(f"sqlite:///{tmp_path / 'nrr.sqlite3'}", Business(customers=300, months=24, seed=57))
    assert 0 < differing < customers / 2


TRACED = frozenset(
    {
        "upgrades",
        "downgrades",
        "seats",
        "prorations",
        "addons",
        "interval_swaps",
        "price_edits",
        "coupons",
        "late_coupons",
        "cancellations",
        "returns",
        "several_subscriptions",
        "currencies",
        "month_ends",
        "tiers",
        "annual",
        "quarterly",
        "weekly_daily",
        "setup_fees",
        "taxes",
        "manual_invoices",
        "free_plan",
        "trials",
        "metered",
    }
)
"""What leaves its date on invoices or on the object."""


@pytest.mark.long
def test_where_everything_leaves_a_trace_hindsight_is_hardly_blind(tmp_path: Path) -> None:
    """Without pauses, failures and silent changes only what ended before it was billed is lost."""
    business = Business(customers=150, months=14, seed=58, features=TRACED)
    differing, _ = look(f"sqlite:///{tmp_path / 'nrr.sqlite3'}", business)
    assert differing <= 10


# --- single traces, by hand ---------------------------------------------------------------------------------------------------------


def looked(tmp_path: Path, script: Script) -> tuple[list[tuple[object, ...]], Truth]:
    """What the product knows of one customer after half a year, and what really happened."""
    business = Business(customers=0, months=7, start=BEGIN, scripts=(script,))
    with Sandbox(business) as sandbox, opened(f"sqlite:///{tmp_path / 'nrr.sqlite3'}") as engine:
        synced(engine, sandbox)
        (found,) = derived(engine, sandbox.now).values()
        (truth,) = sandbox.ledger()
        return [amounts(m) for m in movements(found)], truth


CLASSIC = {"flexible": False}
TRACES = {
    "two swaps of a classic subscription on one invoice, whose lines name no item": Script()
    .subscribe("2025-01-05", "price_enterprise_annual", **CLASSIC)  # type: ignore[arg-type]  # one option
    .change("2025-02-01", "price_team_annual", 3, proration="always_invoice")
    .change("2025-02-20", "price_starter_annual", 1)
    .change("2025-03-01", "price_team_annual", 9, proration="always_invoice"),
    "an add-on of a classic subscription, discounted before the first line that names it": Script()
    .subscribe("2025-01-05", "price_team_monthly", 4, **CLASSIC)  # type: ignore[arg-type]  # as above
    .add_item("2025-01-20T10:00", "price_support_monthly", proration="always_invoice")
    .discount("2025-01-20T10:10", "SUPPORT30", level="item", item=1),
    "a discount on an item that was alone when it came": Script()
    .subscribe("2025-01-05", "price_team_monthly", 4, item_coupons=["LAUNCH50"])
    .add_item("2025-01-20", "price_analytics_monthly"),
    "a discount that is over when usage before it is billed": Script()
    .subscribe("2025-01-05", "price_starter_monthly", coupons=["LAUNCH50"])
    .add_item("2025-01-20", "price_calls_monthly", 0),
}


@pytest.mark.parametrize("trace", TRACES)
def test_traces_that_are_easily_misread(tmp_path: Path, trace: str) -> None:
    """Nothing is lost here: the product finds the truth."""
    found, truth = looked(tmp_path, TRACES[trace])
    assert [amounts(m) for m in truth.movements] == found
    assert len(found) > 1


def test_the_only_item_is_the_one_that_a_nameless_line_takes_back(tmp_path: Path) -> None:
    """A silent change to a price that no line shows, then a swap: the swap is of the item that there is, not a second one."""
    script = (
        Script()
        .subscribe(BEGIN + 5 * DAY, "price_team_annual", 60, flexible=False)
        .change("2025-02-01", "price_enterprise_annual", 1, proration="none")
        .change("2025-03-01", "price_business_annual", 1, proration="always_invoice")
    )
    found, truth = looked(tmp_path, script)
    assert [("new", 0, 600_000_000), ("contraction", 600_000_000, 29_166_667)] == [(m[2], m[3], m[4]) for m in found]
    assert 3 == len(truth.movements)
