"""The writer: few transactions, each page's cursor with its rows, and nobody kept waiting."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event

from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.work import idle, jobs, runs
from integrations.store.work.jobs import Job, LeaseLost
from integrations.stripe.page import StripePage
from metrics.evidence import Instant
from worker.ingest import writer as writing
from worker.ingest.writer import Feed, Part, Writer


def claimed(engine: Engine) -> Job:
    """A job that lists subscriptions."""
    with begin(engine) as connection:
        account = accounts.bind(connection, name="default", stripe_id="acct_1", livemode=False)
        jobs.add(connection, [Job("list", runs.start(connection, "sync"), account=account, stream="subscriptions")])
        job = jobs.claim(connection, owner="test", lease_seconds=600)
    assert job is not None
    return job


def part(feed: Feed, number: int, *, last: bool = False) -> Part:
    """A page without objects after which there is a cursor."""
    return Part(feed, (StripePage("subscriptions", Instant(1), 0, has_more=not last),), f"sub_{number}", last=last)


@contextmanager
def started(engine: Engine) -> Iterator[tuple[Writer, list[None]]]:
    """A writer, and a commit of its engine for each element of the list."""
    commits: list[None] = []

    def counted(_connection: object) -> None:
        commits.append(None)

    made = Writer(engine, owner="test", lease_seconds=600, shards=1)
    event.listen(engine, "commit", counted)
    made.start()
    try:
        yield made, commits
    finally:
        made.close()
        event.remove(engine, "commit", counted)


def test_pages_that_come_one_by_one_share_a_transaction(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page is stored at once, since others may be waiting to share the range; the next ones together; the last one at once, with
    all that wait. The cursor is where it would be with one transaction a page."""
    monkeypatch.setattr(writing, "COLLECTING_SECONDS", 60.0)
    job = claimed(engine)
    feed = Feed(job)
    with started(engine) as (writer, commits):
        began = time.monotonic()
        writer.put(part(feed, 0))
        feed.drain()
        assert 1 == len(commits)
        for number in range(1, 9):
            writer.put(part(feed, number))
            time.sleep(0.01)
        assert 1 == len(commits)
        writer.put(part(feed, 9, last=True))
        feed.drain()
        assert time.monotonic() - began < 30
        assert 2 == len(commits)
    with read(engine) as connection:
        [found] = jobs.of_run(connection, job.run_id)
    assert ("done", "sub_9", 10) == (found.status, found.cursor, found.pages)


def test_what_nobody_waits_for_is_stored_soon(engine: Engine) -> None:
    """A reader that waits long for Stripe finds its page stored a moment after it was handed over."""
    job = claimed(engine)
    feed = Feed(job)
    with started(engine) as (writer, commits):
        for number in range(2):
            writer.put(part(feed, number))
            feed.drain()
        assert 2 == len(commits)
        with read(engine) as connection:
            [found] = jobs.of_run(connection, job.run_id)
        assert ("leased", "sub_1", 2) == (found.status, found.cursor, found.pages)
        writer.put(part(feed, 2, last=True))
        feed.drain()


def test_what_was_handed_over_is_stored_at_the_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops doesn't wait for more to come together, and loses nothing that was handed over."""
    monkeypatch.setattr(writing, "COLLECTING_SECONDS", 60.0)
    job = claimed(engine)
    feed = Feed(job)
    began = time.monotonic()
    with started(engine) as (writer, _):
        writer.put(part(feed, 0))
        feed.drain()
        for number in range(1, 4):
            writer.put(part(feed, number))
    assert time.monotonic() - began < 30
    with read(engine) as connection:
        [found] = jobs.of_run(connection, job.run_id)
    assert ("sub_3", 4) == (found.cursor, found.pages)


def test_pages_of_two_claims_under_one_token_never_move_one_cursor(engine: Engine) -> None:
    """The database lost the first claim of a job, which is claimed again under the same token while its first reader is still at it. Their
    pages come in one batch: the first reader's are refused, and the cursor is where the second one is."""
    job = claimed(engine)
    lost, held = Feed(replace(job, nonce="of the claim that was lost", cursor="sub_25")), Feed(job)
    writer = Writer(engine, owner="test", lease_seconds=600, shards=1)
    for each in (part(held, 0), part(lost, 26), part(held, 1), part(lost, 27, last=True)):
        writer.put(each)
    writer.start()
    try:
        held.drain()
        with pytest.raises(LeaseLost):
            lost.drain()
    finally:
        writer.close()
    with read(engine) as connection:
        [found] = jobs.of_run(connection, job.run_id)
    assert ("leased", "sub_1", 2) == (found.status, found.cursor, found.pages)


def test_a_list_is_cut_for_a_process_that_has_nothing_to_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has as many readers as Stripe is worth, so it isn't cut; where another process is idle it is, once for each page that comes."""
    monkeypatch.setattr(idle, "FORGOTTEN_AFTER", timedelta(minutes=5))
    job = claimed(engine)
    feed = Feed(job)
    writer = Writer(engine, owner="busy", lease_seconds=600, shards=24)
    writer.start()

    def read_to(reached: int) -> int:
        page = StripePage("subscriptions", Instant(reached), 0, has_more=True)
        at = Instant(reached)
        writer.put(Part(feed, (page,), f"sub_{reached}", reached=at, page_seconds=1_000.0, objects=100, answer_seconds=0.0))
        feed.drain()
        with read(engine) as connection:
            return len(jobs.of_run(connection, job.run_id))

    try:
        assert 1 == read_to(1_700_000_000)
        with begin(engine) as connection:
            idle.note(connection, "busy", [job.run_id])
        assert 1 == read_to(1_699_000_000)
        with begin(engine) as connection:
            idle.note(connection, "idle", [job.run_id])
        assert 2 == read_to(1_698_000_000)
        assert 3 == read_to(1_697_000_000)
    finally:
        writer.close()
    with read(engine) as connection:
        kept, *cut = sorted(jobs.of_run(connection, job.run_id), key=lambda each: each.id)
    # What is left is the newest part, and the others lie below it without a gap.
    edges = sorted(((each.until or 0, each.since or 0) for each in (kept, *cut)), reverse=True)
    assert [below for below, _ in edges[1:]] == [since for _, since in edges[:-1]]
    assert (None, kept.since) == (min(cut, key=lambda each: each.since or 0).since, edges[0][1])
    assert {each.status for each in cut} == {"due"}
