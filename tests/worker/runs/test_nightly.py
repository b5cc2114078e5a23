"""Ticks and nights: what is due is what the database says, whoever asks, how often, and whatever was missed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text, update

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store import migrate
from integrations.store.db.engine import begin, open_engine, read
from integrations.store.figures import reports
from integrations.store.migrate import NotMigrated
from integrations.store.work import cursors, jobs, runs, workers
from integrations.store.work.schema import RunStatus
from integrations.store.work.schema import run as run_table
from integrations.stripe.errors import Refused
from metrics.evidence import Instant
from tests.integrations.notify.slack_server import SlackServer
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import NOW, FakeStripe
from worker.config.load import isolated
from worker.config.settings import Settings
from worker.figures import derived
from worker.queries.billings import billings
from worker.runs import nightly, steps
from worker.runs.nightly import Days
from worker.runs.tick import look, tick, watch
from worker.wiring.wiring import Wiring, open_wiring

DAY = 86_400


def done_nightly(engine: Engine, through: date, status: RunStatus = "done") -> int:
    """A nightly run of the past."""
    with begin(engine) as connection:
        run = runs.start(connection, "nightly", params={"first": through.isoformat(), "through": through.isoformat()})
        runs.finish(connection, run, status)
    return run


def ran(engine: Engine) -> list[tuple[str, str]]:
    """Runs, oldest first."""
    with read(engine) as connection:
        return [(run.kind, run.status) for run in reversed(runs.latest(connection, limit=100))]


def aged(engine: Engine, hours: int = 1) -> None:
    """Whatever ran, ran some hours ago."""
    with begin(engine) as connection:
        for each in runs.latest(connection, limit=100):
            ago = timedelta(hours=hours)
            ended = None if each.finished_at is None else each.finished_at - ago
            then = update(run_table).where(run_table.c.id == each.id).values(started_at=each.started_at - ago, finished_at=ended)
            connection.execute(then)


# --- which days ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "now", "timezone", "expected"),
    [
        (None, datetime(2026, 3, 5, 1, tzinfo=UTC), "UTC", Days(date(2026, 3, 4), date(2026, 3, 4))),
        (date(2026, 3, 4), datetime(2026, 3, 5, 1, tzinfo=UTC), "UTC", None),
        (date(2026, 3, 1), datetime(2026, 3, 5, 1, tzinfo=UTC), "UTC", Days(date(2026, 3, 2), date(2026, 3, 4))),
        (date(2026, 3, 3), datetime(2026, 3, 5, 1, tzinfo=UTC), "America/New_York", None),
        (date(2026, 3, 3), datetime(2026, 3, 5, 6, tzinfo=UTC), "America/New_York", Days(date(2026, 3, 4), date(2026, 3, 4))),
        (date(2026, 3, 9), datetime(2026, 3, 5, 1, tzinfo=UTC), "UTC", Days(date(2026, 3, 4), date(2026, 3, 4))),
    ],
)
def test_which_days_are_missing(engine: Engine, last: date | None, now: datetime, timezone: str, expected: Days | None) -> None:
    """Those after the last one done and before the one that is going on, in the reporting time zone; at first only yesterday.

    A night that was done before its time counts for nothing.
    """
    if last is not None:
        done_nightly(engine, last)
        done_nightly(engine, date(2026, 3, 10), status="failed")
    with read(engine) as connection:
        assert expected == nightly.missing(connection, Instant(int(now.timestamp())), timezone)


def test_the_horizon_is_stripes(engine: Engine) -> None:
    """The furthest account's mark of events, and nothing before the first read."""
    with begin(engine) as connection:
        assert derived.horizon(connection) is None
        cursors.move(connection, 1, "events", None, 100)
        cursors.move(connection, 2, "events", None, 300)
        cursors.move(connection, 2, "customers", None, 900)
        assert 300 == derived.horizon(connection)


# --- ticks --------------------------------------------------------------------------------------------------------------------------


def test_a_tick_opens_what_is_due_and_nothing_twice(engine: Engine, wire: Wire) -> None:
    """First a sync; while it is open nothing else; then the night; once that is done nothing until something is due again."""
    stripe = FakeStripe()
    stripe.fill(12)
    first = tick(wire(default=stripe), sync_minutes=5)
    assert (("sync:default",), 1) == (first.opened, first.claimable)
    assert () == tick(wire(default=stripe), sync_minutes=5).opened
    steps.work(wire(default=stripe), seconds=30)
    second = tick(wire(default=stripe), sync_minutes=5)
    assert ("nightly",) == second.opened
    steps.work(wire(default=stripe), seconds=60)
    third = tick(wire(default=stripe), sync_minutes=5)
    assert ((), 0) == (third.opened, third.claimable)
    assert [("sync", "done"), ("nightly", "done")] == ran(engine)
    with read(engine) as connection:
        assert ["tick"] == [name for name, _, _ in workers.everything(connection)]


