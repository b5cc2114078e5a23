"""Customers for tests of the whole engine, from lives told in words (see `life`)."""

from metrics.evidence import Customer, CustomerEvidence, CustomerGroup, CustomerState, Instant, Source, SubscriptionEvidence
from tests.metrics.life import instant, told_text

BORN = instant("2024-01-01")


def member(name: str, text: str, account: int = 1, /, *, test_clock: str | None = None, **metadata: str) -> CustomerEvidence:
    """A Stripe customer of an account with one life, and with metadata since 2024."""
    life = told_text("## A life\n" + text)[0]
    subscriptions = tuple(
        SubscriptionEvidence(account, n, tuple(life.states.get(n, ())), tuple(life.invoices.get(n, ())))
        for n in dict.fromkeys([*life.states, *life.invoices])
    )
    return CustomerEvidence(
        account, name, (described(name, BORN, test_clock=test_clock, **metadata), *life.customers), subscriptions
    )


def described(
    name: str, at: Instant, *, country: str | None = None, test_clock: str | None = None, **metadata: str
) -> CustomerState:
    """A customer as listed at a moment."""
    customer = Customer(name, BORN, country=country, metadata=tuple(sorted(metadata.items())), test_clock=test_clock)
    return CustomerState(at, Source.SNAPSHOT, "", customer)


def group(name: str, text: str, **metadata: str) -> CustomerGroup:
    """A customer that is one Stripe customer."""
    return CustomerGroup(name, (member(name, text, **metadata),))
