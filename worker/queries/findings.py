"""What a reader of the numbers must know about the data: gaps, unknown prices, what Stripe left unsaid, what is quarantined."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from integrations.store.db.engine import read
from integrations.store.facts import quarantine
from integrations.store.facts.quarantine import Quarantined
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import totals
from integrations.store.ledger.schema import finding
from metrics.money import major_text, minor_to_micros
from worker.queries.session import Session, currency_of, ledger
from worker.queries.standing import complete_through


@dataclass(frozen=True, slots=True)
class Noted:
    """One finding. `at` is the instant that it is about in seconds, if it is about one; `customer` is None for what is an account's."""

    customer: str | None
    account: int | None
    object_id: str
    reason: str
    severity: str
    at: int | None
    detail: str


def findings(session: Session) -> list[Noted]:
    """Of accounts, then quarantined objects, then of customers in order of name. Raises NothingDerived.

    What a reason means and what to do next: `metrics.finding_words.words_of(reason)`.
    """
    from integrations.store.ledger import read as read_ledger  # with frames, which the counts of findings do without

    with ledger(session) as connection:
        derived = read_ledger.findings(connection, session.basis.version)
        return [*_of_accounts(connection), *_quarantined(connection), *(Noted(**row) for row in derived.iter_rows(named=True))]


def count_by_reason(session: Session) -> dict[str, int]:
    """How many findings of customers there are of each reason; none where nothing was derived."""
    with read(session.engine) as connection:
        return totals.count_by(connection, finding, session.basis.version, "reason")


SEVERITIES: Final = ("error", "warning", "notice")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Group:
    """All findings of one reason. `mrr_micros` is what its customers stand at on the last complete day, in `currency`; None where that can't
    be said. A customer in two groups counts in both, so groups don't add up."""

    reason: str
    severity: str
    count: int
    customers: int
    currency: str | None
    mrr_micros: int | None


def grouped(found: Iterable[Noted], net: Mapping[str, int], currency: str | None) -> list[Group]:
    """Findings by reason, the worst severity first, then the most MRR concerned, then the most of them."""
    by_reason: dict[str, list[Noted]] = {}
    for each in found:
        by_reason.setdefault(each.reason, []).append(each)
    out = []
    for reason, rows in by_reason.items():
        people = {each.customer for each in rows if each.customer is not None}
        severity = min((each.severity for each in rows), key=_rank)
        micros = sum(net.get(customer, 0) for customer in people) if people and currency is not None else None
        out.append(Group(reason, severity, len(rows), len(people), currency, micros))
    return sorted(out, key=lambda g: (_rank(g.severity), -(g.mrr_micros or 0), -g.count, g.reason))


def groups(session: Session) -> list[Group]:
    """All findings by reason, in the order in which they deserve to be looked at. Raises NothingDerived."""
    from worker.figures import adhoc  # with frames, too

    net, currency = adhoc.net_of_customers(
        session.engine, session.basis, complete_through(session), reporting_currency=currency_of(session)
    )
    return grouped(findings(session), net, currency)


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def count_by_severity(session: Session) -> dict[str, int]:
    """How many findings of customers there are of each severity; none where nothing was derived."""
    with read(session.engine) as connection:
        return totals.count_by(connection, finding, session.basis.version, "severity")


def quarantined(session: Session, limit: int = 1000) -> list[Quarantined]:
    """Objects that could not be read and are in no figure, oldest first: account, kind, id, reason, detail, first and last seen."""
    with read(session.engine) as connection:
        return quarantine.everything(connection, limit)


def underived(session: Session, limit: int = 1000) -> list[tuple[str, str]]:
    """Customers that can't be derived and are in no figure, each with why, in order of name."""
    with read(session.engine) as connection:
        return ledger_bases.underived(connection, limit)


def _noted(account: int, object_id: str, reason: str, severity: str, detail: str) -> Noted:
    return Noted(None, account, object_id, reason, severity, None, detail)


def _of_accounts(connection: Connection) -> list[Noted]:
    """What is to be said of whole accounts: charges that no subscription item has."""
    from integrations.store.facts import lookups  # with the codec of evidence, which the counts of findings do without

    out = []
    for charges in lookups.other_charges(connection):
        amount = major_text(int(minor_to_micros(charges.amount, charges.currency)), charges.currency)
        detail = (
            f"{charges.lines} charges on {charges.invoices} invoices, {amount} {charges.currency.upper()} in all, belong to no subscription item: "
            "they are outside MRR"
        )
        out.append(_noted(charges.account, charges.stripe_account, "other_lines", "notice", detail))
    return out


def _quarantined(connection: Connection) -> list[Noted]:
    return [
        _noted(each.account, each.object_id, each.reason, "warning", f"{each.kind} {each.object_id}: {each.detail}")
        for each in quarantine.everything(connection)
    ]
