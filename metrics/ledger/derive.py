"""One customer's evidence → its ledger: the whole engine for one customer, as a pure function. What it rests on is its basis (`basis`)."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from metrics.assigned import replace
from metrics.entries import Attribute, CustomerLedger
from metrics.evidence import CustomerEvidence, CustomerGroup, CustomerState, Finding, Instant
from metrics.finding_words import CANNOT_DERIVE
from metrics.ledger.basis import Basis
from metrics.ledger.movements import fold
from metrics.money import MOST_OF_A_CUSTOMER
from metrics.periods import day_of
from metrics.pricing.catalog import Catalog
from metrics.pricing.price_cache import Pricer
from metrics.timeline.discount_details import described
from metrics.timeline.timeline import Traced, build

AT_ONCE: Final = 60
"""Seconds after its creation within which the first event of a subscription leaves nothing untold."""


class Deriver:
    """Derives ledgers under one basis, sharing priced compositions between customers. `catalogs` are by account."""

    def __init__(self, catalogs: Mapping[int, Catalog], basis: Basis) -> None:
        self.basis = basis
        self.pricers = {account: Pricer(catalog, basis.policy) for account, catalog in catalogs.items()}

    def derive(self, group: CustomerGroup, now: Instant, traces: dict[str, list[Traced]] | None = None) -> CustomerLedger:
        """The ledger of one customer as of `now`; `traces` collects, by subscription, what an explanation is made of.

        A customer that can't be derived has no rows but a finding `cannot_derive` with the reason: nobody else is kept waiting by it.
        """
        try:
            if group.unreadable is not None:
                raise Underivable(group.unreadable)
            return countable(self._derive(group, now, traces))
        except MemoryError:
            raise  # says nothing of the customer
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one customer, or with us for it, is no other's
            return underived(group, error)

    def _derive(self, group: CustomerGroup, now: Instant, traces: dict[str, list[Traced]] | None) -> CustomerLedger:
        timelines = []
        for member in group.members:
            excluded = self._excluded(member)
            pricer = self.pricers.setdefault(member.account, Pricer(Catalog(), self.basis.policy))
            known = described(member, pricer.catalog)
            for evidence in known.subscriptions:
                trace: list[Traced] | None = None if traces is None else traces.setdefault(evidence.subscription, [])
                timelines.append(
                    build(
                        evidence,
                        pricer.catalog,
                        self.basis.policy,
                        customer_states=known.states,
                        now=now,
                        excluded=excluded,
                        migration_key=self.basis.migration_key,
                        pricer=pricer,
                        trace=trace,
                    )
                )
        ledger = fold(group.customer, timelines, self.basis.policy, self.basis.timezone)
        doubt = tuple(
            Finding(
                m.account,
                m.customer,
                "customer_merged_by_rule",
                f"counted as part of {group.customer} by the metadata rule {self.basis.merge_key}",
                group.customer,
            )
            for m in group.members
            if len(group.members) > 1
        )
        doubt += tuple(finding for m in group.members if (finding := hindsight_only(m)) is not None)
        findings = (f if f.customer == group.customer else replace(f, customer=group.customer) for f in ledger.findings)
        exclusions = (e if e.customer == group.customer else replace(e, customer=group.customer) for e in ledger.exclusions)
        return CustomerLedger(
            group.customer,
            ledger.movements,
            ledger.standings,
            ledger.timelines,
            tuple(dict.fromkeys((*doubt, *findings))),
            tuple(exclusions),
            attributes(group, self.basis.timezone),
            ledger.wake,
        )

    def _excluded(self, member: CustomerEvidence) -> str | None:
        state = latest(member.states)
        if state is None:
            return None
        if state.customer.test_clock:
            return "test_clock"
        metadata = metadata_of(member.states)
        return "internal" if any(rule.holds(metadata) for rule in self.basis.internal) else None


class Underivable(ValueError):
    """A customer can't be derived; the message says why, in words for the finding."""


