"""Stored figures from the command line: what scripts rely on, and figures as they were known once."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from integrations.store import migrate
from integrations.store.db.engine import open_engine, read
from integrations.store.figures import rollups
from metrics.alerts.content import content
from metrics.alerts.rules import Judgement, Rule
from metrics.ledger.basis import Basis
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import Nights
from tests.metrics.retention.books import Stand
from tests.worker.cli.command import Done, bare_environment, in_process
from tests.worker.ledgers import Life, roll_up, rolling_of, store

Nrr = Callable[..., Done]
MONTHS = [date(2024 + n // 12, n % 12 + 1, 3) for n in range(20)]
TODAY = date(2025, 9, 10)


@pytest.fixture(scope="module")
def then() -> list[str]:
    """When the news came: filled by the fixture that makes it."""
    return []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the database that the figures are in."""
    return f"sqlite:///{tmp_path_factory.mktemp('figures')}/nrr.sqlite3"


@pytest.fixture(scope="module")
def here(database: str, then: list[str]) -> Nrr:
    """A company that grows, rolled up; then it is learnt that one customer had left in March 2025, and it is rolled up again."""
    folder = Path(database.removeprefix("sqlite:///")).parent
    engine = open_engine(database)
    migrate.upgrade(engine)
    lives = {
        f"c{n:02}": Life({(day, "usd"): Stand(f"c{n:02}", day, (n + 1) * 10_000_000, plan="pro" if n % 2 else "basic")})
        for n, day in enumerate(MONTHS)
    }
    lives["c03"].stands[date(2025, 2, 7), "usd"] = Stand("c03", date(2025, 2, 7), 90_000_000, plan="pro", cause="quantity")
    store(engine, lives, lives, TODAY)
    roll_up(rolling_of(engine))
    then.append(datetime.now(UTC).isoformat())
    lives["c05"].stands[date(2025, 3, 4), "usd"] = Stand(
        "c05", date(2025, 3, 4), 0, plan=None, cause="canceled_voluntary", subscriptions=0
    )
    store(engine, lives, ["c05"], TODAY)
    roll_up(rolling_of(engine))
    engine.dispose()
    environment = {
        **bare_environment(),
        "DATABASE_URL": database,
        "XDG_CONFIG_HOME": str(folder),
        "REPORTING_CURRENCY": "usd",
        "NO_COLOR": "1",
    }

    def run(*arguments: str) -> Done:
        return in_process(*arguments, folder=folder, environment=environment)

    return run


def test_a_series_of_nrr(here: Nrr) -> None:
    """Each window with its rate as a number, the latest last; months that aren't over say so."""
    found = here("show", "nrr", "--window", "month", "--last", "8", "--json").json
    assert ("nrr", "month", 8) == (found["metric"], found["window"], len(found["figures"]))
    by_month = {row["from"]: row for row in found["figures"]}
    assert 1.054945 == by_month["2025-02-01"]["rate"], "50 more on 910"
    assert 0.945455 == by_month["2025-03-01"]["rate"], "60 less on 1,100"
    assert [False] * 7 + [True] == [row["incomplete"] for row in found["figures"]]
    shown = here("show", "grr", "--window", "month", "--last", "2")
    assert 0 == shown.code, shown.err
    assert "2025-09*" in shown.out


def test_as_it_was_known(here: Nrr, then: list[str]) -> None:
    """Before the news March 2025 had lost nobody; the same range now has; both of retention and of the series."""
    march = ("--from", "2025-03", "--to", "2025-03-31", "--json")
    now, before = here("show", "retention", *march).json, here("show", "retention", *march, "--as-known-at", then[0]).json
    assert (0.945455, 1.0) == (now["total"]["nrr"], before["total"]["nrr"])
    series = here("show", "nrr", "--window", "month", "--last", "7", "--as-known-at", then[0], "--json").json["figures"]
    assert [1.0] == [row["rate"] for row in series if row["from"] == "2025-03-01"]
    never = here("show", "retention", "--from", "2025-03-02", "--to", "2025-03-31", "--as-known-at", then[0])
    assert (2, True) == (never.code, "leave --as-known-at out" in never.err)


def test_what_is_forgotten_of_segments_is_said(here: Nrr, then: list[str]) -> None:
    """Segments as they were known long ago come with what isn't kept of them; the whole book's figures, and recent ones, don't."""
    asked = ("show", "nrr", "--window", "month", "--as-known-at")
    shown = [here(*asked, at, *by).err for at in ("2020-01-01T00:00:00Z", then[0]) for by in (("--by", "plan"), ())]
    assert [True, False, False, False] == ["kept for 35 days" in err for err in shown]


def test_segments_and_their_whole(here: Nrr) -> None:
    """Segments of the last whole window, largest first; a dimension that isn't stored is computed at once."""
    found = here("show", "segments", "--by", "plan", "--window", "month", "--json").json
    openings = [row["opening_micros"] for row in found["segments"]]
    assert ({"basic", "pro"}, sorted(openings, reverse=True)) == ({r["segment"] for r in found["segments"]}, openings)
    made = here("show", "segments", "--by", "interval,plan", "--window", "month", "--json")
    assert "making them now" in made.err
    assert {"month,basic", "month,pro"} == {row["segment"] for row in made.json["segments"]}
    assert sum(openings) == sum(row["opening_micros"] for row in made.json["segments"])


