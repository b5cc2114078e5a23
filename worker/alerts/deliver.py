"""Sending what stands in the outbox: claim, hand over, write down how it ended; each in a transaction of its own.

A channel that is found dead is put out of use, what waits for it goes by the others, and they are told. An answer that leaves a doubt
is recorded; the message is repeated once, after a while and with a mark, and then left to a person.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from integrations.dashboard import dashboard
from integrations.notify.delivery import Attachment, Outcome, Parcel
from integrations.store.alerts import alerts as store
from integrations.store.alerts import outbox
from integrations.store.alerts.outbox import Message, MessageLost, Posted
from integrations.store.db.clock import now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts.customers import contacts, customer_merge
from integrations.store.figures import reports
from integrations.store.work import jobs
from integrations.store.work.jobs import Job
from metrics.alerts import content as alert_content
from metrics.alerts import sample as alert_sample
from worker.alerts.addressed import addressed, named_by
from worker.alerts.alerting import Alerting
from worker.alerts.evaluate import usable_channels
from worker.alerts.in_use import disabled, put_out_of_use, take_up_again
from worker.execution.log import logger

log = logger(__name__)

LEASE_SECONDS: Final = 240.0
"""Longer than the tries of one delivery can take."""
REPEAT_SECONDS: Final = 600.0
"""A message that may have arrived is repeated after so long."""
LONGEST_DELAY_SECONDS: Final = 3_600.0
GIVE_UP: Final = timedelta(days=3)
"""What could not be sent for so long is no news any more."""
MOST_ATTACHED_BYTES: Final = 10_000_000
"""What is larger than that together, many mail servers refuse."""
MEDIA: Final = {".html": "text/html", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
MOST_DOUBTS: Final = 2
"""After so many tries that nobody knows the end of, a message is left alone."""


@dataclass(slots=True)
class Sent:
    """How many messages ended how."""

    sent: int = 0
    again: int = 0
    ambiguous: int = 0
    failed: int = 0
    dead: list[str] = field(default_factory=list)


def do_send(alerting: Alerting, job: Job) -> None:
    """Send as a job. What can't be sent now waits in the outbox and doesn't keep the job."""
    send_due(alerting)
    with begin(alerting.engine) as connection:
        jobs.finish(connection, job)


def send_due(alerting: Alerting) -> Sent:
    """Send everything that is due, by every channel that is in use."""
    done = Sent()
    with begin(alerting.engine) as connection:
        take_up_again(connection, alerting)
    while True:
        with begin(alerting.engine) as connection:
            usable = usable_channels(connection, alerting)
            posted = outbox.claim(connection, LEASE_SECONDS, usable) if usable else None
        if posted is None:
            return done
        _send(alerting, posted, done)


def _send(alerting: Alerting, posted: Posted, done: Sent) -> None:
    message = posted.message
    if posted.doubts > MOST_DOUBTS:
        outcome = Outcome("ambiguous", posted.last_error or "senders died while they held it")
    else:
        with read(alerting.engine) as connection:
            parcel = _parcel(connection, alerting, posted, now(connection))
        outcome = alerting.channels[message.channel].deliver(parcel)
    try:
        with begin(alerting.engine) as connection:
            _settle(connection, alerting, posted, outcome, done)
    except MessageLost:
        log.warning("message_lost", message=posted.id, channel=message.channel)
        return
    about: dict[str, Any] = {"message": posted.id, "rule": message.rule, "channel": message.channel, "end": outcome.end}
    (log.info if outcome.end == "sent" else log.warning)("message_handed_over", **about, why=outcome.why)


def _parcel(connection: Connection, alerting: Alerting, posted: Posted, at: datetime) -> Parcel:
    body = posted.message.body
    content: Mapping[str, Any] = body["content"]
    if content.get("customers"):
        ids = [str(c["customer"]) for c in content["customers"]]
        if alerting.watch.names:
            found = contacts.named(connection, ids)
            content = alert_content.named(dict(content), {key: who.name for key, who in found.items() if who.name})
        content = alert_content.linked(dict(content), _addresses(connection, ids))
    files, missing = _attached(connection, body.get("attach") or ())
    if missing:
        content = {**content, "notes": [*content.get("notes", ()), *missing]}
    thread = body.get("thread")
    root = outbox.told(connection, thread, posted.message.channel) if thread else None
    return Parcel(
        content=content,
        key=str(body["key"]),
        at=at,
        thread=thread if root is not None else None,
        root={} if root is None else root.progress,
        repeat=posted.doubts > 0,
        files=files,
        progress=posted.progress,
    )


def _addresses(connection: Connection, customers: Sequence[str]) -> dict[str, str]:
    """Where customers are in Stripe's dashboard: of several Stripe customers that are one, the first."""
    rows = {row.id: row for row in accounts.everything(connection)}
    out = {}
    for name, members in customer_merge.members_of(connection, customers).items():
        for account, customer in members[:1]:
            row = rows.get(account)
            found = row and dashboard(customer, account=row.stripe_id if len(rows) > 1 else "", livemode=row.livemode)
            if found:
                out[name] = found
    return out


