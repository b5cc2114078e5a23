"""A small book put into a store from lives told in words, and the file of somebody who counts it otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Engine

from integrations.store.facts.customers.contacts import Person
from integrations.store.facts.write import Page
from metrics.evidence import CustomerGroup, InvoiceEvidence, Price, Subscription
from metrics.ledger.basis import Basis
from metrics.periods import add_months
from tests.metrics.groups import described, member
from tests.metrics.life import CATALOG, instant
from tests.worker import facts
from worker.queries.reconcile.reconciliation import Reconciliation, reconcile
from worker.queries.session import Session

NOW = "2025-07-10"
DAYS = tuple(add_months(date(2025, month, 1), 1) - timedelta(days=1) for month in range(1, 7))
"""The closings of January to June 2025."""
DAILY = Price("daily", "Pro", "usd", interval="day", interval_count=10, unit=Decimal(1200))


def put(
    engine: Engine,
    lives: Mapping[str, str],
    *,
    people: Mapping[str, str] | None = None,
    metadata: Mapping[str, Mapping[str, str]] | None = None,
    clocks: Sequence[str] = (),
) -> None:
    """Store the lives of customers, by name (cus_NAME), with their addresses where they are told."""
    told = facts.Told(engine)
    prices = [*CATALOG.prices.values(), DAILY]
    told.put(Page(facts.at("2024-01-01"), prices=prices, coupons=list(CATALOG.coupons.values())))
    for name, life in lives.items():
        customer = f"cus_{name}"
        about = dict((metadata or {}).get(name, {}))
        text = "\n".join(line if " sub=" in line else f"{line} sub=sub" for line in map(str.strip, life.splitlines()) if line)
        found = CustomerGroup(customer, (member(customer, text, test_clock="clock_1" if name in clocks else None, **about),))
        [one] = found.members
        states = [
            replace(s, source_id=f"{name}_{s.source_id}" if s.source_id else "", subscription=_of(s.subscription, name, customer))
            for evidence in one.subscriptions
            for s in evidence.states
        ]
        invoices = [_invoice(i, name, customer) for evidence in one.subscriptions for i in evidence.invoices]
        told.put(
            Page(
                facts.at("2025-07-09"),
                customers=[replace(c, customer=replace(c.customer, id=customer)) for c in one.states],
                subscriptions=states,
                invoices=invoices,
                people=[Person(customer, name.title(), people[name])] if people and name in people else (),
            )
        )


def _of(subscription: Subscription, name: str, customer: str) -> Subscription:
    items = tuple(replace(item, id=f"{item.id}_{name}") for item in subscription.items)
    return replace(subscription, id=f"{subscription.id}_{name}", customer=customer, items=items)


def _invoice(invoice: InvoiceEvidence, name: str, customer: str) -> InvoiceEvidence:
    head = replace(
        invoice.head,
        id=f"{invoice.head.id}_{name}",
        customer=customer,
        subscription=f"{invoice.head.subscription}_{name}" if invoice.head.subscription else None,
    )
    lines = tuple(
        replace(
            line,
            id=f"{line.id}_{name}",
            invoice=head.id,
            subscription=f"{line.subscription}_{name}",
            item=f"{line.item}_{name}" if line.item else None,
        )
        for line in invoice.lines
    )
    return replace(invoice, head=head, lines=lines)


def session_on(engine: Engine, basis: Basis, *, reporting_currency: str | None = None, kept: Sequence[Basis] = ()) -> Session:
    """A session on the derived book."""
    facts.derive(engine, NOW, basis, kept=kept)
    return Session(engine, basis, instant(NOW), reporting_currency)


def wide(
    path: Path,
    theirs: Mapping[str, Sequence[object]],
    *,
    currency: str | None = "usd",
    currencies: Mapping[str, str] | None = None,
) -> Path:
    """A file with a column a month, as Stripe's dashboard exports it; without `currency` there is no column for it."""
    head = ["Customer ID", *(["Currency"] if currency else []), *(f"{day:%Y-%m}" for day in DAYS)]
    codes = currencies or {}
    rows = [[name, *([codes.get(name, currency)] if currency else []), *map(str, amounts)] for name, amounts in theirs.items()]
    path.write_text("\n".join(",".join(row) for row in [head, *rows]) + "\n")
    return path


def named(found: Reconciliation) -> dict[str, set[tuple[str, str]]]:
    """For each customer that differs by more than rounding the kinds and names of the rules behind it."""
    out: dict[str, set[tuple[str, str]]] = {}
    for n in found.named:
        rules = {(rule.kind, rule.name) for rule, _ in n.shares if rule.kind != "rounding"}
        if rules:
            out.setdefault(n.cell.customer, set()).update(rules)
    return out


def adds_up(found: Reconciliation) -> None:
    """Each difference is its shares, and the differences are those of the totals."""
    apart: dict[tuple[date, str], int] = {}
    for n in found.named:
        assert n.cell.delta_micros == sum(micros for _, micros in n.shares)
        key = (n.cell.day, n.cell.currency)
        apart[key] = apart.get(key, 0) + n.cell.delta_micros
    for t in found.totals:
        assert t.theirs_micros - t.ours_micros == apart.get((t.day, t.currency), 0)


__all__ = ["DAYS", "NOW", "adds_up", "described", "named", "put", "reconcile", "session_on", "wide"]
