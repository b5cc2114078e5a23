"""Evaluating alerts: gather what the night sees, decide, and write states and messages down in one transaction.

A message stands in the outbox if and only if the change of state that it tells of is stored; whoever dies between storing and sending
loses nothing. Sending is `worker.alerts.deliver`'s. The same evaluation is done by the nightly job, by the tick (health of the data only) and
by `nrr alerts check`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from integrations.notify.delivery import Channel
from integrations.store.alerts import alerts as store
from integrations.store.alerts import outbox
from integrations.store.alerts.alerts import AlertMoved, AlertRow
from integrations.store.alerts.outbox import Message
from integrations.store.alerts.schema import MessageStatus
from integrations.store.db.engine import begin
from integrations.store.figures import labels
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from metrics.alerts import content as alert_content
from metrics.alerts.decide import Decision, Seen, decide
from metrics.alerts.grouping import Notice, thread_of
from metrics.alerts.outside import sentence
from metrics.alerts.rules import AnyRule, Watch
from metrics.alerts.states import Alert, Event, Hush
from metrics.day_rates import outdated
from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.periods import day_of
from worker.alerts import digests
from worker.alerts.addressed import addressed
from worker.alerts.alerting import Alerting
from worker.alerts.behind import counted
from worker.alerts.gather import gather
from worker.alerts.in_use import take_up_again
from worker.execution.job_data import JobData, read_as, stored
from worker.execution.log import logger
from worker.figures import rates_needed
from worker.figures.derived import NothingDerived, complete_until
from worker.figures.outside import last_month

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """As of when to evaluate and send; None: of when it is done."""

    now: Instant | None = None


KINDS: Final = ("alerts_evaluate", "alerts_send")
JOBS: Final[Mapping[str, type[JobData]]] = dict.fromkeys(KINDS, Evaluation)
"""Every kind of job here with what it is given."""
NOWHERE: Final = "none"
"""The channel of messages that there was no channel for."""
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an evaluation came to: the transitions as (rule, segment, before, after), messages written down, alerts that fire now."""

    night: date
    transitions: tuple[tuple[str, str, str, str], ...]
    messages: int
    firing: int


def jobs_of(now: Instant | None = None, *, stage: int = 0) -> list[Job]:
    """The jobs of a nightly run's stage of alerts, as of `now` or of when they are done."""
    data = stored(Evaluation(now))
    return [
        Job("alerts_evaluate", 0, stream="alerts", stage=stage, data=data),
        Job("alerts_send", 0, stream="alerts", stage=stage + 1, data=data),
    ]


def do_evaluate(alerting: Alerting, job: Job) -> None:
    """Evaluate as a job, which ends in the transaction of its effect."""
    at = _at(alerting, job)
    with begin(alerting.engine) as connection:
        done = evaluate_within(connection, alerting, at)
        jobs.finish(connection, job)
    _tell(done)


def _at(alerting: Alerting, job: Job) -> datetime:
    now = read_as(Evaluation, job).now
    return alerting.clock() if now is None else datetime.fromtimestamp(now, UTC)


def evaluate(alerting: Alerting, at: datetime, *, health_only: bool = False) -> Evaluated:
    """Evaluate every rule (or only those on the health of the data) as of an instant. Raises NotMigrated's kin of the database."""
    for attempt in range(_TRIES):
        try:
            with begin(alerting.engine) as connection:
                done = evaluate_within(connection, alerting, at, health_only=health_only)
        except AlertMoved:
            if attempt == _TRIES - 1:
                raise
        else:
            _tell(done)
            return done
    raise AssertionError("the last attempt returned or raised")


def _tell(done: Evaluated) -> None:
    for rule, segment, before, after in done.transitions:
        log.info("alert_changed", rule=rule, segment=segment, before=before, after=after)
    log.info("alerts_evaluated", night=done.night.isoformat(), messages=done.messages, firing=done.firing)


def evaluate_within(connection: Connection, alerting: Alerting, at: datetime, *, health_only: bool = False) -> Evaluated:
    """The same within a transaction. Raises AlertMoved when somebody else evaluated meanwhile; nothing may be committed then."""
    night = day_of(Instant(int(at.timestamp())), alerting.basis.timezone)
    rows = store.states(connection)
    states = {key: Alert.of(row.rule, row.segment, row.state, row.body) for key, row in rows.items()}
    through = None if health_only else complete_through(connection, alerting.basis)
    watch = replace(alerting.watch, words=labels.load(connection), asides=_asides(connection, alerting, through))
    seen = gather(connection, alerting.basis, watch, states, through, alerting.reporting_currency)
    take_up_again(connection, alerting)
    usable = usable_channels(connection, alerting)
    silences = store.silences(connection, at)
    hush = Hush(
        frozenset((s.rule, s.segment) for s in silences if s.sort == "mute"),
        frozenset((s.rule, s.segment) for s in silences if s.sort == "ack"),
        all_of_it=None if usable else "no_channel",
    )
    decision = decide(watch, seen, states, night, hush)
    transitions = _store_states(connection, decision, seen, watch, rows, at)
    delay = quiet_seconds(watch.quiet, at, alerting.basis.timezone)
    old_rates = _old_rates(connection, alerting, night)
    told = [counted(connection, alerting, notice) for notice in decision.notices]
    written = [m for notice in told for m in messages(notice, watch, alerting.channels, usable, old_rates)]
    count = outbox.enqueue(connection, written, delay_seconds=delay)
    if through is not None and usable:
        wanted = addressed(watch, watch.digest_channels, usable)
        found = digests.messages(connection, alerting.basis, watch, through, wanted, alerting.reports)
        count += outbox.enqueue(connection, found, delay_seconds=delay)
    after = {**states, **{a.key: a for _, a in decision.changed}}
    return Evaluated(night, transitions, count, sum(a.state == "firing" for a in after.values()))


