"""Reading Stripe, job by job: plans, lists, events, single objects, marks.

Each function does one kind of job and ends it in the transaction of its last effect. What to read was decided in `plan`, where to cut
in `range_split`; storing is `writer`'s. Everything read is stored under the job's token, so a reader that was overtaken commits nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.facts import catalog as stored_catalog
from integrations.store.facts import lookups, quarantine, recheck
from integrations.store.facts.accounts import AccountRefused
from integrations.store.facts.recheck import Recheck
from integrations.store.work import cursors, jobs, runs
from integrations.store.work.jobs import Job
from integrations.stripe.errors import BadRequest, Refused, Transient, UnknownEndpoint
from integrations.stripe.page import StripePage
from integrations.stripe.reader import Reader
from integrations.stripe.streams import READ_AGAIN, Stream, named_kind
from integrations.stripe.streams import STREAMS as DECLARED
from metrics.evidence import EventFact, Instant, InvoiceEvidence
from metrics.periods import CLOCKS_AGREE_SECONDS
from metrics.pricing.catalog import Catalog
from worker.execution.crew import Handler
from worker.execution.job_data import read_as, stored
from worker.execution.stop import Stop
from worker.ingest import clocks, coupons, lagging, plan
from worker.ingest.accounts import Sources
from worker.ingest.coupons import Bearer
from worker.ingest.jobs import BackfillPlanning, EventReading, ListReading, MarkPositions, Planning
from worker.ingest.pace import Pace
from worker.ingest.plan import Known, Plan, Planned
from worker.ingest.writer import Feed, Part, Writer

CATCH_UP_AFTER: Final = timedelta(hours=1)
"""A sync that began so long ago looks once more at what happened since."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """What reading needs. `moved` is told of progress, `report` of each page with the stream and the number of objects."""

    engine: Engine
    sources: Sources
    writer: Writer
    stop: Stop
    pace: Pace
    pretended: Instant | None
    """The instant that is used as the current time (`--now`); None asks Stripe."""
    moved: Callable[[Job], None]
    report: Callable[[str, int], None]


def handlers(ingest: Ingest) -> dict[str, Handler]:
    """The kinds of jobs that read Stripe."""
    return {
        "plan": with_the_key_in_force(ingest, do_plan),
        "list": with_the_key_in_force(ingest, do_list),
        "events": with_the_key_in_force(ingest, do_events),
        "open_invoices": with_the_key_in_force(ingest, do_open_invoices),
        "mark": partial(do_mark, ingest),
    }


def with_the_key_in_force(ingest: Ingest, do: Callable[[Ingest, Job], None]) -> Handler:
    """A job that is done again with the new key, should the old one be refused because it was changed under this process."""

    def done(job: Job) -> None:
        refused = None if job.account is None else ingest.sources.of(job.account)
        try:
            do(ingest, job)
        except Refused as error:
            if refused is None or job.account is None or not ingest.sources.renewed(job.account, refused):
                raise
            raise Transient(
                error.stream, f"{error} The key was changed meanwhile: it is tried again with the one in force"
            ) from error

    return done


# --- plans ------------------------------------------------------------------------------------------------------------------------


def do_plan(ingest: Ingest, job: Job) -> None:
    """Decide what to read for one account and write it down as jobs of the same run, in the stages after this one."""
    asked = read_as(Planning, job)
    account = ingest.sources.bound(asked.account)
    if job.account not in (None, account):
        raise AccountRefused(
            f"the key for account {asked.account!r} is of another account than the one to be read; nothing was read"
        )
    reader = ingest.sources.of(account)
    told = present(reader, ingest.pretended, ingest.sources.told_at(asked.account))
    with begin(ingest.engine) as connection:
        now = told if ingest.pretended is not None else clocks.earlier(told, database_now(connection))
        clocks.note(
            connection, account, clocks.apart(reader, told, database_now(connection), pretended=ingest.pretended is not None)
        )
        clocks.take_back(connection, account, now)
        wanted = read_as(BackfillPlanning, job) if asked.what == "backfill" else asked
        made = planned(wanted, known(connection, account), now, ingest.pace)
        # What an audit changes is told from what was known before by when it was learnt.
        began = database_now(connection) if made.reason == "audit" else None
        jobs.add(connection, (as_job(_begun(each, began), job, account) for each in made.jobs))
        jobs.finish(connection, job)


def planned(asked: Planning, held: Known, now: Instant, pace: Pace) -> Plan:
    """The plan for what was asked: a sync, an audit or a backfill."""
    match asked:
        case BackfillPlanning():
            return plan.backfill(asked.streams or plan.STREAMS, asked.since, asked.until, now, pace)
        case Planning(what="audit"):
            return plan.audit(now, held, pace)
        case _:
            return plan.sync(held, now, pace)


def _begun(each: Planned, at: datetime | None) -> Planned:
    """A job of an audit that knows when it began; any other as it is."""
    return each if at is None or isinstance(each.data, MarkPositions) else replace(each, data=replace(each.data, learnt_from=at))


def present(reader: Reader, pretended: Instant | None, told_at: Instant | None = None) -> Instant:
    """The present of an account: Stripe's clock, or the instant that `--now` gave. A mark must never run ahead of Stripe's own clock, or what
    happens until then would be taken for read."""
    told = stripe_now(reader, told_at)
    return told if pretended is None else min(pretended, told)


def stripe_now(reader: Reader, told_at: Instant | None = None) -> Instant:
    """The present by Stripe's own clock, which dates everything that is read: ours may be a day off.

    One answer is not believed against our own clock: where they disagree it is asked for once more, and what is nearer to ours counts.
    `told_at` is the Date of an answer of a moment ago, which spares asking: a present that is seconds old only has more read twice.
    """
    first = next(reader.pages("products")).observed_at if told_at is None else told_at
    if not reader.is_stripe or abs(reader.clock_apart_seconds) <= CLOCKS_AGREE_SECONDS:
        return first
    return max(first, next(reader.pages("products")).observed_at)


def known(connection: Connection, account: int) -> Known:
    """What an account's marks say."""
    held = {stream: Instant(cursor.position) for stream, cursor in cursors.of_account(connection, account).items()}
    events_until = held.pop(cursors.EVENTS, None)
    return Known(events_until, held)


