"""What is coming by dates that are known already: discounts and trials that end, cancellations that were asked for, what schedules plan.

No forecast: whoever is on trial may pay or leave, and a discount's end is more MRR only from whoever stays. The customers are derived as of
now and, with nothing new being learnt, as of the end of the outlook; who calls this says how far it reaches.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from metrics.entries import CustomerLedger, Step, Timeline
from metrics.evidence import Instant
from metrics.periods import day_of

DISCOUNTS: Final = "discounts_ending"
TRIALS: Final = "trials_ending"
CANCELLATIONS: Final = "scheduled_churn"
RENEWALS: Final = "renewals"
GROWING: Final = "scheduled_expansion"
SHRINKING: Final = "scheduled_contraction"
PAUSES: Final = "planned_pauses"
SIGNALS: Final = (DISCOUNTS, TRIALS, CANCELLATIONS, RENEWALS, GROWING, SHRINKING, PAUSES)
"""Committed MRR with what is scheduled to come is committed MRR + scheduled_expansion - scheduled_contraction - planned_pauses: scheduled churn
is out of committed MRR already, whenever it comes, and a schedule of what will end counts for nothing."""
_ENDS: Final = frozenset({"discount_end", "discount_change"})


@dataclass(frozen=True, slots=True)
class Coming:
    """One customer's part in a signal: how much MRR it is about, in micros of `currency`."""

    name: str
    customer: str
    currency: str
    micros: int


def coming(now: CustomerLedger, later: CustomerLedger, since: Instant, until: Instant, timezone: str) -> list[Coming]:
    """What the dates of one customer bring in (since, until]: `now` is its ledger as of `since`, `later` as of `until`.

    A discount's end counts with what it adds, a trial with what it would be worth, a cancellation with what it takes; a schedule with what
    it will have changed by `until`, unless an end was asked for. A pause that is over by then counts nothing.
    """
    out = [*_discounts(now, later, since, timezone), *_trials(now, since, until)]
    for timeline in now.timelines:
        last = timeline.steps[-1] if timeline.steps else None
        if last is not None and last.net_micros and _within(timeline.scheduled_end, since, until):
            out.append(Coming(CANCELLATIONS, now.customer, last.currency, last.net_micros))
        elif last is not None and timeline.scheduled_end is None:
            out += _scheduled(now.customer, timeline, last, since, until)
    return out


def _scheduled(customer: str, timeline: Timeline, last: Step, since: Instant, until: Instant) -> Iterable[Coming]:
    """What a schedule will have made of one subscription by `until`."""
    worth, paused = last.net_micros, False
    for step in timeline.planned:
        if not _within(step.at, since, until):
            continue
        paused = step.kind == "pause" or (paused and step.kind == "phase")
        if step.kind != "pause":
            worth = step.net_micros
    if worth != last.net_micros:
        yield Coming(GROWING if worth > last.net_micros else SHRINKING, customer, last.currency, abs(worth - last.net_micros))
    if paused and worth:
        yield Coming(PAUSES, customer, last.currency, worth)


def _discounts(now: CustomerLedger, later: CustomerLedger, since: Instant, timezone: str) -> Iterable[Coming]:
    today = day_of(since, timezone)
    known = set(now.movements)
    for movement in later.movements:
        fresh = movement not in known and movement.day >= today
        if fresh and movement.cause in _ENDS and movement.delta_micros > 0:
            yield Coming(DISCOUNTS, now.customer, movement.currency, movement.delta_micros)


def _trials(now: CustomerLedger, since: Instant, until: Instant) -> Iterable[Coming]:
    ends = {t.subscription for t in now.timelines if _within(t.trial_end, since, until)}
    for trial in now.exclusions:
        running = trial.reason == "trial" and trial.since <= since and (trial.until is None or trial.until > since)
        if running and trial.object_id in ends:
            yield Coming(TRIALS, now.customer, trial.currency, trial.mrr_micros or 0)


def _within(at: Instant | None, since: Instant, until: Instant) -> bool:
    return at is not None and since < at <= until
