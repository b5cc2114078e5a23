"""Laying the three kinds of evidence over one another, the strongest first.

The state in an event holds until the next one, a listing from its moment (and for what it dates itself), and invoice lines fill the
time that neither covers. What comes out is one list of known states in order; whether they count and what they are worth is decided
elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metrics.assigned import replace
from metrics.evidence import Instant, InvoiceEvidence, Source, Subscription, SubscriptionState
from metrics.policy import Policy
from metrics.pricing.catalog import Catalog
from metrics.timeline.later_told import with_later_discounts, with_later_trials
from metrics.timeline.lines.half_pairs import without_halves
from metrics.timeline.lines.invoice_history import NEVER, KnownState, fill, is_another_object
from metrics.timeline.lines.points import Point, Points, points_of
from metrics.timeline.lines.reach import with_reach
from metrics.timeline.lines.unpaid import Verdict, borne_out
from metrics.timeline.marks import marks
from metrics.timeline.states.event_order import material
from metrics.timeline.states.sightings import completed, is_cut, told


@dataclass(frozen=True, slots=True)
class Assembled:
    """The known states in order of time, each true until the next, with what the lines said and how unpaid changes were judged."""

    known: list[KnownState]
    lines: Points
    verdict: Verdict


def assemble(
    states: Sequence[SubscriptionState], invoices: Sequence[InvoiceEvidence], catalog: Catalog, policy: Policy
) -> Assembled:
    """What is known of a subscription over time: strong states as they are, gaps filled from invoice lines. `states` are in order."""
    items = list({(i.id, i.price, i.period_start, i.period_end): i for s in states for i in s.subscription.items}.values())
    lines = without_halves(points_of(invoices, catalog, items), invoices, states)
    judged = borne_out(lines.points, invoices, states)
    verdict = Verdict(with_reach(judged.points), judged.changed)
    beside = _Beside(verdict.points, invoices, catalog, policy)
    out: list[KnownState] = []
    strong: KnownState | None = None
    laid = ""  # the event whose state before was the last one
    doubtful = False
    for index, state in enumerate(states):
        chained = state.source == Source.EVENT and laid == state.source_id  # nothing can be missing between
        if is_cut(state.subscription):
            before = strong.subscription if strong is not None else _following(states[index:])
            state = replace(state, subscription=completed(state.subscription, before, state.at))
        # Any difference, be it of a period only, shows that something happened in between; then invoice lines may know of more. So they
        # may before a listing that says the same as what was last heard, but not between an event and the same state before the next one.
        same = strong is not None and told(strong.subscription) == told(state.subscription)
        subscription = state.subscription
        unseen: list[KnownState] = []
        if chained or not same or state.source == Source.SNAPSHOT:
            found, subscription = _across(
                strong, states[index], state, beside, states[index + 1 :], chained=chained, doubtful=doubtful
            )
            out += found
        elif not states[index].subscription.items_complete and strong is not None:
            unseen = _of_unseen(strong, states[index], beside, states[index + 1 :])
            out += unseen
            subscription = unseen[-1].subscription if unseen else subscription
        if same and not chained and state.source == Source.EVENT:
            out.append(KnownState(state.at, subscription, (state.source_id,)))
        laid, doubtful = "", False
        if state.source == Source.EVENT_BEFORE:
            laid = state.source_id
            told_whole = strong is not None or not is_cut(states[index].subscription)
            doubtful = told_whole and bool(out) and _is_another(out[-1].subscription, subscription, catalog)
            doubtful = doubtful or any(k.inferred and k.at == state.at for k in unseen)
        # What the state before an event says has been so for as long as what was last heard of.
        since = out[-1].at if state.source == Source.EVENT_BEFORE and out else state.at
        strong = KnownState(since, subscription, ())
    assert strong is not None, "a subscription without a state has no history"
    out += _after_last(out, strong, beside)
    out.sort(key=lambda k: k.at)
    return Assembled(with_later_discounts(with_later_trials(out, states), states, verdict.points), lines, verdict)


@dataclass(frozen=True, slots=True)
class _Beside:
    """What lies beside the states: points of lines that count, invoices, what things cost, and the policy."""

    points: Sequence[Point]
    invoices: Sequence[InvoiceEvidence]
    catalog: Catalog
    policy: Policy


def _following(states: Sequence[SubscriptionState]) -> Subscription | None:
    """The first of these states that nothing is missing from: what a cut list is completed with where nothing was known before."""
    return next((s.subscription for s in states if not is_cut(s.subscription)), None)


def _of_unseen(
    strong: KnownState, raw: SubscriptionState, beside: _Beside, following: Sequence[SubscriptionState]
) -> list[KnownState]:
    """What lines say, up to a state whose list was cut, of the items that it doesn't show: of those it leaves as much room as no state."""
    shown = {i.id for i in raw.subscription.items}
    points = [replace(p, partial=True) for p in beside.points if p.item not in shown]
    if not points:
        return []
    upto = Instant(raw.at + 1)
    return fill(strong, strong.subscription, upto, points, beside.catalog, start=strong.at, following=following)


