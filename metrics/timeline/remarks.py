"""What has to be said of a subscription's invoices: holes, voids, unpaid changes, lines that say too little.

Nothing here changes what is known; it tells a reader of the numbers what they rest on.
"""

from collections.abc import Iterator, Sequence

from metrics.evidence import (
    Finding,
    Instant,
    InvoiceEvidence,
    InvoiceLine,
    Price,
    Severity,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
)
from metrics.money import major_text, minor_to_micros
from metrics.pricing.catalog import Catalog
from metrics.timeline.effective_dated import is_all_tax, lines_of
from metrics.timeline.eligibility import is_voiding
from metrics.timeline.known_states import Assembled
from metrics.timeline.lines.invoice_history import NEVER
from metrics.timeline.lines.points import DAY, Unread
from metrics.timeline.lines.price_versions import bills_otherwise, is_of_unseen_object, is_unseen

STATUSES = ("draft", "open", "paid", "void", "uncollectible")
"""Of invoices, as Stripe has them."""


def never_paid(invoices: Sequence[InvoiceEvidence], last: Subscription) -> bool:
    """Whether the first invoice was voided and no invoice was ever paid."""
    real = sorted((i.head for i in invoices if i.head.status != "draft"), key=lambda h: (h.created, h.id))
    if not real or real[0].status != "void":
        return False
    first_of_life = real[0].billing_reason == "subscription_create" or real[0].created <= last.created + 86_400
    return first_of_life and not any(h.status == "paid" for h in real)


def history_findings(
    evidence: SubscriptionEvidence,
    last: Subscription,
    states: Sequence[SubscriptionState],
    found: Assembled,
    catalog: Catalog,
) -> list[Finding]:
    """What the invoices show that can't be known better: holes between cycles, voids that may have been pauses, lines that say too little."""
    covered_from = min((s.at for s in states if s.source != Source.SNAPSHOT), default=NEVER)
    last_seen = states[-1].at

    def finding(object_id: str, reason: str, detail: str, at: Instant | None, severity: Severity = "notice") -> Finding:
        return Finding(evidence.account, object_id, reason, detail, last.customer, at, severity)

    out = [finding(*told) for told in _unpaid(evidence.invoices, last, found, covered_from)]
    for item, at in _holes(found, states):
        if at < covered_from:
            text = f"no invoice of {last.id} covers {item} between two cycles: a pause or a void; MRR is held, not churned"
            out.append(finding(last.id, "gap", text, at, "warning"))
    any_cut = any(not s.subscription.items_complete for s in states)
    # What events cover needs no lines, unless one of them left out items that a line might have told of.
    unread = [u for u in found.lines.unread if any_cut or u.at < covered_from or u.at > last_seen]
    out += [finding(*_of_unread(line, last.id), line.at, "warning") for line in unread]
    if not last.items_complete:
        text = (
            f"the list of items of {last.id} was cut when last heard of: those that are not on it are counted as they were before"
        )
        out.append(finding(last.id, "items_cut", text, last_seen, "warning"))
    for invoice in evidence.invoices:
        if invoice.head.status not in STATUSES:
            text = (
                f"invoice {invoice.head.id} of {last.id} has the status {invoice.head.status}, which is not known here: its lines count, and "
                "it is taken for not paid"
            )
            out.append(finding(invoice.head.id, "invoice_status_unknown", text, invoice.head.created, "warning"))
    stood_still = _stood_still(last, last_seen, evidence.invoices)
    if stood_still is not None:
        text = (
            f"{last.id} was seen {last.status}, but its last period had ended more than a day before that, and no invoice bills the time since: it may "
            "have been paused meanwhile, as after a trial that ended without a way to pay. It is counted until it was seen otherwise"
        )
        out.append(finding(last.id, "period_stood_still", text, stood_still, "warning"))
    for taxed in _all_tax(evidence.invoices, catalog):
        text = (
            f"line {taxed.id} of invoice {taxed.invoice} of {last.id} over {_money(taxed.amount, taxed.currency)} has {_money(taxed.inclusive_tax, taxed.currency)} "
            "of tax in it: it tells nothing of the tax in the price"
        )
        out.append(finding(taxed.id, "tax_exceeds_amount", text, taxed.period_start, "warning"))
    for billed in _of_earlier_prices(evidence.invoices, catalog):
        counted = "as its lines bill it" if is_of_unseen_object(billed) else "at today's price"
        text = (
            f"line {billed.id} of invoice {billed.invoice} of {last.id} over {_money(billed.amount, billed.currency)} bills price {billed.price} before that "
            f"was made: an earlier one of that id was deleted, and nothing shows it. It counts {counted}"
        )
        out.append(finding(billed.id, "price_version_unknown", text, billed.period_start, "warning"))
    for item, price in _made_since(found, last, catalog):
        text = (
            f"{item} of {last.id} was first seen with price {price}, which was made after {last.id}: what it had before that, nothing shows. "
            "It is counted at that price from the start"
        )
        out.append(finding(item, "price_version_unknown", text, found.known[0].at, "warning"))
    for at in _behind_cuts(states, found):
        text = (
            f"an event of {last.id} told only some of its items, and another one changed: the change is dated when it was seen next"
        )
        out.append(finding(last.id, "change_behind_cut", text, at))
    return out