def as_job(each: Planned, after: Job, account: int) -> Job:
    """A planned job as a row of the run of the job that planned it."""
    return Job(
        each.kind,
        after.run_id,
        account=account,
        stream=each.stream,
        stage=after.stage + 1 + each.stage,
        priority=each.priority,
        since=each.since,
        until=each.until,
        data=stored(each.data),
        dedupe_key=_key(each, after, account),
    )


def _key(each: Planned, after: Job, account: int) -> str:
    """Planning a second time, after a crash, writes nothing down twice."""
    return f"{after.run_id}:{after.id}:{account}:{each.kind}:{each.stream}:{each.stage}"


# --- ranges of a list -------------------------------------------------------------------------------------------------------------


def do_list(ingest: Ingest, job: Job) -> None:
    """Read what is left of a range of a list, and what it leaves out of the coupons that it names."""
    asked = coupons.AskedCoupons()
    _read_range(ingest, job, lambda page: left_out(ingest, job, page, asked))


def do_events(ingest: Ingest, job: Job) -> None:
    """Read what is left of a range of events, and again each object that an event not seen before names."""
    assert job.account is not None
    reader = ingest.sources.of(job.account)
    reread_from = read_as(EventReading, job).reread_from
    again: set[tuple[str, str]] = set()
    asked = coupons.AskedCoupons()

    def follow(page: StripePage) -> Iterable[StripePage]:
        yield from left_out(ingest, job, page, asked)
        with read(ingest.engine) as connection:
            seen = lookups.known_events(connection, job.account or 0, [event.id for event in page.events])
        wanted = to_read_again(page.events, seen, reread_from)
        for kind, object_id in wanted:
            if (kind, object_id) not in again:
                again.add((kind, object_id))
                ingest.stop.check()
                in_background(ingest, job)
                told = reader.single(kind, object_id)
                _note_lag(ingest, job.account or 0, kind, object_id, page, told)
                yield told
                yield from left_out(ingest, job, told, asked)

    _read_range(ingest, job, follow)


def _note_lag(ingest: Ingest, account: int, kind: str, object_id: str, page: StripePage, told: StripePage) -> None:
    """Have an object read again that was told older than the newest event of a page says."""
    if READ_AGAIN[kind].part != "customers":
        return
    about = [event for event in page.events if object_id == _named_by(event) and named_kind(event.type) == kind]
    newest = max(about, key=lambda event: (event.created, event.id), default=None)
    if newest is None:
        return
    states = [s for s in page.subscriptions if s.subscription.id == object_id]
    customers = [s for s in page.customers if s.customer.id == object_id]
    with read(ingest.engine) as connection:
        if states:
            states += lookups.subscription_states(connection, account, states[0].subscription.customer, object_id)
        if customers:
            customers += lookups.customer_states(connection, account, object_id)
    if not lagging.behind(kind, newest, told, states, customers):
        return
    with begin(ingest.engine) as connection:
        recheck.note(connection, [Recheck(account, kind, object_id, newest.id)], lagging.DELAYS_SECONDS[0])


def _named_by(event: EventFact) -> str | None:
    """The object that an event names to be read again, if it does."""
    match named_kind(event.type):
        case "subscription":
            return event.subscription
        case "customer":
            return event.customer
        case "invoice":
            return event.invoice
        case None:
            return None
    return event.object_id