def _across(
    strong: KnownState | None,
    raw: SubscriptionState,
    state: SubscriptionState,
    beside: _Beside,
    following: Sequence[SubscriptionState],
    *,
    chained: bool,
    doubtful: bool,
) -> tuple[list[KnownState], Subscription]:
    """What is known from the last strong state on up to and with this one: lines in between, and what this one dates itself.

    And the state as it is then known: `raw` is what was said, `state` is that completed with what was known when something was last said.
    """
    s = state.subscription
    ids = (state.source_id,) if state.source_id else (s.id,)
    note = "a part of it left no dated trace: it was so before this event, and not when last heard of" if doubtful else ""
    if raw is not state and chained and strong is not None:
        s = _made_whole(raw, s, replace(strong, at=Instant(state.at - 1)), beside, following)
    if chained and s.ended_at is None and strong is not None and strong.subscription.status != "trialing":
        return [KnownState(state.at, s, ids, doubtful, note)], s  # by far the most: nothing to fill and nothing dated by itself
    filled = _before_first(state, beside) if strong is None else [] if chained else _between(strong, state, beside)
    if raw is not state and not chained:
        s = _made_whole(raw, s, strong, beside, following)
    first = filled[0] if strong is None and filled else strong
    out = list(filled)
    for mark in marks(first, state, beside.invoices, chained=chained):
        held = next((k for k in reversed(out) if k.at <= mark.at), strong)
        assert held is not None, "nothing is dated before what was known first"
        out = [k if k.at < mark.at else replace(k, subscription=replace(k.subscription, **mark.fields)) for k in out]
        if all(k.at != mark.at for k in out):
            out.append(KnownState(mark.at, replace(held.subscription, **mark.fields), ids, bool(mark.inferred), mark.inferred))
            out.sort(key=lambda k: k.at)
        elif mark.inferred:
            out = [replace(k, inferred=True, note=k.note or mark.inferred) if k.at == mark.at else k for k in out]
    before = out[-1] if out else strong
    if state.source == Source.EVENT_BEFORE and before is not None:
        return out, s  # the event itself comes in the same second
    if state.source == Source.SNAPSHOT and before is not None and material(before.subscription) == material(s):
        return out, s
    out = [k for k in out if k.at != state.at]
    if state.source == Source.SNAPSHOT:
        if before is None:
            return [KnownState(s.start, s, ids)], s
        return [*out, KnownState(state.at, s, ids, True, "seen when listed: the change itself left no dated trace")], s
    return [*out, KnownState(state.at, s, ids, doubtful, note)], s


def _made_whole(
    raw: SubscriptionState, s: Subscription, strong: KnownState | None, beside: _Beside, following: Sequence[SubscriptionState]
) -> Subscription:
    """What is known with a state whose list was cut: what it lacks is told by lines since the last strong one, those of its very moment too."""
    upto = Instant(raw.at + 1)
    told = fill(strong, s, upto, beside.points, beside.catalog, start=s.start, following=following)
    return completed(raw.subscription, told[-1].subscription, raw.at) if told else s


def _is_another(one: Subscription, other: Subscription, catalog: Catalog) -> bool:
    """Whether two states have other items, prices, be they made again under their ids, or quantities."""
    if _shapes(one) != _shapes(other):
        return True
    items = {i.id: i for i in one.items}
    return any(is_another_object(items[i.id], i, catalog) for i in other.items)


def _shapes(s: Subscription) -> list[tuple[object, ...]]:
    return sorted((i.id, i.price, i.quantity, i.quantity_decimal) for i in s.items)


def _before_first(state: SubscriptionState, beside: _Beside) -> list[KnownState]:
    """What was before the first strong state: the lines, else the state itself carried back to its own start."""
    s = state.subscription
    if s.status in ("incomplete", "incomplete_expired"):
        return []
    start = Instant(max(s.start, s.created) if beside.policy.start_at_booking else s.start)
    upto = s.ended_at if s.ended_at is not None and s.ended_at <= state.at else state.at
    if start >= upto:
        return []
    alive = replace(s, status="active", pause=None, ended_at=None, cancel_at=None, cancel_at_period_end=False)
    filled = fill(None, alive, upto, beside.points, beside.catalog, start=start)
    if filled:
        return filled
    if state.source == Source.EVENT and state.at <= s.created + 60:
        return [KnownState(start, alive, (state.source_id,))]  # the creation itself, which dates the start of service
    carried = _with_trials_from_the_first(alive)
    return [
        KnownState(
            start, carried, (s.id,), True, "no invoice or event of this time: the first known state is carried back to the start"
        )
    ]


def _with_trials_from_the_first(s: Subscription) -> Subscription:
    """A state as it is carried back: an item's own trial is its beginning, and nothing says that the item was paid for before."""
    if all(i.trial_start is None for i in s.items):
        return s
    return replace(s, items=tuple(replace(i, trial_start=None) for i in s.items))


def _between(prev: KnownState, state: SubscriptionState, beside: _Beside) -> list[KnownState]:
    """What invoice lines know of the time between two strong states that don't agree."""
    s = state.subscription
    upto = s.ended_at if s.ended_at is not None and prev.at < s.ended_at < state.at else state.at
    return fill(prev, s, upto, beside.points, beside.catalog, start=prev.at)


def _after_last(out: Sequence[KnownState], strong: KnownState, beside: _Beside) -> list[KnownState]:
    """Cycle lines newer than every state: a change that neither an event nor a listing has shown yet."""
    if not out or strong.subscription.ended_at is not None:
        return []
    prev = replace(max(out, key=lambda k: k.at), at=strong.at)
    filled = fill(prev, prev.subscription, NEVER, beside.points, beside.catalog, start=prev.at)
    keep = []
    current = prev.subscription
    for known in filled:
        if _is_another(known.subscription, current, beside.catalog):
            keep.append(known)
            current = known.subscription
    return keep
