"""The demo, as somebody sees it first: it needs nothing, touches nothing that is set for real, and can be run again."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from integrations.sandbox.oracle.ledger import Movement, ledger
from integrations.sandbox.simulator.billing_cycles import instant
from integrations.sandbox.simulator.going_concern import going_concern
from metrics.periods import add_months, month, trailing
from tests.worker.cli.command import Run
from tests.worker.cli.conftest import Concern

NOW = "2026-11-30T12:00:00Z"
"""The present of these tests. The demo's business has lived up to the day before."""


def test_the_demo_goes_the_whole_way_and_can_be_run_again(nrr: Run, tmp_path: Path) -> None:
    """MRR, bridge, retention, explained movements and an alert come out, twice the same, whatever else is set."""
    (tmp_path / "nrr.toml").write_text('database_url = "postgresql://nobody@127.0.0.1:1/none"\n')
    elsewhere = {
        "STRIPE_API_KEY": "sk_live_notforthedemo",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        "REPORTING_TIMEZONE": "Asia/Tokyo",
    }
    asked = ("demo", "--customers", "60", "--months", "14", "--seed", "3", "--now", NOW)
    first = nrr(*asked, **elsewhere)
    assert 0 == first.code, first.err
    for part in (
        "customers on 2026-11-29",
        "12 months to October 2026",
        "MRR bridge",
        "Retention at constant currency",
        " a month",
        "evidence: evt_",
        "STRIPE_API_KEY",
    ):
        assert part in first.out, part
    assert "it holds" in first.err
    assert "simulating a business: 60 customers over 14 months, up to 2026-11-29" in first.err
    assert ["nrr.sqlite3", "nrr.toml", "rates.csv"] == sorted(path.name for path in (tmp_path / ".demo").iterdir())
    again = nrr(*asked, **elsewhere)
    assert _without_age(first.out) == _without_age(again.out)


def _without_age(out: str) -> list[str]:
    return [line for line in out.splitlines() if not line.startswith("Fresh")]


@pytest.mark.long
def test_what_it_says_to_do_next_shows_something(concern: Concern) -> None:
    """Each command that it ends with is run as it is written, in the folder that it names."""
    last = concern.said[concern.said.index("Look around:") : concern.said.index("With your own account")]
    commands = [line.split("nrr ", 1)[1].split() for line in last.splitlines() if "nrr " in line]
    assert commands
    assert ["serve"] in commands
    for arguments in commands:
        if arguments == ["serve"]:
            continue  # it stays until somebody ends it: test_serve.py
        run = concern(*arguments)
        assert 0 == run.code, (arguments, run.err)
        assert len(run.out.splitlines()) > (0 if arguments[0] == "report" else 3), arguments


@pytest.mark.long
def test_the_business_of_the_demo_is_one_to_want_with_one_bad_month() -> None:
    """NRR about 105 %, GRR about 90 %, and a month before the present that stands out: on any day, from the seed that the demo takes."""
    for today in (date(2026, 11, 30), date(2027, 1, 1), date(2028, 2, 29)):
        business = going_concern(300, 24, 7, today)
        truth = ledger(business, instant(today.year, today.month, today.day))
        rows = [m for each in truth for m in each.movements]
        this = add_months(today - timedelta(days=1), 0)
        months = [month(add_months(this, -back)) for back in range(3, 0, -1)]
        year = trailing(this, 12)
        nrr_, grr_ = _retention(rows, year.first, year.until)
        assert 1.02 < nrr_ < 1.10, today
        assert 0.86 < grr_ < 0.94, today
        *usual, bad = (_retention(rows, each.first, each.until)[1] for each in months)
        assert min(usual) > 0.98, today
        assert bad < 0.95, today


def _retention(rows: list[Movement], first: date, until: date) -> tuple[float, float]:
    """NRR and GRR of [first, until) from single movements, currencies at the rates that the prices were made with."""
    worth = {"usd": 1.0, "eur": 1 / 0.92, "gbp": 1 / 0.8}
    ends: dict[str, list[float]] = {}
    for each in rows:
        at = ends.setdefault(each.customer, [0.0, 0.0])
        for index, day in enumerate((first, until)):
            at[index] += (each.after_micros - each.before_micros) * worth[each.currency] if each.day < day else 0.0
    cohort = [(a, b) for a, b in ends.values() if a > 0]
    opening = sum(a for a, _ in cohort)
    return sum(b for _, b in cohort) / opening, sum(min(a, b) for a, b in cohort) / opening


def test_a_rate_of_ones_own_is_loaded_beside_the_others(nrr: Run, tmp_path: Path) -> None:
    """A currency that the European Central Bank doesn't quote comes into the whole book with a file; a bad line is named."""
    assert 0 == nrr("db", "upgrade").code
    (tmp_path / "kwd.csv").write_text("day,unit,currency,rate\n2024-01-01,KWD,usd,3.25\n")
    assert 1 == nrr("rates", "load", "kwd.csv", "--json").json["changed"]
    assert 0 == nrr("rates", "load", "kwd.csv", "--json").json["changed"]
    assert [("kwd", "usd", 3.25)] == [(r["unit"], r["currency"], r["rate"]) for r in nrr("rates", "show", "--json").json["pairs"]]
    (tmp_path / "bad.csv").write_text("day,unit,currency,rate\n2024-01-01,kwd,usd,3.25\n2024-01-02,kwd,usd,-1\n")
    done = nrr("rates", "load", "bad.csv")
    assert 2 == done.code
    assert "line 3" in done.err