def test_cohorts(here: Nrr) -> None:
    """June 2024 signed up one customer, who left in the ninth month after."""
    rows = {row["signup"]: row for row in here("show", "cohorts", "--json").json["cohorts"]}
    june = rows["2024-06"]
    assert (1, "60.00", "usd", True) == (june["logos"], june["arrived"], june["currency"], june["whole_book"])
    assert [1] * 9 + [0] * 7 == [month["customers"] for month in june["months"]]
    table = here("show", "cohorts", "--measure", "logo")
    assert "2024-06" in table.out
    assert 2 == here("show", "cohorts", "--measure", "size").code


def test_insight(here: Nrr) -> None:
    """The lever, the band, the trend, who moved it and what is coming, each under its name."""
    found = here("show", "insight", "--json").json
    assert {"lever", "benchmark", "trend", "concentration", "drivers", "signals"} <= set(found)
    assert ("under 1 m", True) == (found["benchmark"]["size"], found["drivers"]["lost"][0]["customer"] == "c05")
    told = here("show", "insight")
    assert "rule of thumb" in told.out
    assert "Who moved it" in told.out


@pytest.mark.parametrize("kind", ["month", "quarter", "trailing_3", "trailing_12"])
def test_the_command_line_and_messages_give_one_advice(here: Nrr, database: str, kind: str) -> None:
    """The same lever and the same rule of thumb for the same figures, sentence by sentence; only of a year is there a rule of thumb."""
    engine = open_engine(database)
    with read(engine) as connection:
        rows = rollups.current(connection, Basis().version, kind=kind)
    engine.dispose()
    book = [Figures.from_row({**row, "policy": "default"}) for row in rows]
    whole = [f for f in book if f.whole_book and not f.dimension and not f.incomplete]
    last = max(whole, key=lambda f: f.until)
    nights = Nights(Rule("nrr", "nrr", kind, "below", Fraction(100), currency="all:usd", judgement=Judgement(minimum_customers=0)))
    nights.night(last.until, whole)
    said = content(nights.said[-1], nights.watch)
    told = here("show", "insight", "--window", kind).out.splitlines()
    lever = next(line.removeprefix("lever: ") for line in told if line.startswith("lever: "))
    assert lever.startswith(said.get("lever", "none stands out"))
    bands = [line.removeprefix("benchmark: ").rpartition("; ")[0] for line in told if line.startswith("benchmark: ")]
    assert bands == ([said["benchmark"]] if "benchmark" in said else [])
    assert (kind == "trailing_12") == bool(bands)
    assert bool(bands) == (here("show", "insight", "--window", kind, "--json").json["benchmark"] is not None)


def test_what_a_run_changed(here: Nrr) -> None:
    """The second run's news by window, with its amount, and the customer behind it."""
    found = here("runs", "diff", "1", "2", "--window", "month", "--json").json
    march = [row for row in found["changed"] if row["first_day"] == "2025-03-01" and not row["whole_book"]]
    assert [-60_000_000] == [row["differences_micros"]["closing"] for row in march]
    assert {"c05"} == {row["customer"] for row in found["behind"]}
    assert "c05" in here("runs", "diff", "1", "2").out
    assert (2, True) == ((wrong := here("runs", "diff", "1", "77")).code, "there is no run 77" in wrong.err)


def test_what_is_not_there_names_what_is(here: Nrr) -> None:
    """A wrong window or currency is a usage error that lists the right ones."""
    assert (2, True) == ((wrong := here("show", "nrr", "--window", "week")).code, "trailing_12" in wrong.err)
    assert (2, True) == ((wrong := here("show", "nrr", "--currency", "eur")).code, "USD" in wrong.err)
    assert json.loads(here("show", "nrr", "--currency", "usd", "--json").out)["figures"]


def test_a_dimension_that_nobody_has_is_refused(here: Nrr) -> None:
    """A misspelt --by would look like a result of one segment; it is told with what was probably meant, and so is a list that says nothing."""
    for arguments in (("show", "retention"), ("show", "nrr"), ("show", "segments")):
        wrong = here(*arguments, "--by", "plam")
        assert (2, "") == (wrong.code, wrong.out), arguments
        assert "there is no dimension 'plam'. Did you mean plan?" in wrong.err
    for by in (",", "plan,", "plan,plan"):
        wrong = here("show", "retention", "--by", by)
        assert (2, True) == (wrong.code, "--by takes a dimension" in wrong.err), by
    nobody = here("show", "retention", "--from", "2025-03", "--to", "2025-03", "--by", "metadata.industry", "--json")
    assert ["(none)"] == [row["segment"] for row in nobody.json["segments"]]
    assert "no customer has 'industry'" in nobody.err


def test_a_month_is_whole_at_both_ends(here: Nrr) -> None:
    """--from 2025-03 --to 2025-03 is March, and a trailing window is called by the last day that is in it."""
    named = here("show", "retention", "--from", "2025-03", "--to", "2025-03", "--json").json
    assert ("2025-03-01", "2025-03-31", "month") == (named["from"], named["to"], named["window"])
    assert "2025-02-28" == here("show", "mrr", "--at", "2025-02", "--json").json["at"]
    assert "12 months to 2025-08-31" in here("show", "nrr").out


def test_days_that_cannot_be_are_refused(here: Nrr) -> None:
    """Neither a week nor the end of the calendar is a traceback or another day than was meant."""
    for day in ("9999-12-31", "0001-01-01", "2025-W30", "2025-02-30", "20250301", "yesterday", "2025-3"):
        wrong = here("show", "mrr", "--at", day)
        assert (2, True, "") == (wrong.code, "--at takes a day" in wrong.err, wrong.out), day
    wrong = here("export", "movements", "--out", "-", "--from", "2025-08", "--to", "2025-07-01")
    assert (2, True, "") == (wrong.code, "lies after" in wrong.err, wrong.out)