def test_news_are_derived_between_the_nights(engine: Engine, wire: Wire) -> None:
    """A sync that brought something is followed by a derivation, one that brought nothing isn't."""
    stripe = FakeStripe()
    stripe.fill(12)
    for _ in range(3):
        tick(wire(default=stripe), sync_minutes=5)
        steps.work(wire(default=stripe), seconds=60)
    before = len(ran(engine))
    stripe.change(3, 9)
    stripe.now = Instant(stripe.now + 300)
    aged(engine)
    for _ in range(3):
        tick(wire(default=stripe), sync_minutes=5)
        steps.work(wire(default=stripe), seconds=60)
    assert [("sync", "done"), ("derive", "done")] == ran(engine)[before:]
    with read(engine) as connection:
        assert 0 == jobs.summary(connection).by_status.get("due", 0)


def test_days_without_beat_are_one_night(engine: Engine, wire: Wire) -> None:
    """Three days later one tick opens one run for all of them."""
    stripe = FakeStripe()
    stripe.fill(12)
    for _ in range(2):
        tick(wire(default=stripe), sync_minutes=5)
        steps.work(wire(default=stripe), seconds=60)
    stripe.now = Instant(stripe.now + 3 * DAY)
    aged(engine)
    for _ in range(2):
        tick(wire(default=stripe), sync_minutes=5)
        steps.work(wire(default=stripe), seconds=60)
    with read(engine) as connection:
        [last, _] = runs.latest(connection, kind="nightly")
    through = datetime.fromtimestamp(NOW, UTC).date()
    assert {"first": through.isoformat(), "through": (through + timedelta(days=2)).isoformat()} == dict(last.params)


def test_a_night_that_failed_is_tried_again_later_and_keeps_no_other_from_coming(engine: Engine, wire: Wire) -> None:
    """Not at every tick; after half an hour; and when another day is over, a run for all that is missing takes its place."""
    stripe = FakeStripe()
    stripe.fill(12)
    tick(wire(default=stripe), sync_minutes=5)
    steps.work(wire(default=stripe), seconds=60)
    through = datetime.fromtimestamp(NOW, UTC).date() - timedelta(days=1)
    done_nightly(engine, through - timedelta(days=1))
    failed = done_nightly(engine, through, status="failed")
    with begin(engine) as connection:
        jobs.add(connection, [jobs.Job("tidy", failed)])
        connection.execute(text("UPDATE job SET status = 'quarantined' WHERE run_id = :run"), {"run": failed})
    assert ("derive",) == tick(wire(default=stripe), sync_minutes=500).opened
    steps.work(wire(default=stripe), seconds=60)
    aged(engine)
    assert "nightly" in tick(wire(default=stripe), sync_minutes=500).opened
    with read(engine) as connection:
        again = runs.latest(connection, kind="nightly")[0]
    assert (failed, "running") == (again.id, again.status)
    with begin(engine) as connection:
        connection.execute(text("UPDATE job SET status = 'quarantined' WHERE run_id = :run"), {"run": failed})
        runs.finish(connection, failed, "failed")
        cursors.move(connection, 1, "events", NOW - 60, NOW + DAY)
    assert "nightly" in tick(wire(default=stripe), sync_minutes=500).opened
    with read(engine) as connection:
        new = runs.latest(connection, kind="nightly")[0]
    assert failed < new.id
    assert (through.isoformat(), (through + timedelta(days=1)).isoformat()) == (new.params["first"], new.params["through"])


def test_an_account_that_nobody_met_is_asked_for_its_name_and_a_refused_one_harms_no_other(engine: Engine, wire: Wire) -> None:
    """The tick binds accounts by itself; one whose key is refused is left out and tried again by the next."""
    good, bad = FakeStripe(account_id="acct_good"), FakeStripe(account_id="acct_bad")

    def refuse() -> None:
        raise Refused("account", "401")

    bad.account = refuse  # type: ignore[method-assign,assignment]  # what a revoked key gets
    assert ("sync:good",) == tick(wire(bad=bad, good=good), sync_minutes=5).opened


