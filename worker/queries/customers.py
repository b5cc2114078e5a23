"""One customer after another: whom an id stands for, and every movement down to Stripe's objects and the arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from integrations.store.db.engine import read
from integrations.store.facts import accounts, lookups
from integrations.store.facts import read as read_facts
from integrations.store.facts.customers import contacts, customer_merge
from integrations.store.ledger import read as read_ledger
from metrics.entries import CustomerLedger
from metrics.keys import bounded
from metrics.ledger.explain import MovementWords
from metrics.ledger.explain import explain as in_words
from metrics.timeline.timeline import Traced
from worker.figures.derive import deriver_of
from worker.figures.derived import known_present
from worker.queries.session import Session, ledger


@dataclass(frozen=True, slots=True)
class Explained:
    """A customer's ledger, and its movements in words."""

    ledger: CustomerLedger
    movements: tuple[MovementWords, ...]


def resolve(session: Session, what: str) -> list[str]:
    """The ledger's customers behind a customer's or a subscription's id, whichever rule merged them; the id itself if none is known."""
    what = bounded(what)
    with read(session.engine) as connection:
        stripe = lookups.customers_of(connection, what) if what.startswith("sub_") else customer_merge.accounts_of(connection, what)
        return sorted(set(customer_merge.names(connection, stripe).values())) if stripe else [what]


def names_of(session: Session, customers: Sequence[str]) -> dict[str, str]:
    """What the customers (by their names in the ledger) are called, of those whose names are kept (`store_names`)."""
    with read(session.engine) as connection:
        return {key: who.name for key, who in contacts.named(connection, customers).items() if who.name}


def members(session: Session) -> dict[str, list[str]]:
    """The Stripe customers behind each of the ledger's customers that a rule made, in order; those that are one Stripe customer are left out."""
    with read(session.engine) as connection:
        return customer_merge.parts(connection)


def movers(session: Session, first: date, until: date) -> list[str]:
    """The customers whose MRR moved on one of the days [first, until), in order of name. Raises NothingDerived."""
    with ledger(session) as connection:
        found = read_ledger.movements(connection, session.basis.version, first, until)
    return sorted(set(found["customer"].to_list()))


@dataclass(frozen=True, slots=True)
class InStripe:
    """A customer as Stripe knows it: its id, and the account that it is in."""

    customer: str
    account: str
    """Stripe's id of the account."""
    livemode: bool
    several: bool
    """Whether there are other accounts beside this one."""


def in_stripe(session: Session, customers: Sequence[str]) -> dict[str, list[InStripe]]:
    """Who the ledger's customers are in Stripe: several, where a rule merged them; nobody, where Stripe told nothing of one."""
    with read(session.engine) as connection:
        rows = {row.id: row for row in accounts.everything(connection)}
        found = customer_merge.members_of(connection, customers)
    return {
        name: [
            InStripe(customer, rows[account].stripe_id, rows[account].livemode, len(rows) > 1)
            for account, customer in some
            if account in rows
        ]
        for name, some in found.items()
    }


def explained(session: Session, names: Sequence[str]) -> list[Explained]:
    """Each customer's ledger with its movements in words, made from the evidence on the way; who isn't known is left out."""
    basis = session.basis
    out = []
    with read(session.engine) as connection:
        deriver, now = deriver_of(connection, basis), known_present(connection, basis.version, session.now)
        for group in read_facts.groups(connection, only=names):
            traces: dict[str, list[Traced]] = {}
            found = deriver.derive(group, now, traces)
            words = in_words(group, found, traces, deriver.pricers, basis.policy, basis.timezone)
            out.append(Explained(found, tuple(words)))
    return out
