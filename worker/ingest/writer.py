"""One writer for all readers of a process: pages go into the database in as few transactions as keep up.

Readers wait for Stripe most of the time, the database wants few and large transactions. So every reader hands its pages to one
writer, which takes whatever has come in meanwhile and stores it in one transaction: first each job's cursor, moved under its lease
and token (a job whose lease was lost falls out here, with what it read), then the facts of all the others. While one transaction
is under way the next one collects itself, and where Stripe is the bottleneck it waits a moment for more, unless somebody waits for it:
a reader at its end, or one that has just begun and whose range others are to share.

Readers together are at most `PAGES_WAITING` pages ahead of what is stored, so memory is bounded whatever the account's size. Nothing is tried again
here: a transaction that fails gives its jobs back, and they go on from the cursor that was committed. Nothing is decided about what
pages mean either.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine

from integrations.store.db.clock import now
from integrations.store.db.engine import begin
from integrations.store.db.outage import may_pass
from integrations.store.facts import quarantine
from integrations.store.facts import write as write_facts
from integrations.store.work import idle, jobs
from integrations.store.work.jobs import Job, LeaseLost
from integrations.stripe.page import StripePage
from metrics.evidence import Instant
from worker.execution.tuning import share_heaps
from worker.ingest import range_split
from worker.ingest import translate as translated

PAGES_WAITING: Final = 48
"""Parts of all readers that may wait to be stored or are being stored: about two transactions."""

COLLECTING_SECONDS: Final = 0.35
"""So long a transaction that nobody waits for takes in what comes: some fifteen pages where Stripe's limits are used up."""

OBJECTS_PER_COMMIT: Final = 3_000
"""A transaction takes no further part once it holds this many objects: five to ten thousand rows."""


class Feed:
    """What one job's reader and the writer know of each other. The reader calls `drain`, the writer the rest."""

    def __init__(self, job: Job) -> None:
        self.job = job
        """The job as it was last stored: whatever follows must find it so."""
        self.has_stored = False
        """Whether anything of it was stored since it was claimed."""
        self._waiting = 0
        self._failed: BaseException | None = None
        self._changed = threading.Condition()

    @property
    def since(self) -> Instant | None:
        """Where the job's range begins now: it rises when its lower part is handed to others."""
        return None if self.job.since is None else Instant(self.job.since)

    def drain(self) -> None:
        """Block until everything handed over is stored. Raises what the writer met."""
        with self._changed:
            self._changed.wait_for(lambda: self._failed is not None or not self._waiting)
            if self._failed is not None:
                raise self._failed

    def handed_over(self) -> None:
        """One part more waits. Raises what the writer met."""
        with self._changed:
            if self._failed is not None:
                raise self._failed
            self._waiting += 1

    def settled(self, parts: int, failed: BaseException | None = None) -> None:
        """So many parts fewer wait."""
        with self._changed:
            self.has_stored = True
            self._waiting -= parts
            self._failed = self._failed or failed
            self._changed.notify_all()

    @property
    def failed(self) -> bool:
        """Whether a part was refused: what follows it must not be stored either."""
        return self._failed is not None


@dataclass(frozen=True, slots=True)
class Part:
    """Pages of one job with the cursor to go on from after them. `last`: with them the job is done.

    `reached` is the oldest creation instant read so far, `page_seconds` the time that one page covers: where to cut the rest.
    `answer_seconds` is how long Stripe takes to answer for a page and its parts, which says how many readers the list is worth.
    """

    feed: Feed
    pages: tuple[StripePage, ...]
    cursor: str | None = None
    reached: Instant | None = None
    page_seconds: float = 0.0
    last: bool = False
    objects: int = 0
    answer_seconds: float | None = None