def test_a_tick_refuses_a_schema_that_it_does_not_know(engine: Engine, wire: Wire) -> None:
    """Nothing is opened."""
    with begin(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0'"))
    with pytest.raises(NotMigrated):
        tick(wire(default=FakeStripe()), sync_minutes=5)
    assert [] == ran(engine)


def test_what_another_version_left_to_do_is_no_work_of_ours(engine: Engine, wire: Wire) -> None:
    """A kind of job that this version doesn't know wakes nobody."""
    with begin(engine) as connection:
        jobs.add(connection, [jobs.Job("of_the_future", runs.start(connection, "future"))])
    assert 0 == look(wire(default=FakeStripe())).claimable


# --- a whole night on the sandbox -----------------------------------------------------------------------------------------------------


@pytest.fixture
def slack() -> Iterator[SlackServer]:
    """A Slack on loopback."""
    with SlackServer() as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[tuple[Wiring, Sandbox]]:
    """A wiring as an installation has it, around a small business."""
    with Sandbox(Business(customers=12, months=4, seed=5)) as stripe:
        address = f"sqlite:///{tmp_path / 'nrr.sqlite3'}"
        values = {"database_url": SecretStr(address), "stripe_api_key": SecretStr(stripe.key), "stripe_api_base": stripe.url}
        engine = open_engine(address)
        migrate.upgrade(engine)
        engine.dispose()
        wiring = open_wiring(isolated(values).settings)
        yield wiring, stripe
        wiring.close()


@pytest.mark.long
def test_a_night_from_the_command_line_is_the_same_run_of_jobs(installation: tuple[Wiring, Sandbox]) -> None:
    """Without Redis: everything in order of its stages, in this process; the second time nothing is missing."""
    wiring, _ = installation
    report = nightly.run(wiring)
    assert report is not None
    assert "done" == report.status
    with read(wiring.engine) as connection:
        kinds = [job.kind for job in jobs.of_run(connection, report.run_id) if not job.kind.startswith("list")]
    order = [
        "plan",
        "mark",
        "drift",
        "derive_plan",
        "derive_mark",
        "rollup_plan",
        "rollup_sum",
        "alerts_evaluate",
        "alerts_send",
        "tidy",
    ]
    assert order == [kind for kind in dict.fromkeys(kinds) if kind in order]
    assert nightly.run(wiring) is None
    assert watch(wiring) is False


# --- reports ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_nights_over_the_end_of_a_month_make_its_reports_and_its_digest(tmp_path: Path, slack: SlackServer) -> None:
    """The night after the month's end makes none, since its last day may still change; the one after makes both files, and the digest names them.

    Nights later nothing is made anew; a folder that is gone keeps no night from ending, and the next tick that is due makes what is missing.
    """
    folder = tmp_path / "reports"
    folder.mkdir()
    with Sandbox(Business(customers=14, months=16, seed=5)) as stripe:
        values = {
            "database_url": f"sqlite:///{tmp_path / 'nrr.sqlite3'}",
            "stripe_api_key": stripe.key,
            "stripe_api_base": stripe.url,
            "requests_per_second": 10_000.0,
            "reporting_currency": "usd",
            "slack_webhook_url": slack.webhook,
            "alerts": {"digests": ["monthly"]},
            "report": {"folder": folder, "months": 4},
        }
        seen: dict[date, list[str]] = {}
        for day in (date(2025, 3, 1), date(2025, 3, 2), date(2025, 3, 3), date(2025, 4, 2)):
            moment = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
            stripe.set_now(int(moment.timestamp()))
            if day.month == 4:
                folder.rename(tmp_path / "elsewhere")
            wiring = open_wiring(isolated(values).settings, pretended=moment)
            if not seen:
                migrate.upgrade(wiring.engine)
            done = nightly.run(wiring)
            assert done is not None
            assert "done" == done.status, done.errors
            seen[day] = sorted(each.name for each in folder.iterdir()) if folder.exists() else []
            wiring.close()
        february = ["retention-2025-02.html", "workbook-2025-02.xlsx"]
        january = ["retention-2025-01.html", "workbook-2025-01.xlsx"]
        assert [january, sorted(january + february), sorted(january + february), []] == list(seen.values())
        _agrees(tmp_path / "elsewhere" / "workbook-2025-02.xlsx", isolated(values).settings, moment)
        texts = [str(message) for message in slack.messages()]
        assert any("workbook-2025-02.xlsx" in each and "Month in MRR" in each for each in texts)
        assert 1 == sum("The workbook of 2025-03 could not be made" in each and "Month in MRR" not in each for each in texts)
        (tmp_path / "elsewhere").rename(folder)
        wiring = open_wiring(isolated(values).settings, pretended=moment)
        assert [] == [kind for kind in tick(wiring, sync_minutes=500).opened if kind == "report"]
        with begin(wiring.engine) as connection:
            failed = [replace(each, tried_at=each.tried_at - timedelta(hours=1)) for each in reports.failed(connection)]
            reports.remember_failed(connection, failed)
        assert "report" in tick(wiring, sync_minutes=500).opened
        steps.work(wiring, seconds=60)
        with read(wiring.engine) as connection:
            assert [] == reports.failed(connection)
        assert {"retention-2025-03.html", "workbook-2025-03.xlsx"} <= {each.name for each in folder.iterdir()}
        wiring.close()


def _agrees(path: Path, settings: Settings, moment: datetime) -> None:
    """A workbook of real evidence: its sheets agree with what is stored, and its billings with the invoices' own totals."""
    book = openpyxl.load_workbook(path, data_only=True)
    assert "all agree" in {cell.value for row in book["Cover"].iter_rows() for cell in row}
    sheet = [[cell.value for cell in row] for row in book["Billings"].iter_rows()]
    usd = next(number for number, row in enumerate(sheet) if row[0] == "Invoiced in USD")
    heads = [value.date() if isinstance(value, datetime) else None for value in sheet[usd + 1]]
    totals = next(row for row in sheet[usd:] if row[0] == "The invoices' own totals, less credit notes")
    wiring = open_wiring(settings, pretended=moment)
    found = billings(wiring.session, date(2024, 11, 1), date(2025, 3, 1))
    wiring.close()
    expected = {each.first: each.total / 1_000_000 for each in found.months if each.currency == "usd"}
    assert 4 == len(expected)
    assert expected == {day: value for day, value in zip(heads, totals, strict=True) if day is not None}
