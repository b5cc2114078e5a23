"""Reading an account into the store: everything, once, whoever dies meanwhile."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, update

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.facts import quarantine
from integrations.store.facts.accounts import AccountRefused
from integrations.store.work import cursors, jobs
from integrations.store.work.schema import job as table
from integrations.store.work.schema import run as run_table
from integrations.stripe.errors import Refused, Transient
from metrics.evidence import Instant
from tests.integrations.store import dump
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.execution.stop import Stop
from worker.runs import steps


def dumped(engine: Engine) -> list[str]:
    """The whole content in canonical order."""
    with read(engine) as connection:
        return list(dump.canonical(connection))


def held(engine: Engine, table: str) -> int:
    """How many rows a table has."""
    return sum(f'"table": "{table}"' in line for line in dumped(engine))


def test_first_sync_stores_every_object_once(engine: Engine, wire: Wire) -> None:
    """All pages of all ranges arrive, each object is one row, and the marks say up to when everything is complete."""
    stripe = FakeStripe()
    stripe.fill(437)
    report = steps.sync(wire(default=stripe))
    assert ("done", 437) == (report.status, report.objects["subscriptions"])
    assert (437, 437) == (held(engine, "subscription_state"), held(engine, "customer_state"))
    with read(engine) as connection:
        marks = {stream: each.position for stream, each in cursors.of_account(connection, 1).items()}
    assert stripe.now - 60 == marks["events"]
    assert stripe.now == marks["subscriptions"]


def test_ranges_are_shared_between_readers(engine: Engine, wire: Wire) -> None:
    """A long list is cut while its pages arrive, and no page of it is read twice but at the cuts."""
    stripe = FakeStripe()
    stripe.fill(900)
    report = steps.sync(wire(default=stripe))
    with read(engine) as connection:
        ranges = [job for job in jobs.of_run(connection, report.run_id) if job.kind == "list" and job.stream == "subscriptions"]
    assert len(ranges) > 3
    assert 900 == held(engine, "subscription_state")
    asked = [each for each in stripe.asked if each[0] == "subscriptions"]
    assert len(asked) < 90 + 3 * len(ranges)


def test_sync_twice_changes_nothing(engine: Engine, wire: Wire) -> None:
    """The second sync finds nothing new, and the content is the same to the byte."""
    stripe = FakeStripe()
    stripe.fill(60)
    stripe.change(7, 3)
    steps.sync(wire(default=stripe))
    before = dumped(engine)
    again = steps.sync(wire(default=stripe))
    assert "done" == again.status
    assert before == dumped(engine)


def test_what_changed_since_is_read_by_its_events(engine: Engine, wire: Wire) -> None:
    """A later sync reads events from its mark with overlap, stores their states, and reads each object named again, once."""
    stripe = FakeStripe()
    stripe.fill(60)
    steps.sync(wire(default=stripe))
    stripe.now = Instant(stripe.now + 3_600)
    stripe.change(3, 5)
    stripe.change(3, 6)
    stripe.now = Instant(stripe.now + 3_600)
    stripe.asked.clear()
    report = steps.sync(wire(default=stripe))
    assert 2 == report.objects["events"]
    assert [("sub_000003", None, None, None)] == [each for each in stripe.asked if each[0].startswith("sub_")]
    assert not [each for each in stripe.asked if each[0] == "subscriptions"]
    assert 60 + 2 <= held(engine, "subscription_state")


def test_an_object_that_cannot_be_read_is_kept_out_alone(engine: Engine, wire: Wire) -> None:
    """The others of its page are stored; the object is in quarantine by name, and comes out when it can be read."""
    stripe = FakeStripe()
    stripe.fill(30)
    stripe.poison = {"sub_000011"}
    report = steps.sync(wire(default=stripe))
    assert ("done", 1) == (report.status, report.quarantined)
    assert 29 == held(engine, "subscription_state")
    with read(engine) as connection:
        assert ["sub_000011"] == [each.object_id for each in quarantine.everything(connection)]
    stripe.poison = set()
    stripe.now = Instant(stripe.now + 3_600)
    stripe.change(11, 2)
    stripe.now = Instant(stripe.now + 3_600)
    assert 0 == steps.sync(wire(default=stripe)).quarantined


def test_a_key_of_another_account_is_refused_before_anything_is_written(engine: Engine, wire: Wire) -> None:
    """Neither another account nor the other mode gets into the store under a name that is bound."""
    stripe = FakeStripe()
    stripe.fill(5)
    steps.sync(wire(default=stripe))
    before = dumped(engine)
    for other in (FakeStripe(account_id="acct_other"), FakeStripe(livemode=True)):
        other.fill(9)
        with pytest.raises(AccountRefused):
            steps.sync(wire(default=other))
    assert before == dumped(engine)


def test_two_accounts_side_by_side(engine: Engine, wire: Wire) -> None:
    """Each has its own key, marks and rows; equal ids in both stay apart."""
    one, two = FakeStripe(account_id="acct_one"), FakeStripe(account_id="acct_two")
    one.fill(40)
    two.fill(25)
    two.now = Instant(one.now + 50)
    report = steps.sync(wire(one=one, two=two))
    assert ("done", 65) == (report.status, report.objects["subscriptions"])
    assert 65 == held(engine, "subscription_state")
    with read(engine) as connection:
        marks = [cursors.of_account(connection, account)["events"].position for account in (1, 2)]
    assert sorted([one.now - 60, two.now - 60]) == sorted(marks)


def test_a_stop_finishes_the_page_and_the_next_run_goes_on(engine: Engine, wire: Wire) -> None:
    """What was read is saved, the run stays open, and the next sync reads only the rest."""
    stripe = FakeStripe()
    stripe.fill(400)
    wiring = wire(default=stripe)
    seen = threading.Event()

    def stop_after_a_while(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        if stream == "subscriptions" and sum(each[0] == "subscriptions" for each in stripe.asked) > 12:
            seen.set()
            wiring.stop.request()

    stripe.before_page = stop_after_a_while
    stopped = steps.sync(wiring)
    assert seen.is_set()
    assert "running" == stopped.status
    saved = held(engine, "subscription_state")
    assert 0 < saved < 400
    stripe.before_page = lambda *_: None
    stripe.asked.clear()
    report = steps.sync(wire(default=stripe))
    assert (True, "done", stopped.run_id) == (report.joined, report.status, report.run_id)
    assert 400 == held(engine, "subscription_state")
    assert report.objects["subscriptions"] < 400 + saved, "what was saved is not read again"


def test_a_failure_that_passes_is_waited_for(engine: Engine, wire: Wire) -> None:
    """A page that can't be had for a while is asked for again later, and nothing is missing in the end."""
    stripe = FakeStripe()
    stripe.fill(120)
    failing = iter([True, False, True, False, False, False])

    def sometimes(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        if stream == "subscriptions" and next(failing, False):
            raise Transient("subscriptions", "busy")

    stripe.before_page = sometimes
    assert "done" == steps.sync(wire(default=stripe)).status
    assert 120 == held(engine, "subscription_state")


def test_a_sync_that_is_gone_on_with_the_next_day_ends_up_to_date(engine: Engine, wire: Wire) -> None:
    """What happened between the two days is read by the same command: not only what was planned on the first."""
    stripe = FakeStripe()
    stripe.fill(40)
    stop = Stop()

    def stopped(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        if stream == "events":
            stop.request()

    steps.sync(wire(default=stripe))
    stripe.before_page = stopped
    wiring = wire(default=stripe)
    assert "running" == steps.sync(replace(wiring, stop=stop)).status
    stripe.before_page = lambda *_: None
    with begin(engine) as connection:
        connection.execute(update(run_table).values(started_at=database_now(connection) - timedelta(days=1)))
    stripe.now = Instant(stripe.now + 86_400)
    report = steps.sync(wiring)
    assert ("done", True) == (report.status, report.joined)
    with read(engine) as connection:
        assert stripe.now - 60 == cursors.of_account(connection, 1)["events"].position
        assert 2 == sum(each.kind == "plan" for each in jobs.of_run(connection, report.run_id))


def test_a_refusal_in_mid_run_leaves_the_marks_and_is_taken_up_again(engine: Engine, wire: Wire) -> None:
    """A key that is refused half way: the run has failed and says so, no mark moved; with a good key the rest is read."""
    stripe = FakeStripe()
    stripe.fill(120)

    def refuse(stream: str, _since: Instant | None, cursor: str | None) -> None:
        if stream == "subscriptions" and cursor:
            raise Refused("subscriptions", "Stripe refused the key", status=401)

    stripe.before_page = refuse
    failed = steps.sync(wire(default=stripe))
    assert "failed" == failed.status
    assert isinstance(failed.error, Refused)
    with read(engine) as connection:
        assert {} == cursors.of_account(connection, 1)
    stripe.before_page = lambda *_: None
    report = steps.sync(wire(default=stripe))
    assert (failed.run_id, "done") == (report.run_id, report.status)
    assert 120 == held(engine, "subscription_state")


def test_who_lost_the_lease_commits_nothing(engine: Engine, wire: Wire) -> None:
    """A reader that was overtaken finds out at its next page: what it read since is not stored under its old token."""
    stripe = FakeStripe()
    stripe.fill(50)
    wiring = wire(default=stripe)
    stolen: list[int] = []

    def steal(stream: str, _since: Instant | None, _cursor: str | None) -> None:
        if stream == "subscriptions" and not stolen:
            with begin(engine) as connection:
                row = connection.execute(table.select().where(table.c.stream == "subscriptions")).mappings().one()
                connection.execute(
                    table.update().where(table.c.id == row["id"]).values(token=row["token"] + 1, lease_until=row["created_at"])
                )
                stolen.append(row["id"])

    stripe.before_page = steal
    report = steps.sync(wiring)
    assert "done" == report.status
    with read(engine) as connection:
        [first] = [job for job in jobs.of_run(connection, report.run_id) if job.id == stolen[0]]
    assert 3 == first.token, "claimed, taken over by somebody, claimed again"
    assert 5 == first.pages, "what the first holder read is not counted"
    assert 50 == held(engine, "subscription_state")