def _stood_still(last: Subscription, seen_at: Instant, invoices: Sequence[InvoiceEvidence]) -> Instant | None:
    """When the period ended of a subscription that is paused or over since a day later or more, where its invoices bill nothing after it."""
    if last.status not in ("paused", "canceled") or not last.items_complete or not last.items or not invoices:
        return None
    ends = [item.period_end for item in last.items if item.period_end is not None]
    over = (last.ended_at or seen_at) if last.status == "canceled" else (last.paused_at or seen_at)
    if len(ends) < len(last.items) or max(ends) >= over - DAY:
        return None
    billed = [line.period_end for line in lines_of(invoices)]
    return max(ends) if billed and max(billed) <= max(ends) else None


def _all_tax(invoices: Sequence[InvoiceEvidence], catalog: Catalog) -> Iterator[InvoiceLine]:
    """Lines that would be nothing but tax."""
    for line in lines_of(invoices):
        price = catalog.price_of(line) if is_all_tax(line) else None
        if price is not None and price.tax_behavior != "exclusive":
            yield line


def _of_earlier_prices(invoices: Sequence[InvoiceEvidence], catalog: Catalog) -> Iterator[InvoiceLine]:
    """The first line of each item and price that bills a price which was not made yet, unless it bills just what that price comes to."""
    told: set[tuple[str | None, str | None]] = set()
    lines = ((line, i.head) for i in invoices if i.head.status != "draft" for line in i.lines)
    for line, bill in sorted(lines, key=lambda x: (x[0].period_start, x[0].id)):
        known = catalog.prices.get(line.price or "")
        if (line.item, line.price) in told or known is None or known.created is None or known.created <= line.period_start:
            continue
        price = catalog.price_of(line)
        if is_unseen(line, bill, catalog):
            of_another = not is_of_unseen_object(line) or price is None or _terms(price) != _terms(known)
        else:
            made_later = price is not None and price.created is not None and price.created > line.period_start + DAY
            of_another = made_later and bills_otherwise(line, price)
        if of_another:
            told.add((line.item, line.price))
            yield line


def _terms(price: Price) -> tuple[object, ...]:
    return price.currency, price.interval, price.interval_count, price.unit, price.scheme, price.transform


def _made_since(found: Assembled, last: Subscription, catalog: Catalog) -> Iterator[tuple[str, str]]:
    """The items of a state that is carried back to the start whose price was made more than a day after the subscription, and the price."""
    first = found.known[0]
    if not first.inferred or found.lines.points or found.lines.unread:
        return
    for item in first.subscription.items:
        price = catalog.price_of(item)
        if price is not None and price.created is not None and price.created > max(first.at, last.created) + DAY:
            yield item.id, price.id


def _behind_cuts(states: Sequence[SubscriptionState], found: Assembled) -> Iterator[Instant]:
    """The moments of events whose list of items was cut, where an item that they don't show was another one when all were seen next."""
    told: set[int] = set()
    for index, state in enumerate(states):
        if state.subscription.items_complete or state.source == Source.SNAPSHOT:
            continue
        after = next((i for i in range(index + 1, len(states)) if states[i].subscription.items_complete), None)
        if after is None or after in told:
            continue
        following, before = states[after], states[after - 1]
        if (
            before.source == Source.EVENT_BEFORE
            and before.source_id == following.source_id
            and not before.subscription.items_complete
        ):
            continue  # the event that shows them all says itself what it changed
        held = max((k for k in found.known if k.at < following.at), key=lambda k: k.at, default=None)
        shown = {item.id for item in state.subscription.items}
        if held is not None and _behind(held.subscription, shown) != _behind(following.subscription, shown):
            told.add(after)
            yield state.at