def underived(group: CustomerGroup, error: Exception) -> CustomerLedger:
    """What is held of a customer that can't be derived: that and why, and no movement of former times, which rested on other facts."""
    account = group.members[0].account if group.members else 0
    name = group.members[0].customer if group.members else group.customer
    why = str(error) if isinstance(error, Underivable) else f"{type(error).__name__}: {error}"
    detail = f"nothing is counted of this customer, now or in the past: {why[:500]}"
    finding = Finding(account, name, CANNOT_DERIVE, detail, group.customer, severity="error")
    return CustomerLedger(group.customer, (), (), (), (finding,), ())


def is_underived(ledger: CustomerLedger) -> bool:
    """Whether this is what is held of a customer that can't be derived."""
    return any(each.reason == CANNOT_DERIVE for each in ledger.findings)


def countable(ledger: CustomerLedger) -> CustomerLedger:
    """The ledger, when each of its amounts fits the columns and can be added to others. Raises Underivable."""
    moved = sum(abs(m.delta_micros) for m in ledger.movements)
    if moved > MOST_OF_A_CUSTOMER:
        raise Underivable(f"its movements come to {moved} micros, which is more than can be added up with others")
    for m in ledger.movements:
        _fits(m.currency, m.before_micros, m.after_micros, m.list_before_micros, m.list_after_micros)
    for s in ledger.standings:
        _fits(s.currency, s.net_micros, s.list_micros, s.at_risk_micros, s.scheduled_micros, s.usage_micros)
    for e in ledger.exclusions:
        _fits(e.currency, e.mrr_micros or 0)
    return ledger


def _fits(currency: str, *amounts: int) -> None:
    if max(amounts) > MOST_OF_A_CUSTOMER or min(amounts) < -MOST_OF_A_CUSTOMER:
        raise Underivable(f"its amounts in {currency} are larger than can be added up with others")


def hindsight_only(member: CustomerEvidence) -> Finding | None:
    """Said of a customer who was there before anything but invoices told of it: what left no trace on one isn't known of that time."""
    late = [
        first.at
        for evidence in member.subscriptions
        for first in [min(evidence.states, key=lambda s: (s.at, s.source, s.source_id), default=None)]
        if first is not None
        and first.at > first.subscription.created + AT_ONCE
        and first.subscription.status != "incomplete_expired"
    ]
    if not late:
        return None
    return Finding(
        member.account,
        member.customer,
        "history_from_invoices",
        "before its first event or listing only invoices tell of it: pauses, failed payments and withdrawn cancellations of that time "
        "are missing, and a change without a proration shows at the next cycle, or not at all",
        member.customer,
        max(late),
    )


def latest(states: tuple[CustomerState, ...]) -> CustomerState | None:
    """The newest state that speaks of the whole customer; what a discount's event says of it is only the discount."""
    whole = [s for s in states if s.customer.created is not None or s.customer.deleted]
    return max(whole or states, key=lambda s: (s.at, s.source, s.source_id), default=None)


def metadata_of(states: tuple[CustomerState, ...]) -> dict[str, str]:
    """A customer's metadata by the newest state that tells them: a deleted customer comes without, and was what it was all the same."""
    state = latest(tuple(s for s in states if s.customer.metadata_told)) or latest(states)
    return dict(state.customer.metadata) if state else {}


def attributes(group: CustomerGroup, timezone: str) -> tuple[Attribute, ...]:
    """A customer's country and metadata over time, for segments; of several Stripe customers the first that has a value speaks."""
    out: dict[tuple[str, date], Attribute] = {}
    for member in group.members:
        previous: dict[str, str | None] = {}
        for state in sorted(member.states, key=lambda s: (s.at, s.source, s.source_id)):
            customer = state.customer
            if customer.created is None:
                continue
            day = day_of(state.at, timezone)
            told = {f"metadata.{k}": v for k, v in customer.metadata}
            values: dict[str, str | None] = dict(told if customer.metadata_told else previous)
            values["country"] = customer.country
            for key in {*previous, *values}:
                value = values.get(key)
                if previous.get(key) != value and ((key, day) not in out or out[key, day].value is None):
                    out[key, day] = Attribute(group.customer, day, key, value)
            previous = values
    return tuple(out[k] for k in sorted(out))
