"""The engine against a naive mind, and against the truth, over random lives.

NRR_HISTORIES sets how many lives are tried (a few hundred by default).
"""

import os
import random
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.ledger import CustomerLedger
from metrics.movements import fold
from metrics.policy import DEFAULT, Policy, preset
from metrics.timeline import build
from tests.reference.histories import CATALOG, DAYS, NOW, Case, Life, cases, events
from tests.reference.naive import Amounts, Moved, closings, movements

FIRST = date(2025, 1, 1)
UNTIL = FIRST + timedelta(days=DAYS)
HISTORIES = int(os.environ.get("NRR_HISTORIES", "300"))
ZONES = ("UTC", "America/New_York", "Europe/Berlin")

many = settings(max_examples=HISTORIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def policies() -> st.SearchStrategy[Policy]:
    """The presets, and single choices."""
    choices: list[dict[str, object]] = [
        {},
        {"discounts": "none"},
        {"discounts": "forever"},
        {"discounts": "all"},
        {"churn_at": "request"},
        {"churn_at": "paid_period_end"},
        {"past_due_out_after_days": 0},
        {"past_due_out_after_days": 3},
        {"paused_counts": True},
        {"grace_days": 0},
        {"grace_days": 7},
        {"same_month_left_out": True, "grace_days": 0},
        {"weeks": "4"},
        {"reactivation": "in_new"},
        {"reactivation": "within_days", "reactivation_days": 20},
        {"start_at_booking": True},
    ]
    return st.one_of(
        st.sampled_from(choices).map(lambda c: preset("default", **c)), st.sampled_from(["stripe", "chartmogul", "profitwell"]).map(preset)
    )


def ledger(case: Case, policy: Policy, timezone: str = "UTC") -> CustomerLedger:
    """What the engine makes of a case."""
    timelines = [build(e, CATALOG, policy, customer_states=case.customer_states, now=NOW) for e in case.evidence]
    return fold("cus", timelines, policy, timezone, NOW)


def told(ledger: CustomerLedger) -> list[Moved]:
    """The engine's movements in the naive mind's words."""
    found = [
        Moved(m.day, m.currency, m.kind, m.before_micros, m.after_micros, m.list_before_micros, m.list_after_micros)
        for m in ledger.movements
    ]
    return sorted(found, key=lambda m: (m.day, m.currency))


def naive(case: Case, policy: Policy, timezone: str = "UTC") -> dict[date, Amounts]:
    """The naive mind's closings."""
    return closings(
        list(case.evidence), CATALOG, policy, states=case.customer_states, timezone=timezone, first=FIRST, until=UNTIL
    )


@many
@given(cases(), policies(), st.sampled_from(ZONES))
def test_the_engine_agrees_with_a_naive_mind(case: Case, policy: Policy, timezone: str) -> None:
    """Whatever of a life is known, and under whatever policy: the same movements, to the micro."""
    assert movements(naive(case, policy, timezone), policy) == told(ledger(case, policy, timezone))