def _behind(subscription: Subscription, shown: set[str]) -> set[tuple[str, str | None, int | None]]:
    return {(i.id, i.price, i.quantity) for i in subscription.items if i.id not in shown and i.quantity is not None}


def _money(minor: int, currency: str) -> str:
    return f"{major_text(int(minor_to_micros(minor, currency)), currency)} {currency.upper()}"


def _unpaid(
    invoices: Sequence[InvoiceEvidence], last: Subscription, found: Assembled, covered_from: Instant
) -> list[tuple[str, str, str, Instant]]:
    """What is to be said of invoices in the middle of a life that were never paid: object, reason, detail, moment."""
    out = []
    heads = sorted((i for i in invoices if i.head.status not in ("draft", "pending")), key=lambda i: (i.head.created, i.head.id))
    last_paid = max((i.head.created for i in heads if i.head.status == "paid"), default=0)
    for i in heads[1:]:
        if i.head.created >= covered_from:
            continue
        if (changed := found.verdict.changed.get(i.head.id)) is not None:
            waits = "waited" if i.head.status == "uncollectible" else "waits"
            said = "voided unpaid" if i.head.status == "void" else f"{i.head.status}, and its change {waits} for the payment"
            judged = (
                "something later shows the change that it bills, which counts"
                if changed
                else "nothing later shows the change that it bills, which is none"
            )
            out.append((i.head.id, "unpaid_change", f"invoice of {last.id} is {said}: {judged}", i.head.created))
        elif i.head.status == "uncollectible" and any(p.invoice == i.head.id and p.kind == "credit" for p in found.lines.points):
            text = f"invoice of {last.id} was given up as uncollectible: the change that it bills counts, since it was had though never paid"
            out.append((i.head.id, "unpaid_change", text, i.head.created))
        elif i.head.status in ("void", "uncollectible") and i.head.created < last_paid:
            at = max((k for k in found.known if k.at <= i.head.created), key=lambda k: k.at, default=None)
            if at is None or not is_voiding(at.subscription):
                text = f"invoice of {last.id} is {i.head.status}: collection may have been paused; that alone takes no MRR away"
                out.append((i.head.id, "voided_cycle_invoice", text, i.head.created))
    return out


def _of_unread(line: Unread, subscription: str) -> tuple[str, str, str]:
    """The object, the reason and the words of a finding about a line that can't be told, or about those that a list left out."""
    if line.lacks == "rest":
        text = f"the lines of {line.invoice} of {subscription} are cut, and nothing tells the rest: an item without a line on it stays as it was"
        return line.invoice, "lines_cut", text
    amount = f" over {_money(line.amount, line.currency)}" if line.amount is not None else ""
    text = f"line {line.line} of invoice {line.invoice} of {subscription}{amount} doesn't say its {line.lacks}: it changes nothing"
    return line.line, "unread_line", text


def _holes(found: Assembled, states: Sequence[SubscriptionState]) -> list[tuple[str, Instant]]:
    """The items that no line and no trial covers between two of their cycles, with the moment from which on."""
    covered = [(s.subscription.trial_start, s.subscription.trial_end) for s in states]
    unread = {u.line for u in found.lines.unread}
    out: list[tuple[str, Instant]] = []
    ends: dict[str, Instant] = {}
    for p in found.verdict.points:
        if p.kind == "credit":
            continue
        until = ends.get(p.item)
        if p.kind == "cycle" and until is not None and p.at > until + DAY:
            on_trial = any(a is not None and b is not None and a <= until + DAY and b >= p.at - DAY for a, b in covered)
            may_be = unread and any(until - DAY <= u.at < p.at for u in found.lines.unread)
            at = max((k for k in found.known if k.at <= until + DAY), key=lambda k: k.at, default=None)
            gone = at is not None and all(
                i.id != p.item for i in at.subscription.items
            )  # other items were billed: that is a movement
            if not (on_trial or may_be or gone):
                out.append((p.item, until))
        ends[p.item] = max(p.until, until or p.until)
    return out
