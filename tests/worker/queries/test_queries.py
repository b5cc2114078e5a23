"""The read side: it answers without the command line, on a role that can only read, and never writes or answers for want of a ledger."""

import ast
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from integrations.store.db.engine import begin, open_engine
from integrations.store.migrate import NotMigrated
from metrics.periods import month
from tests.metrics.retention.books import Stand
from tests.worker.ledgers import BASIS, Life, roll_up, rolling_of, store
from worker.figures.derived import NothingDerived
from worker.queries.alerts import alert_history, alerts_at, messages
from worker.queries.customers import explained, in_stripe, movers, names_of, resolve
from worker.queries.dimensions import attribute_keys, has_attribute
from worker.queries.exclusions import exclusions
from worker.queries.figures import between, figures_frame, first_complete, restated_by, retention, stored
from worker.queries.findings import count_by_reason, findings, quarantined, underived
from worker.queries.freshness import freshness
from worker.queries.movements import movements, movements_by_month, span
from worker.queries.names import names_of_segments
from worker.queries.outlook import outlook
from worker.queries.policies import policy_bridge
from worker.queries.provenance import provenance
from worker.queries.rates import pairs, rates
from worker.queries.runs import jobs_of, latest_runs, run_of
from worker.queries.session import Session, currency_of, has_ledger, open_session
from worker.queries.snapshots import closing, month_ends
from worker.queries.standing import mrr_at
from worker.report.page import Options, build

ROOT = Path(__file__).parents[3]
NOW = datetime(2025, 4, 10, 12, tzinfo=UTC)
JANUARY, MARCH = date(2025, 1, 5), date(2025, 3, 4)


def _fill(url: str) -> None:
    """Two customers since January, one of whom leaves in March, rolled up."""
    lives = {
        "c1": Life({(JANUARY, "usd"): Stand("c1", JANUARY, 30_000_000, plan="pro")}),
        "c2": Life(
            {
                (JANUARY, "usd"): Stand("c2", JANUARY, 10_000_000, plan="basic"),
                (MARCH, "usd"): Stand("c2", MARCH, 0, plan=None, cause="canceled_voluntary", subscriptions=0),
            }
        ),
    }
    engine = open_engine(url)
    store(engine, lives, lives, date(2025, 4, 9))
    roll_up(rolling_of(engine))
    engine.dispose()


@contextmanager
def _reader(url: str) -> Iterator[str]:
    """The address for a role that may SELECT and nothing else; where there are no roles, the file itself."""
    if url.startswith("sqlite"):
        yield url
        return
    name = f"reader_{uuid.uuid4().hex[:12]}"
    owner = open_engine(url)
    with owner.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN PASSWORD 'only'")
        connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    try:
        yield make_url(url).set(username=name, password="only").render_as_string(hide_password=False)
    finally:
        with owner.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {name}")
            connection.exec_driver_sql(f"DROP ROLE {name}")
        owner.dispose()