def to_read_again(events: Sequence[EventFact], seen: set[str], since: Instant) -> list[tuple[str, str]]:
    """Which objects to read again because of `events`: those that a new event from `since` on names, each once, in order."""
    found: dict[tuple[str, str], None] = {}
    for event in events:
        if event.id in seen or event.created < since:
            continue
        kind, object_id = named_kind(event.type), _named_by(event)
        if kind is None or not object_id:
            continue
        gone = READ_AGAIN[kind].part == "catalog" and event.type.endswith(".deleted")
        if not gone:
            found[kind, object_id] = None
    return list(found)


def left_out(ingest: Ingest, job: Job, page: StripePage, asked: coupons.AskedCoupons) -> Iterable[StripePage]:
    """What the answers of single objects add to a page that names coupons of which too little is known."""
    assert job.account is not None
    found = list(coupons.bearers(page))
    if not found:
        return
    reader = ingest.sources.of(job.account)
    known = partial(_coupons, ingest, job.account, page)
    for bearer in asked.news(coupons.wanting(found, known(found))):
        ingest.stop.check()
        with suppress(
            UnknownEndpoint, BadRequest
        ):  # then what is lacking stays so, and is reported with every figure that rests on it
            answer = _by_bearer(reader, bearer)
            yield answer
            if coupons.wanting([bearer], known([bearer], answer)) and asked.first(bearer):
                yield reader.coupon(bearer.discount.coupon or "")


def _coupons(ingest: Ingest, account: int, page: StripePage, found: Sequence[Bearer], answer: StripePage | None = None) -> Catalog:
    """What is known of the coupons that `found` carries, with what a page and an answer say that aren't stored yet."""
    ids = sorted({bearer.discount.coupon or "" for bearer in found})
    met = [*page.inline_coupons, *(answer.inline_coupons if answer is not None else ())]
    with read(ingest.engine) as connection:
        return stored_catalog.of_coupons(connection, account, ids, [coupon for coupon in met if coupon.id in ids])


def _by_bearer(reader: Reader, bearer: Bearer) -> StripePage:
    match bearer.way:
        case "subscription":
            return reader.subscription(bearer.object_id)
        case "items":
            return reader.subscription_with_coupons(bearer.object_id)
        case "customer":
            return reader.customer(bearer.object_id)
        case "invoice":
            return reader.invoice(bearer.object_id)
        case "lines":
            return reader.invoice_with_coupons(bearer.object_id)


def _read_range(ingest: Ingest, job: Job, follow: Callable[[StripePage], Iterable[StripePage]]) -> None:
    """Page through a range, newest first, storing each page with what follows from it; the range may be cut on the way."""
    assert job.account is not None
    reader = ingest.sources.of(job.account)
    feed = Feed(job)
    with _stored_in_any_case(feed):
        _read_into(ingest, reader, feed, follow)


@contextmanager
def _stored_in_any_case(feed: Feed) -> Iterator[None]:
    """What was handed over is good, whatever comes after it: it is stored under the job's token before the job is released."""
    try:
        yield
    except Exception:
        with suppress(Exception):
            feed.drain()
        raise


def _read_into(ingest: Ingest, reader: Reader, feed: Feed, follow: Callable[[StripePage], Iterable[StripePage]]) -> None:
    job = feed.job
    cursor, pace = job.cursor, _Span(job.until)
    while True:
        since = feed.since
        for page in _in_turn(ingest, job, _pages(reader, job, since, cursor)):
            cursor = page.next_cursor
            pace.page(page)
            following = tuple(follow(page))
            last = not page.has_more
            part = Part(feed, (page, *following), cursor, pace.reached, pace.seconds, last, page.objects, pace.answer_seconds)
            ingest.writer.put(part)
            ingest.report(job.stream, page.objects)
            ingest.moved(job)
            if last:
                feed.drain()
                return
            ingest.stop.check()
            if feed.since != since:
                break
        if pace.reached is not None and feed.since is not None and pace.reached < feed.since:
            ingest.writer.put(Part(feed, (), cursor, pace.reached, last=True))
            feed.drain()
            return


def _pages(reader: Reader, job: Job, since: Instant | None, cursor: str | None) -> Iterator[StripePage]:
    until = None if job.until is None else Instant(job.until)
    return reader.pages(job.stream, since=since, until=until, cursor=cursor)


def _in_turn(ingest: Ingest, job: Job, pages: Iterator[StripePage]) -> Iterator[StripePage]:
    """Pages, each asked for when it is its turn."""
    while True:
        in_background(ingest, job)
        page = next(pages, None)
        if page is None:
            return
        yield page