def _attached(connection: Connection, numbers: Sequence[int]) -> tuple[tuple[Attachment, ...], list[str]]:
    """The files of reports as they were made; and what is to be said of those that can't go along."""
    files: list[Attachment] = []
    missing = []
    room = MOST_ATTACHED_BYTES
    for number in numbers:
        made = reports.get(connection, number)
        if made is None:
            continue
        path = Path(made.path)
        if made.bytes > room:
            missing.append(f"{path.name} is too large to be attached; it lies at {path}.")
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            missing.append(f"{path.name} is not attached: {path} can't be read ({error.strerror}).")
            continue
        if hashlib.sha256(data).hexdigest() != made.digest:
            missing.append(f"{path.name} is not attached: {path} is no longer the file that was made.")
            continue
        room -= len(data)
        files.append(Attachment(path.name, MEDIA.get(path.suffix, "application/octet-stream"), data))
    return tuple(files), missing


def _settle(connection: Connection, alerting: Alerting, posted: Posted, outcome: Outcome, done: Sent) -> None:
    """Write down how a delivery ended. Raises MessageLost."""
    progress = {**posted.progress, **outcome.progress}
    match outcome.end:
        case "sent":
            outbox.sent(connection, posted, progress)
            done.sent += 1
        case "again":
            if now(connection) - posted.created_at > GIVE_UP:
                outbox.failed(connection, posted, f"given up: {outcome.why}", progress)
                _by_the_others(connection, alerting, posted)
                done.failed += 1
            else:
                backoff = min(LONGEST_DELAY_SECONDS, 15.0 * 2 ** min(posted.attempts, 12))
                outbox.again(connection, posted, outcome.why, max(backoff, outcome.wait_seconds), progress)
                done.again += 1
        case "ambiguous":
            if posted.doubts >= 1:
                outbox.ambiguous(connection, posted, outcome.why, progress)
            else:
                outbox.again(connection, posted, outcome.why, REPEAT_SECONDS, progress, doubtful=True)
            done.ambiguous += 1
        case "failed":
            outbox.failed(connection, posted, outcome.why, progress)
            _by_the_others(connection, alerting, posted)
            done.failed += 1
        case "dead":
            outbox.failed(connection, posted, outcome.why, progress)
            _put_out_of_use(connection, alerting, posted, outcome.why)
            done.dead.append(posted.message.channel)


def _put_out_of_use(connection: Connection, alerting: Alerting, posted: Posted, why: str) -> None:
    """Nothing is sent through this channel any more; what waits for it goes by the others, which are told."""
    channel = posted.message.channel
    fresh = put_out_of_use(connection, alerting, channel, why)
    waiting = outbox.waiting(connection, channel)
    outbox.fail_due(connection, channel, disabled(why))
    for each in (posted, *waiting):
        _by_the_others(connection, alerting, each)
    if fresh:
        at = now(connection)
        body = {"content": channel_content(channel, why), "key": f"channel|{channel}|{at.isoformat()}", "thread": None}
        others = addressed(alerting.watch, (), usable_channels(connection, alerting))
        outbox.enqueue(
            connection,
            [Message("channel", channel, at.date().isoformat(), f"dead:{at.isoformat()}", other, body) for other in others],
        )


def _by_the_others(connection: Connection, alerting: Alerting, posted: Posted) -> None:
    """Let the other channels that it goes by tell it, if they don't already; if there are none, all others."""
    m = posted.message
    usable = [name for name in usable_channels(connection, alerting) if name != m.channel]
    others = addressed(alerting.watch, named_by(alerting.watch, m.rule), usable)
    outbox.enqueue(connection, [Message(m.rule, m.segment, m.window, m.transition, other, m.body) for other in others])


def channel_content(channel: str, why: str) -> dict[str, Any]:
    """The message about a channel that is out of use."""
    name = {"slack": "Slack", "email": "The mail server", "teams": "Microsoft Teams", "webhook": "The webhook"}.get(
        channel, f"The channel {channel}"
    )
    return {
        "kind": "channel",
        "title": f"{name} takes no alerts any more",
        "summary": f"{why}. Nothing is sent there until it is mended or its secret is changed; this channel tells what it would have told.",
        "commands": [["Mended? Then", f"nrr alerts test --channel {channel}"]],
    }


def send_sample(alerting: Alerting, channel: str, at: datetime) -> Outcome:
    """Send a marked sample past the outbox. A channel that takes it is in use again."""
    key = f"sample|{channel}|{at.isoformat()}"
    outcome = alerting.channels[channel].deliver(Parcel(alert_sample.sample(alerting.watch, at.date()), key, at))
    if outcome.end == "sent":
        with begin(alerting.engine) as connection:
            store.enable(connection, channel)
    return outcome