@pytest.fixture
def session(migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session of its own on the rolled-up business, without a key."""
    monkeypatch.chdir(tmp_path)
    _fill(migrated_url)
    with _reader(migrated_url) as url, open_session(now=NOW, database_url=url, reporting_currency="usd") as opened:
        yield opened


def test_the_numbers_are_those_of_the_ledger(session: Session) -> None:
    """Movements, closings, stored figures and fresh ones say the same of the one who left."""
    assert (date(2025, 4, 10), "usd", True) == (session.today, currency_of(session), has_ledger(session))
    assert ["c2"] == movements(session, MARCH, date(2025, 3, 5)).filter(kind="churn")["customer"].to_list()
    assert ((JANUARY, MARCH), ["c2"]) == (span(session), movers(session, MARCH, date(2025, 3, 5)))
    assert movements(session).height == sum(frame.height for frame in movements_by_month(session))
    assert [40_000_000, 40_000_000, 30_000_000] == [frame["net_micros"].sum() for frame in month_ends(session)]
    assert ["c1"] == closing(session, date(2025, 3, 31))["customer"].to_list()
    assert [30_000_000] == [each.net_micros for each in mrr_at(session, session.today).by_currency]
    [kept] = [f for f in stored(session, kind="month", dimension="", currency="usd") if f.first == date(2025, 3, 1)]
    [made] = [f for f in retention(session, [month(MARCH)]) if f.currency == "usd"]
    assert (40_000_000, 10_000_000, 30_000_000) == (kept.opening, kept.churn, kept.closing)
    assert (kept.opening, kept.churn, kept.closing) == (made.opening, made.churn, made.closing)
    rows = figures_frame(session).filter(
        window_kind="month", dimension="", currency="usd", whole_book=False, first_day=date(2025, 3, 1)
    )
    assert [0.75] == rows["nrr"].to_list()
    assert {"rollup"} == {run.kind for run in latest_runs(session)}


@pytest.mark.long
def test_every_function_works_for_a_role_that_can_only_read(session: Session) -> None:
    """None needs a temporary table, a lock or a key."""
    [run] = latest_runs(session, limit=1)
    looks: list[Callable[[], object]] = [
        lambda: exclusions(session, session.today),
        lambda: findings(session),
        lambda: (count_by_reason(session), quarantined(session), underived(session)),
        lambda: (run_of(session, run.id), jobs_of(session, run.id), restated_by(session, run.id)),
        lambda: freshness(session),
        lambda: (rates(session), pairs(session)),
        lambda: (alerts_at(session, NOW), alert_history(session), messages(session)),
        lambda: (has_attribute(session, "country"), attribute_keys(session), names_of_segments(session)),
        lambda: (resolve(session, "cus_nobody"), resolve(session, "sub_nobody"), explained(session, ["c1"])),
        lambda: (names_of(session, ["c1"]), in_stripe(session, ["c1", "cus_nobody"]), provenance(session)),
        lambda: (first_complete(session, month(MARCH)), between(session, NOW, NOW)),
        lambda: build(session, month(MARCH), Options(names=True, compare=True)),
        lambda: (outlook(session), policy_bridge(session, BASIS, BASIS, session.today)),
    ]
    for look in looks:
        look()


def test_a_session_cannot_write(session: Session) -> None:
    """The database itself refuses it, whoever gets hold of the engine."""
    with pytest.raises(DBAPIError), begin(session.engine) as connection:
        connection.exec_driver_sql("DELETE FROM movement")


@pytest.fixture
def file(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A migrated file of SQLite's without content, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(request.getfixturevalue("_sqlite_template"), tmp_path / "nrr.sqlite3"))


@pytest.mark.parametrize(
    "look",
    [
        movements,
        span,
        figures_frame,
        stored,
        findings,
        lambda session: next(movements_by_month(session)),
        lambda session: next(month_ends(session)),
        lambda session: closing(session, session.today),
        lambda session: mrr_at(session, session.today),
        lambda session: exclusions(session, session.today),
        lambda session: movers(session, session.today, session.today),
        lambda session: retention(session, [month(session.today)]),
    ],
)
def test_without_a_ledger_nothing_looks_like_an_answer(look: Callable[[Session], object], file: Path) -> None:
    """An empty table would be taken for a business without customers."""
    with open_session(now=NOW, database_url=f"sqlite:///{file}") as session, pytest.raises(NothingDerived):
        look(session)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip in a notebook leaves no file behind."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotMigrated), open_session(database_url=f"sqlite:///{tmp_path}/none.sqlite3"):
        pass
    assert [] == list(tmp_path.iterdir())


def test_nothing_of_the_read_side_opens_a_writing_transaction() -> None:
    """Neither `begin` of the store nor a connection of an engine's own is named there."""
    named = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "worker" / "queries").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.alias) and node.name == "begin")
        or (isinstance(node, ast.Attribute) and node.attr in ("begin", "connect"))
    ]
    assert [] == named


def test_it_needs_no_command_line() -> None:
    """A report or a web page that reads the numbers loads neither typer nor a command, nor Celery."""
    modules = sorted(f"worker.queries.{path.stem}" for path in (ROOT / "worker" / "queries").glob("[a-z]*.py"))
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules!r}]; print([m for m in ('typer', 'worker.cli', 'celery') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "[]" == done.stdout.strip()


def test_the_readme_shows_it_as_it_works(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is under *For developers* runs as it stands, against the database of the settings."""
    url = f"sqlite:///{file}"
    _fill(url)
    monkeypatch.setenv("DATABASE_URL", url)
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## For developers")[2].partition("\n## ")[0]
    example = section.partition("```python\n")[2].partition("```")[0]
    exec(compile(example, "README.md", "exec"), {})  # it is our own text
    shown = capsys.readouterr().out
    assert "30000000" in shown, "MRR in micros"
    assert "nrr" in shown