def in_background(ingest: Ingest, job: Job) -> None:
    """Wait for a turn of the share that is left to what nobody waits for, if the job is of that sort."""
    if read_as(ListReading, job).audit and job.account is not None:
        ingest.sources.of(job.account).wait_in_background()


class _Span:
    """How far a list has been read, how much time a page of it covers and how long one takes to come: means, the latest counting most."""

    def __init__(self, until: int | None) -> None:
        self._top = until
        self.reached: Instant | None = None
        self.seconds = 0.0
        self.answer_seconds: float | None = None

    def page(self, page: StripePage) -> None:
        if page.answer_seconds is not None:
            held = page.answer_seconds if self.answer_seconds is None else self.answer_seconds
            self.answer_seconds = (held + page.answer_seconds) / 2
        if page.oldest is None:
            return
        if self.reached is None:
            top = page.observed_at if self._top is None else min(self._top, page.observed_at)
            self.seconds = float(max(0, top - page.oldest))
        else:
            self.seconds = (self.seconds + max(0, self.reached - page.oldest)) / 2
        self.reached = page.oldest


# --- single objects and marks -----------------------------------------------------------------------------------------------------


def do_open_invoices(ingest: Ingest, job: Job) -> None:
    """Read the invoices again, one by one, that were not settled when we last heard of them."""
    assert job.account is not None
    reader = ingest.sources.of(job.account)
    before = None if job.until is None else Instant(job.until)
    with read(ingest.engine) as connection:
        open_now = lookups.unsettled_invoices(connection, job.account, created_before=before)
    account = job.account

    def looked_up(invoice: str) -> StripePage:
        return _deleted_draft(ingest, account, invoice, reader.invoice(invoice))

    wanted = [invoice for invoice in open_now if job.cursor is None or invoice > job.cursor]
    one_by_one(ingest, job, ((invoice, partial(looked_up, invoice)) for invoice in wanted))


def one_by_one(ingest: Ingest, job: Job, objects: Iterable[tuple[str, Callable[[], StripePage]]]) -> None:
    """Read single objects, each when it is its turn, store each with its id as the job's cursor, and finish the job."""
    feed = Feed(job)
    with _stored_in_any_case(feed):
        for object_id, looked_up in objects:
            in_background(ingest, job)
            page = looked_up()
            ingest.writer.put(Part(feed, (page,), object_id, objects=page.objects))
            ingest.report(job.stream, page.objects)
            ingest.moved(job)
            ingest.stop.check()
        ingest.writer.put(Part(feed, (), last=True))
        feed.drain()


def _deleted_draft(ingest: Ingest, account: int, invoice_id: str, page: StripePage) -> StripePage:
    """The page as it is; of a draft that Stripe doesn't know any more, one that says so, so that it is not looked for every night."""
    if not any(each.reason == "gone" for each in page.rejected):
        return page
    with read(ingest.engine) as connection:
        draft = lookups.draft(connection, account, invoice_id)
    return page if draft is None else replace(page, invoices=(InvoiceEvidence(replace(draft, status=lookups.DELETED)),))


def do_mark(ingest: Ingest, job: Job) -> None:
    """Move the account's marks: everything before them is complete. A mark never goes back."""
    assert job.account is not None
    marks = read_as(MarkPositions, job)
    complete = {**marks.listed, **({} if marks.events_until is None else {cursors.EVENTS: marks.events_until})}
    with begin(ingest.engine) as connection:
        held = cursors.of_account(connection, job.account)
        refused = {stream for stream, each in DECLARED.items() if each.forgone and _is_refused(connection, job.account, each)}
        for stream, position in sorted(complete.items()):
            if stream in refused:
                continue  # once the key may read it, it is listed whole
            before = held.get(stream)
            if before is None or before.position <= position:
                cursors.move(connection, job.account, stream, before.position if before else None, position)
        if ingest.pretended is None:
            _catch_up(connection, job)
        jobs.finish(connection, job)


def _catch_up(connection: Connection, mark: Job) -> None:
    """A sync that was planned long ago (a first read of hours, or one that was cut off and gone on with the next day) plans once more: who asks
    for a sync asks to be up to date, and what is compared or summed up next is of now. Once a run, so that it ends."""
    run = runs.get(connection, mark.run_id)
    if run is None or run.kind != "sync" or database_now(connection) - run.started_at < CATCH_UP_AFTER:
        return
    first, *more = [each for each in jobs.of_run(connection, run.id) if each.kind == "plan" and each.account == mark.account]
    if not more:
        again = replace(first, stage=mark.stage + 1, dedupe_key=f"{run.id}:{first.id}:again")
        jobs.add(connection, [again])


def _is_refused(connection: Connection, account: int, stream: Stream) -> bool:
    return quarantine.holds(connection, account, stream.name, stream.path)
