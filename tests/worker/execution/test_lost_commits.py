"""The database loses what was committed last, under a reader that goes on: nothing is passed over for it."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.work import jobs
from integrations.store.work.jobs import Job, LeaseLost
from integrations.store.work.runs import start
from metrics.evidence import Instant
from tests.services.rewind import Photo, photographed, put_back
from tests.worker.conftest import Wire
from tests.worker.ingest.test_read import held
from tests.worker.stripe_fake import FakeStripe
from worker.runs import steps


@pytest.mark.parametrize(("taken_at", "lost_at"), [(4, 9), (12, 14), (2, 25)])
def test_a_reader_goes_on_from_what_is_stored(engine: Engine, wire: Wire, taken_at: int, lost_at: int) -> None:
    """Some pages are lost in the middle of a list: whoever reads it finds out at the next page, and they are read again."""
    stripe = FakeStripe()
    stripe.fill(400)
    photo: list[Photo] = []
    one_by_one, pages = threading.Lock(), 0

    def lose(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        nonlocal pages
        with one_by_one:
            pages += stream == "subscriptions"
            if pages == taken_at and not photo:
                photo.append(photographed(engine))
            if pages == lost_at and len(photo) == 1:
                put_back(engine, photo[0])
                photo.append({})

    stripe.before_page = lose
    wiring = wire(default=stripe)
    report = steps.sync(replace(wiring, terms=replace(wiring.terms, lease_seconds=2.0)))
    assert (2, "done") == (len(photo), report.status)
    assert (400, 400) == (held(engine, "subscription_state"), held(engine, "customer_state"))


def claimed(engine: Engine) -> Job:
    """A job of a list, held."""
    with begin(engine) as connection:
        run = start(connection, "sync")
        jobs.add(connection, [Job("list", run, stream="invoices", since=0, until=100)])
    with begin(engine) as connection:
        job = jobs.claim(connection, owner="one", lease_seconds=60)
    assert job is not None
    return job


def test_a_claim_that_was_lost_is_not_the_claim_that_was_made_after_it(engine: Engine) -> None:
    """Both have the same token: only the nonce tells them apart."""
    with begin(engine) as connection:
        run = start(connection, "sync")
        jobs.add(connection, [Job("list", run, stream="invoices")])
    before = photographed(engine)
    with begin(engine) as connection:
        one = jobs.claim(connection, owner="one", lease_seconds=60)
    put_back(engine, before)
    with begin(engine) as connection:
        two = jobs.claim(connection, owner="two", lease_seconds=60)
    assert one is not None
    assert two is not None
    assert one.token == two.token
    for change in (jobs.finish, jobs.hold, jobs.release):
        with pytest.raises(LeaseLost), begin(engine) as connection:
            change(connection, one)
    with begin(engine) as connection:
        assert [True, False] == [jobs.is_taken_over(connection, job) for job in (one, two)]
        jobs.finish(connection, two)


def test_nothing_is_built_on_a_cursor_that_is_not_there(engine: Engine) -> None:
    """To advance, to cut and to finish a job, its holder must know where it stands."""
    job = claimed(engine)
    with begin(engine) as connection:
        stored = jobs.advance(connection, job, cursor="in_5", since=0, until=60, pages=1, objects=9, lease_seconds=60)
    assert ("in_5", 0, 60) == (stored.cursor, stored.since, stored.until)
    with pytest.raises(LeaseLost), begin(engine) as connection:
        jobs.advance(connection, job, cursor="in_7", since=0, until=40, pages=1, objects=9, lease_seconds=60)
    with pytest.raises(LeaseLost), begin(engine) as connection:
        jobs.split(connection, job, [50])
    with pytest.raises(LeaseLost), begin(engine) as connection:
        jobs.finish(connection, job)
    with begin(engine) as connection:
        jobs.finish(connection, jobs.split(connection, stored, [50]))
