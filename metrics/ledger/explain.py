"""Why a figure is what it is, in words that a support person can follow.

A movement is taken apart into the single changes underneath, each change into the Stripe objects that dated it, and each amount into
its arithmetic: price × quantity ÷ months − discounts. Everything is derived again from the evidence, so an explanation can't disagree
with the figure. Nothing here decides anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from metrics.entries import CustomerLedger, Movement, Step
from metrics.evidence import CustomerGroup, Price
from metrics.labels import plan_words
from metrics.money import major_text
from metrics.periods import day_of
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from metrics.pricing.formula import explain_item
from metrics.pricing.price_cache import Pricer
from metrics.timeline.timeline import Traced

WORDS: Mapping[str, str] = {
    "start": "the subscription started",
    "trial_converted": "the trial ended and the subscription went on",
    "plan": "the plan was changed",
    "quantity": "the quantity was changed",
    "price": "the price was changed",
    "addon": "an item was added",
    "removed_product": "an item was removed",
    "discount_start": "a discount began",
    "discount_end": "a discount ended",
    "discount_change": "one discount took the place of another",
    "paused": "the subscription was paused",
    "resumed": "the pause ended",
    "currency_switch": "the customer changed currency",
    "canceled_voluntary": "the customer canceled",
    "canceled_involuntary": "the subscription ended because it wasn't paid",
    "canceled_by_policy": "the subscription was canceled by a policy: neither the customer asked for it nor a payment failed",
    "trial": "a trial began",
    "status_unknown": "the subscription has a status that is not known here",
    "unpaid": "Stripe gave up collecting: the subscription is unpaid",
    "past_due": "the subscription was past due for too long",
    "recovered": "payment came back",
    "return": "the customer came back",
    "migration": "one subscription took the place of another",
    "tax": "the share of inclusive tax changed",
    "usage": "another period's usage was billed, which stands beside MRR",
    "at_risk": "a payment failed: MRR counts on, at risk",
    "paid": "the open payment was made",
    "end_scheduled": "an end was scheduled: MRR counts until then",
    "end_withdrawn": "the scheduled end was withdrawn",
}


@dataclass(frozen=True, slots=True)
class ItemWords:
    """An item's monthly amount and how it came about; `name` is what people call its price."""

    item: str
    price: str | None
    name: str | None
    quantity: int | None
    net_micros: int
    list_micros: int
    arithmetic: str


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """One change of one subscription: from when on, what it was and became, why, and what says so."""

    at: str
    subscription: str
    currency: str
    before_micros: int
    after_micros: int
    cause: str
    words: str
    evidence: tuple[str, ...]
    inferred: bool
    items: tuple[ItemWords, ...]


@dataclass(frozen=True, slots=True)
class MovementWords:
    """A movement with the changes that it is made of."""

    customer: str
    date: str
    kind: str
    cause: str
    currency: str
    before_micros: int
    after_micros: int
    delta_micros: int
    words: str
    changes: tuple[ChangeWords, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def explain(
    group: CustomerGroup,
    ledger: CustomerLedger,
    traces: Mapping[str, Sequence[Traced]],
    pricers: Mapping[int, Pricer],
    policy: Policy,
    timezone: str,
) -> list[MovementWords]:
    """Each movement of a customer in words, in order of day. `traces` are by subscription, `pricers` by account."""
    accounts = {s.subscription: m.account for m in group.members for s in m.subscriptions}
    changes = sorted(
        (c for name, trace in traces.items() for c in _changes(name, trace, pricers[accounts[name]], policy)),
        key=lambda pair: (pair[0].step.at, pair[1].subscription),
    )
    out = []
    for movement in ledger.movements:
        own = [m for m in ledger.movements if m.currency == movement.currency]
        since = max((m.day for m in own if m.day < movement.day), default=None)
        wanted = [
            words
            for traced, words in changes
            if (since is None or day_of(traced.step.at, timezone) > since)
            and day_of(traced.step.at, timezone) <= movement.day
            and words.currency == movement.currency
        ]
        if sum(m.day == movement.day for m in own) > 1:  # without netting a day has several, each of its own changes
            wanted = [words for words in wanted if {words.subscription, *words.evidence} <= set(movement.evidence)]
        out.append(_movement_words(movement, wanted))
    return out


def _changes(name: str, trace: Sequence[Traced], pricer: Pricer, policy: Policy) -> list[tuple[Traced, ChangeWords]]:
    out = []
    last: Step | None = None
    for traced in trace:
        step = traced.step
        before = last.net_micros if last is not None and last.currency == step.currency else 0
        priced = {each.id: pricer.catalog.price_of(each) for each in traced.subscription.items}
        items = tuple(
            ItemWords(
                i.item,
                i.price,
                _name(priced.get(i.item), pricer.catalog),
                i.quantity,
                i.net_micros,
                i.list_micros,
                explain_item(
                    traced.subscription,
                    i.item,
                    step.at,
                    pricer.catalog,
                    policy,
                    customer_discount=traced.given.customer_discount,
                    tax_share=traced.given.tax_share,
                    usage=traced.given.usage,
                ).words,
            )
            for i in step.items
        )
        words = WORDS.get(step.cause, step.cause) + (f" ({step.note})" if step.note else "")
        moment = datetime.fromtimestamp(step.at, UTC).isoformat().replace("+00:00", "Z")
        change = ChangeWords(
            moment, name, step.currency, before, step.net_micros, step.cause, words, step.evidence, step.inferred, items
        )
        out.append((traced, change))
        last = step
    return out


def _name(price: Price | None, catalog: Catalog) -> str | None:
    return None if price is None else plan_words(price, catalog.products.get(price.product))


def _movement_words(m: Movement, changes: Sequence[ChangeWords]) -> MovementWords:
    sign = "+" if m.delta_micros > 0 else "−"
    code = m.currency.upper()
    words = (
        f"{m.day}: {m.kind} of {sign}{major_text(abs(m.delta_micros), m.currency)} {code} a month "
        f"({major_text(m.before_micros, m.currency)} → {major_text(m.after_micros, m.currency)}): {WORDS.get(m.cause, m.cause)}"
        + ("; part of it is inferred, since it left no dated trace" if m.inferred else "")
    )
    return MovementWords(
        m.customer,
        m.day.isoformat(),
        m.kind,
        m.cause,
        m.currency,
        m.before_micros,
        m.after_micros,
        m.delta_micros,
        words,
        tuple(changes),
    )
