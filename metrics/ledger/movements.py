"""From the timelines of a customer's subscriptions to its movements and standings.

All changes of one customer within one reporting day are one movement, a churn undone within the grace is one change dated at the
return, and the kind follows from the customer's MRR before and after (definitions.md, section on movements). The identity
opening + new + reactivation + expansion - contraction - churn = closing holds for each customer, currency and day because
every movement runs from one standing to the next. Nothing here prices anything or knows Stripe.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from metrics.assigned import assigned, replace
from metrics.entries import CustomerLedger, Exclusion, ItemMRR, Movement, Standing, Step, Timeline
from metrics.instants import Instant
from metrics.movement_kinds import Cause, MovementKind
from metrics.periods import add_months, day_of
from metrics.policy import Policy


class _Balance(NamedTuple):
    """What all subscriptions of a customer in one currency amount to."""

    net: int
    gross: int
    at_risk: int
    scheduled: int
    usage: int
    subscriptions: int
    plan: str | None
    product: str | None
    interval: str | None


_NOTHING = _Balance(0, 0, 0, 0, 0, 0, None, None, None)


@assigned
@dataclass(frozen=True, slots=True)
class _Change:
    """One step of one subscription, as the customer's ledger sees it."""

    at: Instant
    day: date
    subscription: str
    currency: str
    delta: int
    step: Step
    starts: bool
    ends: bool


@assigned
@dataclass(frozen=True, slots=True)
class _Closing:
    """A customer's balances at the end of a day (or of one change, without netting), with the changes that led there."""

    day: date
    balances: dict[str, _Balance]
    changes: tuple[_Change, ...]
    live: bool
    """Whether the customer has MRR in any currency: is a customer."""


def fold(customer: str, timelines: Sequence[Timeline], policy: Policy, timezone: str) -> CustomerLedger:
    """The movements and standings of one customer in order of day."""
    closings = _closings(timelines, policy, timezone)
    closings = _held_through_grace(closings, policy, timelines)
    exclusions = [e for t in timelines for e in t.exclusions]
    if policy.same_month_left_out:
        closings, short = _without_short_stays(closings, customer)
        exclusions += short
    movements = _movements(customer, closings, policy)
    standings = _standings(customer, closings, timelines[0].account if timelines else 0)
    return CustomerLedger(
        customer,
        tuple(movements),
        tuple(standings),
        tuple(timelines),
        tuple(f for t in timelines for f in t.findings),
        tuple(exclusions),
        wake=min((t.wake for t in timelines if t.wake is not None), default=None),
    )


def _closings(timelines: Sequence[Timeline], policy: Policy, timezone: str) -> list[_Closing]:
    changes = _changes(timelines, timezone)
    running: dict[str, Step] = {}
    out: list[_Closing] = []
    index = 0
    while index < len(changes):
        group = [changes[index]]
        while index + len(group) < len(changes):
            following = changes[index + len(group)]
            if following.day != group[0].day or (not policy.netting and following.at != group[0].at):
                break
            group.append(following)
        index += len(group)
        for change in group:
            running[change.subscription] = change.step
        balances = _balances(running)
        out.append(_Closing(group[0].day, balances, tuple(group), any(b.net > 0 for b in balances.values())))
    return out


def _changes(timelines: Sequence[Timeline], timezone: str) -> list[_Change]:
    out = []
    for timeline in timelines:
        last: Step | None = None
        for step in timeline.steps:
            before = last.net_micros if last and last.currency == step.currency else 0
            out.append(
                _Change(
                    step.at,
                    day_of(step.at, timezone),
                    timeline.subscription,
                    step.currency,
                    step.net_micros - before,
                    step,
                    starts=(last is None or not last.items) and bool(step.items),
                    ends=last is not None and bool(last.items) and not step.items,
                )
            )
            last = step
    out.sort(key=lambda c: (c.at, c.subscription))
    return out