class Writer:
    """Runs one thread from `start` to `close`. `put` may be called by many threads."""

    def __init__(
        self,
        engine: Engine,
        *,
        owner: str,
        lease_seconds: float,
        shards: int,
        on_shared: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._on_shared = on_shared
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._shards = shards
        self._queue: queue.SimpleQueue[Part | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(PAGES_WAITING)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to store."""
        share_heaps()
        self._thread.start()

    def close(self) -> None:
        """Store what was handed over, then stop."""
        self._queue.put(None)
        self._thread.join()

    def put(self, part: Part) -> None:
        """Hand pages over; waits while too many are waiting. Raises what an earlier part of the job met."""
        self._room.acquire()
        try:
            part.feed.handed_over()
        except BaseException:
            self._room.release()
            raise
        self._queue.put(part)

    # --- the writer's own thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        over = False
        while not over:
            first = self._queue.get()
            if first is None:
                return
            batch, objects = [first], first.objects
            collecting = not _is_waited_for(first)
            end = time.monotonic() + COLLECTING_SECONDS
            while objects < OBJECTS_PER_COMMIT and len(batch) < PAGES_WAITING:
                try:
                    part = self._queue.get(timeout=max(0.0, end - time.monotonic())) if collecting else self._queue.get_nowait()
                except queue.Empty:
                    break
                if part is None:
                    over = True
                    break
                batch.append(part)
                objects += part.objects
                collecting = collecting and not _is_waited_for(part)
            self._store(batch)

    def _store(self, batch: Sequence[Part]) -> None:
        """Store a batch; there is room for as many pages again. Whatever goes wrong, the readers hear of it: this thread never ends on it."""
        try:
            self._stored(batch)
        except BaseException as error:  # noqa: BLE001  # a reader that isn't told would wait for ever
            for part in batch:
                part.feed.settled(0, error)
        finally:
            self._room.release(len(batch))

    def _stored(self, batch: Sequence[Part]) -> None:
        """Store a batch; if it can't be and holds several jobs, each by itself, so that one job's pages don't harm another's."""
        works = _by_job(batch)
        failure = self._attempt(works)
        if failure is None:
            return
        if len(works) == 1 or may_pass(failure):
            for work in works:
                work.settle(failure)
            return
        for work in works:
            alone = self._attempt([work])
            if alone is not None:
                work.settle(alone)

    def _attempt(self, works: Sequence["_Work"]) -> BaseException | None:
        try:
            with begin(self._engine) as connection:
                moment = now(connection)
                open_jobs: dict[tuple[int, str], int] = {}
                kept = [work for work in works if self._moved(connection, work, moment, open_jobs)]
                self._put(connection, kept)
        except Exception as error:  # noqa: BLE001  # whatever it is belongs to the readers, not to the writer's thread
            return error
        shared = any(work.stored.since != work.feed.job.since for work in kept)
        for work in works:
            work.settle(None if work in kept else LeaseLost(work.feed.job.id, work.feed.job.token))
        if shared:
            self._on_shared()
        return None

    def _moved(self, connection: Connection, work: "_Work", moment: datetime, open_jobs: dict[tuple[int, str], int]) -> bool:
        """Whether the job's cursor could be moved: only then its facts are stored. `open_jobs` counts those of each list, once a transaction."""
        feed, last = work.feed, work.parts[-1]
        if feed.failed:
            return False
        count = {"pages": sum(len(part.pages) for part in work.parts), "objects": sum(part.objects for part in work.parts)}
        try:
            work.stored = jobs.advance(
                connection,
                feed.job,
                cursor=last.cursor,
                since=feed.since,
                until=_left_until(feed.job, last),
                lease_seconds=self._lease_seconds,
                moment=moment,
                **count,
            )
            if last.last:
                jobs.finish(connection, work.stored)
                listed = (feed.job.run_id, feed.job.stream)
                if listed in open_jobs:
                    open_jobs[listed] -= 1
            else:
                work.stored = self._shared(connection, work.stored, last, open_jobs)
        except LeaseLost:
            return False
        return True

    def _shared(self, connection: Connection, job: Job, last: Part, open_jobs: dict[tuple[int, str], int]) -> Job:
        """Hand the lower part of a job's range to others while too few are at its stream; gives the job as it stands then."""
        if last.reached is None or self._shards < 2:
            return job
        listed = (job.run_id, job.stream)
        if listed not in open_jobs:
            open_jobs[listed] = jobs.open_count(connection, *listed)
        since = None if job.since is None else Instant(job.since)
        wanted = range_split.readers(last.answer_seconds, self._shards) - open_jobs[listed]
        if wanted < 1 and idle.is_any(connection, self._owner, job.run_id):
            wanted = 1  # enough for Stripe, and another process has nothing to do
        at = range_split.cuts(since=since, reached=last.reached, page_seconds=last.page_seconds, readers_wanted=wanted)
        open_jobs[listed] += len(at)
        return jobs.split(connection, job, at)

    def _put(self, connection: Connection, works: Sequence["_Work"]) -> None:
        by_account: dict[int, list[StripePage]] = {}
        for work in works:
            account = work.feed.job.account
            assert account is not None, "a job that reads has an account"
            by_account.setdefault(account, []).extend(page for part in work.parts for page in part.pages)
        for account, found in sorted(by_account.items()):
            write_facts.put_page(connection, account, translated.merged(found), now(connection))
            if quarantine.count(connection):
                for kind, ids in translated.readable(found).items():
                    quarantine.clear(connection, account, kind, ids)
            rejected = translated.kept_out(account, (each for page in found for each in page.rejected))
            if rejected:
                quarantine.put(connection, rejected)


def _is_waited_for(part: Part) -> bool:
    """Whether somebody stands still until it is stored: its reader, which has no more to read, or those who are to share its range."""
    return part.last or not part.feed.has_stored


@dataclass(slots=True, eq=False)
class _Work:
    """The parts of one job in a batch."""

    feed: Feed
    parts: list[Part]
    stored: Job

    def settle(self, failure: BaseException | None) -> None:
        if failure is None:
            self.feed.job = self.stored
        self.feed.settled(len(self.parts), failure)


def _by_job(batch: Sequence[Part]) -> list[_Work]:
    """The parts of each reader together, in order of their jobs' ids: transactions of several processes then never wait in a circle.

    By reader, not by job and token: after commits that the database lost, two readers in this process can hold one job under one token, and
    the pages of the one must never move the cursor of the other.
    """
    works: dict[Feed, _Work] = {}
    for part in batch:
        works.setdefault(part.feed, _Work(part.feed, [], part.feed.job)).parts.append(part)
    return sorted(works.values(), key=lambda work: (work.feed.job.id, work.feed.job.token))


def _left_until(job: Job, part: Part) -> int | None:
    """Where what is left of a job's range ends: with the second of the oldest object read. It tells how far the job is."""
    return job.until if part.reached is None else part.reached + 1