def _asides(connection: Connection, alerting: Alerting, through: date | None) -> tuple[str, ...]:
    """What lies outside subscriptions, where that is much or has grown."""
    if through is None:
        return ()
    found = last_month(connection, through, alerting.reporting_currency)
    several = len(found) > 1
    return tuple(
        sentence(each.month, each.now.ratio, each.before.ratio if each.before else None, each.currency if several else None)
        for each in found
        if each.now.ratio is not None and each.worth_saying(alerting.watch.outside_share)
    )


def complete_through(connection: Connection, basis: Basis) -> date | None:
    """The last reporting day whose data is complete; None while nothing has been derived."""
    try:
        moment = complete_until(connection, basis)
    except NothingDerived:
        return None
    return day_of(moment, basis.timezone) - timedelta(days=1)


def usable_channels(connection: Connection, alerting: Alerting) -> tuple[str, ...]:
    """The channels that are set up and have not been found dead."""
    dead = store.disabled_channels(connection)
    return tuple(name for name in alerting.channels if name not in dead)


# --- storing -----------------------------------------------------------------------------------------------------------------


def _store_states(
    connection: Connection,
    decision: Decision,
    seen: Seen,
    watch: Watch,
    rows: Mapping[tuple[str, str], AlertRow],
    at: datetime,
) -> tuple[tuple[str, str, str, str], ...]:
    rules = watch.named()
    read = {(r.rule, r.segment): r for r in seen.readings}
    out = []
    for before, after in decision.changed:
        reading = read.get(after.key)
        if reading is not None:
            after = replace(after, shown=alert_content.shown(reading, rules[after.rule]))
        row = rows.get(after.key)
        store.put(connection, row, AlertRow(after.rule, after.segment, after.state, after.body()), at)
        was = "ok" if before is None else before.state
        if was != after.state:
            out.append((after.rule, after.segment, was, after.state))
        if after.state in ("resolved", "ok") and was == "firing":
            store.lift(connection, after.rule, after.segment, "ack")
    for rule, segment in decision.over:
        store.remove(connection, rule, segment)
    return tuple(out)


def _old_rates(connection: Connection, alerting: Alerting, night: date) -> str | None:
    """What a message in the reporting currency must say of its exchange rates, if they are old."""
    home = alerting.reporting_currency
    if home is None:
        return None
    return outdated(rates_needed.newest_needed(connection, alerting.basis.version, home), night, home)


def messages(
    notice: Notice, watch: Watch, configured: Mapping[str, Channel], usable: Sequence[str], old_rates: str | None = None
) -> list[Message]:
    """A notice as rows of the outbox: the message through each channel, and a row for each further change that it tells of."""
    rules = watch.named()
    channels = addressed(watch, notice.channels, usable) or addressed(watch, notice.channels, configured) or (NOWHERE,)
    lead = notice.lead
    content = alert_content.content(notice, watch)
    if old_rates is not None and lead.reading is not None and lead.reading.figures is not None and lead.reading.figures.whole_book:
        content = {**content, "notes": [*content.get("notes", ()), old_rates]}
    body = {
        "content": content,
        "key": notice.thread if lead.kind in ("firing", "still") and not notice.follows else _key(lead),
        "thread": notice.thread if notice.follows else None,
    }
    if notice.withheld is not None:
        body["withheld"] = notice.withheld
    status: MessageStatus = "due" if notice.withheld is None else "withheld"
    by = {"rule": lead.alert.rule, "segment": lead.alert.segment, "transition": lead.transition}
    out = []
    for channel in channels:
        out.append(_message(lead, rules, channel, body, status))
        covered: MessageStatus = "covered" if notice.withheld is None else "withheld"
        out += [_message(event, rules, channel, {"by": by}, covered) for event in notice.events[1:]]
    return out


def _message(event: Event, rules: Mapping[str, AnyRule], channel: str, body: Mapping[str, Any], status: MessageStatus) -> Message:
    assert event.alert.rule in rules
    window = event.window or event.alert.fired_window or (event.alert.fired_on.isoformat() if event.alert.fired_on else "")
    return Message(event.alert.rule, event.alert.segment, window, event.transition, channel, body, status)


def _key(event: Event) -> str:
    return f"{thread_of(event.alert)}|{event.transition}|{event.window}"


def quiet_seconds(quiet: tuple[time, time] | None, at: datetime, timezone: str) -> float:
    """How long it is until nobody is disturbed any more; 0 when nobody is."""
    if quiet is None:
        return 0.0
    zone = ZoneInfo(timezone)
    local = at.astimezone(zone)
    first, last = quiet
    now = local.time().replace(tzinfo=None)
    within = first <= now < last if first < last else (now >= first or now < last)
    if not within:
        return 0.0
    day = local.date() if now < last else local.date() + timedelta(days=1)
    return max(0.0, (datetime.combine(day, last, zone).astimezone(UTC) - at.astimezone(UTC)).total_seconds())