def _balances(running: dict[str, Step]) -> dict[str, _Balance]:
    if len(running) == 1:
        (step,) = running.values()
        return {step.currency: _balance([step])}
    by_currency: dict[str, list[Step]] = defaultdict(list)
    for step in running.values():
        by_currency[step.currency].append(step)
    return {currency: _balance(steps) for currency, steps in by_currency.items()}


def _balance(steps: Sequence[Step]) -> _Balance:
    if len(steps) == 1 and len(steps[0].items) == 1:  # by far the most: nothing to add up
        (s,) = steps
        (item,) = s.items
        at_risk, scheduled = (s.net_micros if s.at_risk else 0), (s.net_micros if s.scheduled else 0)
        return _Balance(
            s.net_micros,
            s.list_micros,
            at_risk,
            scheduled,
            s.usage_micros,
            int(s.net_micros > 0),
            item.price,
            item.product,
            item.interval,
        )
    items: list[ItemMRR] = [i for s in steps for i in s.items]
    top = min(items, key=lambda i: (-i.net_micros, i.item), default=None)
    return _Balance(
        sum(s.net_micros for s in steps),
        sum(s.list_micros for s in steps),
        sum(s.net_micros for s in steps if s.at_risk),
        sum(s.net_micros for s in steps if s.scheduled),
        sum(s.usage_micros for s in steps),
        sum(1 for s in steps if s.net_micros > 0),
        top.price if top else None,
        top.product if top else None,
        top.interval if top else None,
    )


def _held_through_grace(closings: list[_Closing], policy: Policy, timelines: Sequence[Timeline]) -> list[_Closing]:
    """Drop the spans at zero that a return within the grace, or a declared migration, undoes: the return then is the change."""
    out: list[_Closing] = []
    index = 0
    while index < len(closings):
        closing = closings[index]
        came_from_above = bool(out) and out[-1].live
        if came_from_above and not closing.live:
            back = next((j for j in range(index + 1, len(closings)) if closings[j].live), None)
            if back is not None and _undoes(closing, closings[back], policy, timelines):
                held = tuple(c for k in range(index, back + 1) for c in closings[k].changes)
                out.append(replace(closings[back], changes=held))
                index = back + 1
                continue
        out.append(closing)
        index += 1
    return out


def _undoes(gone: _Closing, back: _Closing, policy: Policy, timelines: Sequence[Timeline]) -> bool:
    if back.day <= gone.day + timedelta(days=policy.grace_days) and policy.grace_days > 0:
        return True
    ended = {c.subscription for c in gone.changes if c.ends}
    begun = {c.subscription for c in back.changes if c.starts}
    if any(t.subscription in begun and t.migrated_from in ended for t in timelines):
        return True
    # Moving to managed payments takes a new subscription: it says so itself, and follows the old one within a day.
    managed = {t.subscription for t in timelines if t.managed_payments}
    return bool(begun & managed and ended - managed) and back.day <= gone.day + timedelta(days=1)


def _without_short_stays(closings: list[_Closing], customer: str) -> tuple[list[_Closing], list[Exclusion]]:
    """Leave out the stays that begin and end within one month; each is an exclusion of the most that it came to in each currency."""
    out: list[_Closing] = []
    exclusions: list[Exclusion] = []
    index = 0
    while index < len(closings):
        starts = closings[index].live and not (out and out[-1].live)
        if starts:
            end = next((j for j in range(index + 1, len(closings)) if not closings[j].live), None)
            if end is not None and add_months(closings[end].day, 0) == add_months(closings[index].day, 0):
                since, until = closings[index].changes[0].at, closings[end].changes[-1].at
                stay = [c.balances for c in closings[index:end]]
                for currency in sorted({c for balances in stay for c in balances}):
                    most = max(balances.get(currency, _NOTHING).net for balances in stay)
                    if most:
                        exclusions.append(Exclusion(customer, customer, "same_month", currency, most, since, until))
                index = end  # how it stands at the end stays: without MRR, though list MRR may go on
        out.append(closings[index])
        index += 1
    return out, exclusions


