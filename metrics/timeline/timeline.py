"""From the evidence of one subscription to its MRR over time.

The result is a pure function of the set of evidence and the policy: the order of arrival changes nothing, and a later `now` only adds
to the end. Nothing here reads a clock or adds up customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from operator import attrgetter
from typing import Final

from metrics.assigned import replace
from metrics.entries import Exclusion, ItemMRR, Step, Timeline
from metrics.evidence import (
    GONE,
    CustomerState,
    Discount,
    Finding,
    Instant,
    Item,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from metrics.pricing.price_cache import Pricer
from metrics.pricing.pricing import PricedSubscription
from metrics.pricing.problems import in_words
from metrics.timeline.causes import cause_of, said_of_the_end
from metrics.timeline.effective_dated import Taxes, customer_discounts, tax_shares, usage_billed, value_at
from metrics.timeline.eligibility import BEHAVIORS, Calendar, Counting
from metrics.timeline.known_states import assemble
from metrics.timeline.lines.invoice_history import NEVER, KnownState
from metrics.timeline.lines.points import with_waiting
from metrics.timeline.lines.price_versions import versions_seen, with_versions
from metrics.timeline.planned import planned
from metrics.timeline.remarks import history_findings, never_paid
from metrics.timeline.state_findings import state_findings, untold_tax_findings
from metrics.timeline.states.event_order import in_order
from metrics.timeline.states.lagging import customers_without_lagging, without_lagging
from metrics.timeline.states.sightings import sightings
from metrics.timeline.states.told_elsewhere import with_what_is_told_elsewhere
from metrics.timeline.states.untold_ends import untold_end_findings, with_untold_ends
from metrics.timeline.states.untold_items import untold_findings, with_untold_items


@dataclass(frozen=True, slots=True)
class Given:
    """What a subscription is priced with besides its own state."""

    customer_discount: Discount | None
    tax_share: Mapping[str, Fraction]
    usage: Mapping[str, Fraction]


NOTHING_GIVEN: Final = Given(None, {}, {})


@dataclass(frozen=True, slots=True)
class Traced:
    """A step with the state and the circumstances that were priced."""

    step: Step
    subscription: Subscription
    given: Given


def build(
    evidence: SubscriptionEvidence,
    catalog: Catalog,
    policy: Policy,
    *,
    customer_states: Sequence[CustomerState] = (),
    now: Instant,
    excluded: str | None = None,
    migration_key: str = "migrated_from",
    pricer: Pricer | None = None,
    trace: list[Traced] | None = None,
) -> Timeline:
    """The MRR of one subscription from its first to its last known day, up to `now`.

    `excluded` is the reason why the whole customer is left out (an internal account, say): its MRR then is an exclusion. A
    `pricer` may be handed in to share priced compositions between subscriptions of one catalog and policy. A `trace`
    collects, for each step, the state that was priced: what an explanation is made of.
    """
    pricer = pricer or Pricer(catalog, policy)
    ordered, lagged = without_lagging(in_order(evidence.states))
    billed = with_waiting(evidence)
    whole, untold = with_untold_items(sightings(ordered, billed), billed, catalog)
    states, untold_end = with_untold_ends(whole)
    states, billed = with_what_is_told_elsewhere(states, billed)
    findings: list[Finding] = []
    if not states:
        return _without_object(evidence)
    last = states[-1].subscription
    customer_states = customers_without_lagging(customer_states)
    findings += state_findings(evidence, states, lagged)
    findings += untold_findings(evidence, untold, last.customer) + untold_end_findings(evidence, untold_end, last.customer)
    assembled = assemble(states, billed, catalog, policy)
    known = assembled.known
    if seen := versions_seen(evidence, catalog):
        known = [replace(k, subscription=with_versions(k.subscription, k.at, seen)) for k in known]
    if never_paid(evidence.invoices, last):
        findings.append(
            Finding(
                evidence.account,
                last.id,
                "first_invoice_voided",
                "the first invoice was voided before any payment: never new",
                last.customer,
            )
        )
        known = []
    if last.test_clock:
        excluded = excluded or "test_clock"
    walk = _Walk(evidence, states, known, customer_states, policy, now, pricer, trace)
    steps, exclusions = walk.run(excluded)
    plans = planned(states, now, walk.worth) if excluded is None and known else ()
    findings += walk.findings
    findings += untold_tax_findings(evidence, walk.taxes, last.customer) if steps else []
    findings += history_findings(evidence, last, states, assembled, catalog)
    metadata = dict(last.metadata)
    return Timeline(
        evidence.account,
        last.id,
        last.customer,
        tuple(steps),
        tuple(dict.fromkeys(findings)),
        tuple(exclusions),
        scheduled_end=last.cancel_at if last.ended_at is None else None,
        trial_end=last.trial_end if last.status == "trialing" else None,
        migrated_from=metadata.get(migration_key),
        managed_payments=last.managed_payments is True,
        wake=min((at for at in (walk.wake, *(p.at for p in plans)) if at is not None), default=None),
        planned=plans,
    )


def _without_object(evidence: SubscriptionEvidence) -> Timeline:
    customer = next((i.head.customer for i in evidence.invoices if i.head.customer), "")
    finding = Finding(
        evidence.account,
        evidence.subscription,
        "subscription_unseen",
        "invoices name this subscription, but neither a listing nor an event does: it is left out",
        customer or None,
        severity="warning",
    )
    return Timeline(evidence.account, evidence.subscription, customer, (), (finding,))


@dataclass(slots=True)
class _Moment:
    counting: Counting
    priced: PricedSubscription
    subscription: Subscription
    given: Given
    tax_untold: tuple[str, ...] = ()


_BESIDE_ITEMS: Final = attrgetter(*(f.name for f in fields(Subscription) if f.name != "items"))
_OF_ITEM: Final = attrgetter(*(f.name for f in fields(Item) if f.name not in ("period_start", "period_end")))
"""What a subscription and an item are but for its items, and but for its period: what of them decides what it is worth."""


class _Walk:
    """One pass over the known states that emits a step wherever MRR or its labels change."""

    def __init__(
        self,
        evidence: SubscriptionEvidence,
        states: Sequence[SubscriptionState],
        known: Sequence[KnownState],
        customer_states: Sequence[CustomerState],
        policy: Policy,
        now: Instant,
        pricer: Pricer,
        trace: list[Traced] | None,
    ) -> None:
        self.evidence = evidence
        self.states = states
        self.known = list(known)
        self.policy = policy
        self.now = now
        self.pricer = pricer
        self.trace = trace
        self.last = states[-1].subscription
        self.findings: list[Finding] = []
        self.wake: Instant | None = None
        self.customer_discounts = customer_discounts(customer_states) if any(c.customer.discount for c in customer_states) else []
        self.taxed = not policy.tax_inclusive_gross and self._any_tax()
        self.taxes = tax_shares(evidence.invoices, pricer.catalog) if self.taxed else Taxes()
        self.usage = usage_billed(evidence.invoices, pricer.catalog)
        self.first_state = states[0].at
        self.calendar = Calendar(self.known, states[0].subscription, self.last, self.first_state, policy, evidence.invoices)
        self.beside = self._beside()

    def _beside(self) -> list[tuple[Instant, tuple[str, ...]]]:
        """The moments that are dated beside the subscription's own states: a customer's discount, tax, usage."""
        out: list[tuple[Instant, tuple[str, ...]]] = []
        for since, discount in self.customer_discounts:
            edges = (since, discount.end) if discount else (since,)
            out += [(edge, (discount.id,) if discount else ()) for edge in edges if edge is not None]
        out += [(at, (line,)) for at, line in self.taxes.edges()] if self.taxed else []
        for changes in self.usage.values():
            out += [(at, (line,)) for at, _, line in changes[1:]]
        return out

    def run(self, excluded: str | None) -> tuple[list[Step], list[Exclusion]]:
        steps: list[Step] = []
        exclusions: list[Exclusion] = []
        open_exclusions: dict[tuple[str, str], Exclusion] = {}
        previous: _Moment | None = None
        for at, index, ids in self._moments():
            known = self.known[index]
            counting = self.calendar.at(index, at)
            if previous is not None and at == known.at and counting == previous.counting and self._goes_on(previous, known):
                continue
            moment = self._at(known.subscription, at, counting)
            counts = moment.counting.counts and excluded is None
            self._note_exclusions(at, moment, excluded, open_exclusions, exclusions)
            self._note_problems(moment)
            step = self._step(at, known, moment, counts, ids, steps[-1] if steps else None, previous)
            if step is not None:
                steps.append(step)
                if self.trace is not None:
                    self.trace.append(Traced(step, moment.subscription, moment.given))
            previous = moment
        exclusions += open_exclusions.values()
        return steps, exclusions

    def _moments(self) -> list[tuple[Instant, int, tuple[str, ...]]]:
        """Every moment up to now at which something may change, with the known state that holds then and what dates it.

        The first one after now is when to look again.
        """
        out: list[tuple[Instant, int, tuple[str, ...]]] = []
        for index, known in enumerate(self.known):
            until = self.known[index + 1].at if index + 1 < len(self.known) else NEVER
            if until <= known.at:
                continue
            dated: dict[Instant, tuple[str, ...]] = {known.at: known.evidence}
            for at, ids in (*self.calendar.edges(index), *self.pricer.edges(known.subscription), *self.beside):
                if known.at < at < until:
                    dated[at] = (*dated.get(at, ()), *ids)
            out += [(at, index, dated[at]) for at in sorted(dated)]
        self.wake = min((at for at, _, _ in out if at > self.now), default=None)
        return [moment for moment in out if moment[0] <= self.now]

    def _goes_on(self, previous: _Moment, known: KnownState) -> bool:
        """Whether a known state says what was so at the moment before, and nothing of it is worth something else by the time alone.

        It is what most invoices of a cycle say: then there is nothing to price, to tell apart or to note once more.
        """
        was, now = previous.subscription, known.subscription
        if self.customer_discounts or self.taxed or self.usage or _BESIDE_ITEMS(was) != _BESIDE_ITEMS(now) or now.discounts:
            return False
        items = was.items, now.items
        return len(was.items) == len(now.items) and all(
            _OF_ITEM(a) == _OF_ITEM(b) and not b.discounts and b.trial_end is None for a, b in zip(*items, strict=True)
        )

    def _at(self, s: Subscription, at: Instant, counting: Counting) -> _Moment:
        if not (self.customer_discounts or self.taxed or self.usage):
            return _Moment(counting, self.pricer.price(s, at), s, NOTHING_GIVEN)
        discount = self._customer_discount(at)
        if discount is not None and discount.id in {d.id for d in (*s.discounts, *(d for i in s.items for d in i.discounts))}:
            discount = None  # the invoice lines of that time carry it already
        told = {i.id: self.taxes.share(i, self.pricer.catalog.price_of(i), at) for i in s.items} if self.taxed else {}
        share = {item: value for item, value in told.items() if value}
        usage = {item: value for item, changes in self.usage.items() if (value := value_at(changes, at)) is not None}
        priced = self.pricer.price(s, at, customer_discount=discount, tax_share=share, usage=usage)
        return _Moment(counting, priced, s, Given(discount, share, usage), self._untold(s, told))

    def _any_tax(self) -> bool:
        """Whether there is any sign of tax within amounts: on a line, or as a price says."""
        if any(line.inclusive_tax for invoice in self.evidence.invoices for line in invoice.lines):
            return True
        priced = {(i.price, i.price_version): i for known in self.known for i in known.subscription.items}
        found = (self.pricer.catalog.price_of(item) for item in priced.values())
        return any(price is not None and price.tax_behavior == "inclusive" for price in found)

    def _untold(self, s: Subscription, told: Mapping[str, Fraction | None]) -> tuple[str, ...]:
        """The items whose price includes tax, though no line says how much."""
        inclusive = [i for i in s.items if i.id in told and told[i.id] is None]
        prices = {i.id: self.pricer.catalog.price_of(i) for i in inclusive}
        return tuple(i for i, price in prices.items() if price is not None and price.tax_behavior == "inclusive")

    def worth(self, s: Subscription, at: Instant) -> int:
        """Micros a month that a planned state of the subscription would come to at a moment; what is doubtful about it is found."""
        told = {i.id: self.taxes.share(i, self.pricer.catalog.price_of(i), at) for i in s.items} if self.taxed else {}
        share = {item: value for item, value in told.items() if value}
        priced = self.pricer.price(s, at, customer_discount=self._customer_discount(at), tax_share=share)
        known = {(f.object_id, f.reason) for f in self.findings}
        for p in priced.items:
            if p.problem and p.excluded is None and (p.item, p.problem) not in known:
                text = (
                    f"what {s.schedule} plans for item {p.item} of {s.id} with price {p.price} can't be priced in full: "
                    f"{in_words(p.problem, p.coupon)}"
                )
                self.findings.append(
                    Finding(self.evidence.account, s.schedule or s.id, p.problem, text, s.customer, severity="warning")
                )
        return priced.net_micros

    def _customer_discount(self, at: Instant) -> Discount | None:
        found = None
        for since, discount in self.customer_discounts:
            if since <= at:
                found = discount
        return found

    def _step(
        self,
        at: Instant,
        known: KnownState,
        moment: _Moment,
        counts: bool,
        ids: tuple[str, ...],
        last: Step | None,
        previous: _Moment | None,
    ) -> Step | None:
        items = tuple(
            ItemMRR(p.item, p.price, p.product, p.interval, p.quantity, p.list_micros, p.net_micros, p.usage_micros)
            for p in moment.priced.items
            if p.excluded is None and p.problem != "unknown_price"
        )
        net = sum(i.net_micros for i in items) if counts else 0
        gross = sum(i.list_micros for i in items) if counts else 0
        usage = moment.priced.usage_micros if counts else 0
        at_risk = counts and moment.counting.at_risk
        scheduled = counts and moment.counting.scheduled
        shown = items if counts else ()
        if last is None:
            if not counts:
                return None
        elif (last.net_micros, last.list_micros, last.at_risk, last.scheduled, last.items, last.currency, last.usage_micros) == (
            net,
            gross,
            at_risk,
            scheduled,
            shown,
            moment.subscription.currency,
            usage,
        ):
            return None
        cause = cause_of(
            last,
            shown,
            previous.counting if previous else None,
            moment.counting,
            previous.subscription if previous else None,
            moment.subscription,
            self.last,
        )
        if last is not None and last.usage_micros != usage and (last.net_micros, last.items) == (net, shown):
            cause = "usage"
        inferred = known.inferred and (at == known.at or last is None)
        notes = [known.note] if at == known.at and known.note else []
        if cause.startswith("canceled_"):
            notes += [said] if (said := said_of_the_end(self.last)) else []
        return Step(
            at,
            moment.subscription.currency,
            net,
            gross,
            shown,
            moment.counting.status,
            at_risk,
            scheduled,
            cause,
            ids,
            inferred,
            "; ".join(notes),
            usage,
        )

    def _is_licensed(self, price: str | None) -> bool:
        known = self.pricer.catalog.prices.get(price or "")
        return known is None or known.usage == "licensed"

    def _note_problems(self, moment: _Moment) -> None:
        pause = moment.subscription.pause
        if pause is not None and pause.behavior not in BEHAVIORS:
            text = f"collection of {self.last.id} is paused by {pause.behavior or 'a way that was not said'}, which is not known here: it counts on as before"
            self.findings.append(
                Finding(self.evidence.account, self.last.id, "pause_unknown", text, self.last.customer, severity="warning")
            )
        if moment.counting.reason == "unknown_status" and moment.counting.status != GONE:
            text = f"{self.last.id} has the status {moment.counting.status}, which is not known here: it counts 0 while it has it"
            self.findings.append(
                Finding(self.evidence.account, self.last.id, "unknown_status", text, self.last.customer, severity="warning")
            )
        if not moment.counting.counts:
            return
        for p in moment.priced.items:
            if p.item in moment.tax_untold and p.excluded is None and p.list_micros:
                text = (
                    f"the price of item {p.item} of {self.last.id} includes tax, and no invoice line says how much: it counts with "
                    "the tax in it until one does"
                )
                self.findings.append(Finding(self.evidence.account, p.item, "tax_share_unknown", text, self.last.customer))
            if p.problem:
                said = in_words(p.problem, p.coupon)
                text = f"item {p.item} of {self.last.id} with price {p.price} can't be priced in full: {said}"
                self.findings.append(
                    Finding(self.evidence.account, p.item, p.problem, text, self.last.customer, severity="warning")
                )

    def _note_exclusions(
        self,
        at: Instant,
        moment: _Moment,
        excluded: str | None,
        running: dict[tuple[str, str], Exclusion],
        closed: list[Exclusion],
    ) -> None:
        now: dict[tuple[str, str], int | None] = {}
        currency = moment.subscription.currency
        reason = excluded if excluded and moment.counting.counts else moment.counting.reason
        if reason:
            now[self.last.id, reason] = moment.priced.net_micros
        for p in moment.priced.items:
            if p.excluded and moment.counting.counts:
                now[p.item, p.excluded] = p.usage_micros if p.excluded == "metered" else p.net_micros
            elif p.problem == "unknown_price" and moment.counting.counts:
                now[p.item, p.problem] = None
        counted = [p for p in moment.priced.items if p.excluded is None and self._is_licensed(p.price)]
        if moment.counting.counts and not excluded and counted and not any(p.problem or p.net_micros for p in counted):
            now[self.last.id, "free"] = moment.priced.list_micros
        for key, exclusion in list(running.items()):
            if key not in now or now[key] != exclusion.mrr_micros:
                closed.append(replace(exclusion, until=at))
                del running[key]
        for key, micros in now.items():
            if key not in running:
                running[key] = Exclusion(key[0], self.last.customer, key[1], currency, micros, at)
