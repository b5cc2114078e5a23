"""A subscription that was canceled and made anew because Stripe manages its payments now."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from metrics.evidence import (
    CustomerEvidence,
    CustomerGroup,
    Instant,
    Item,
    Price,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from metrics.policy import preset
from metrics.pricing.catalog import Catalog

CATALOG = Catalog({"p": Price("p", "pro", "usd", unit=Decimal(5000))})


def at(day: str) -> Instant:
    return Instant(int(datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC).timestamp()))


def lived(name: str, begins: str, ends: str | None, *, managed: bool) -> SubscriptionEvidence:
    """A subscription by its events: created, and canceled if it ends."""
    made = Subscription(
        name, "cus", "active", "usd", at(begins), at(begins), (Item(f"si_{name}", "p", 1),), managed_payments=managed or None
    )
    states = [SubscriptionState(at(begins), Source.EVENT, f"evt_{name}_1", made)]
    if ends is not None:
        over = replace(made, status="canceled", ended_at=at(ends), canceled_at=at(ends))
        states.append(SubscriptionState(at(ends), Source.EVENT, f"evt_{name}_2", over))
    return SubscriptionEvidence(0, name, tuple(states))


@pytest.mark.parametrize(
    ("begins", "managed", "kinds"),
    [
        ("2026-03-11", True, ["new"]),
        ("2026-03-11", False, ["new", "churn", "reactivation"]),
        ("2026-03-12", True, ["new", "churn", "reactivation"]),
    ],
)
def test_a_move_to_managed_payments_is_held(begins: str, managed: bool, kinds: list[str]) -> None:
    """Without any grace: who moves stays, who comes back later or without it has left."""
    subscriptions = (lived("old", "2026-01-01", "2026-03-10", managed=False), lived("new", begins, None, managed=managed))
    group = CustomerGroup("cus", (CustomerEvidence(0, "cus", (), subscriptions),))
    ledger = Deriver({0: CATALOG}, Basis(preset("default", grace_days=0))).derive(group, at("2026-06-01"))
    assert kinds == [movement.kind for movement in ledger.movements]