def _movements(customer: str, closings: Sequence[_Closing], policy: Policy) -> list[Movement]:
    out: list[Movement] = []
    before: dict[str, _Balance] = {}
    left_on: date | None = None
    ever = was_customer = False
    for closing in closings:
        is_customer = closing.live
        for currency in sorted({*before, *closing.balances}):
            was, now = before.get(currency, _NOTHING), closing.balances.get(currency, _NOTHING)
            if was.net == now.net:
                continue
            kind = _kind(was.net, now.net, was_customer, is_customer, ever, left_on, closing.day, policy)
            switches = was_customer and is_customer and _switches(currency, before, closing.balances)
            out.append(
                Movement(
                    customer,
                    closing.day,
                    currency,
                    kind,
                    "currency_switch" if switches else _cause(kind, currency, now.net - was.net, closing.changes),
                    was.net,
                    now.net,
                    was.gross,
                    now.gross,
                    tuple(dict.fromkeys(e for c in closing.changes for e in (c.subscription, *c.step.evidence))),
                    any(c.step.inferred for c in closing.changes if c.currency == currency),
                )
            )
        ever = ever or is_customer
        if was_customer and not is_customer:
            left_on = closing.day
        before, was_customer = closing.balances, is_customer
    return out


def _kind(
    was: int, now: int, was_customer: bool, is_customer: bool, ever: bool, left_on: date | None, day: date, policy: Policy
) -> MovementKind:
    if not was_customer:
        if not ever or policy.reactivation == "in_new":
            return "new"
        gone_long = left_on is not None and (day - left_on).days > policy.reactivation_days
        return "new" if policy.reactivation == "within_days" and gone_long else "reactivation"
    if not is_customer:
        return "churn"
    return "expansion" if now > was else "contraction"


def _switches(currency: str, before: dict[str, _Balance], after: dict[str, _Balance]) -> bool:
    """Whether a staying customer left one currency and entered another, and `currency` is one of the two."""
    names = {*before, *after}
    if len(names) == 1:
        return False
    left = {c for c in names if before.get(c, _NOTHING).net > 0 and after.get(c, _NOTHING).net == 0}
    entered = {c for c in names if before.get(c, _NOTHING).net == 0 and after.get(c, _NOTHING).net > 0}
    return bool(left) and bool(entered) and currency in left | entered


def _cause(kind: MovementKind, currency: str, delta: int, changes: Sequence[_Change]) -> Cause:
    """The cause of the largest change that goes the movement's way; a swap of subscriptions is a migration."""
    own = changes if len(changes) == 1 else [c for c in changes if c.currency == currency] or changes
    if kind in ("expansion", "contraction"):
        begun, ended = {c.subscription for c in own if c.starts}, {c.subscription for c in own if c.ends}
        if begun - ended and ended - begun:
            return "migration"
    same_way = [c for c in own if c.delta * delta > 0] or own
    chosen = max(same_way, key=lambda c: (abs(c.delta), -c.at, c.subscription))
    if kind == "reactivation" and chosen.step.cause == "start":
        return "return"
    return chosen.step.cause


def _standings(customer: str, closings: Sequence[_Closing], account: int) -> list[Standing]:
    out: list[Standing] = []
    before: dict[str, _Balance] = {}
    for index, closing in enumerate(closings):
        if index + 1 < len(closings) and closings[index + 1].day == closing.day:
            continue  # without netting a day has several movements but still one closing
        for currency in sorted({*before, *closing.balances}):
            now = closing.balances.get(currency, _NOTHING)
            if now != before.get(currency, _NOTHING):
                out.append(
                    Standing(
                        customer,
                        closing.day,
                        currency,
                        now.net,
                        now.gross,
                        now.at_risk,
                        now.scheduled,
                        now.usage,
                        now.subscriptions,
                        now.plan,
                        now.product,
                        now.interval,
                        account,
                    )
                )
        before = closing.balances
    return out
