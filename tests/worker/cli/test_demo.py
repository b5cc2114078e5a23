"""The demo, as somebody sees it first: it needs nothing, touches nothing that is set for real, and can be run again."""

from pathlib import Path

from tests.worker.cli.command import Run


def test_the_demo_goes_the_whole_way_and_can_be_run_again(nrr: Run, tmp_path: Path) -> None:
    """MRR, bridge, retention and explained movements come out, twice the same, whatever else is set."""
    (tmp_path / "nrr.toml").write_text('database_url = "postgresql://nobody@127.0.0.1:1/none"\n')
    elsewhere = {
        "STRIPE_API_KEY": "sk_live_notforthedemo",
        "STRIPE_API_BASE": "http://127.0.0.1:1",
        "REPORTING_TIMEZONE": "Asia/Tokyo",
    }
    first = nrr("demo", "--customers", "60", "--months", "14", "--seed", "3", **elsewhere)
    assert 0 == first.code, first.err
    for part in (
        "MRR at the closing of 2025-02-28",
        "MRR bridge",
        "Retention at constant currency",
        "12 months to 2025-02-28",
        " a month",
        "evidence: evt_",
        "STRIPE_API_KEY",
    ):
        assert part in first.out, part
    assert "it holds" in first.err
    assert [tmp_path / ".demo" / "nrr.sqlite3"] == list((tmp_path / ".demo").iterdir())
    again = nrr("demo", "--customers", "60", "--months", "14", "--seed", "3", **elsewhere)
    assert first.out == again.out


def test_its_database_can_be_looked_at_afterwards(nrr: Run, tmp_path: Path) -> None:
    """What the demo says to do next works."""
    assert 0 == nrr("demo", "--customers", "30", "--months", "6", "--seed", "2").code
    address = {"DATABASE_URL": f"sqlite:///{tmp_path}/.demo/nrr.sqlite3", "REPORTING_CURRENCY": "usd"}
    for arguments in (("show", "retention", "--by", "plan"), ("show", "movements"), ("show", "cohorts"), ("runs",), ("verify",)):
        done = nrr(*arguments, "--now", "2024-07-01T01:00:00Z", **address) if arguments != ("runs",) else nrr(*arguments, **address)
        assert 0 == done.code, (arguments, done.err)


def test_a_rate_of_ones_own_is_loaded_beside_the_others(nrr: Run, tmp_path: Path) -> None:
    """A currency that the European Central Bank doesn't quote comes into the whole book with a file; a bad line is named."""
    assert 0 == nrr("db", "upgrade").code
    (tmp_path / "kwd.csv").write_text("day,unit,currency,rate\n2024-01-01,KWD,usd,3.25\n")
    assert 1 == nrr("rates", "load", "kwd.csv", "--json").json["changed"]
    assert 0 == nrr("rates", "load", "kwd.csv", "--json").json["changed"]
    assert [("kwd", "usd", "3.25")] == [(r["unit"], r["currency"], r["rate"]) for r in nrr("rates", "show", "--json").json["pairs"]]
    (tmp_path / "bad.csv").write_text("day,unit,currency,rate\n2024-01-01,kwd,usd,3.25\n2024-01-02,kwd,usd,-1\n")
    done = nrr("rates", "load", "bad.csv")
    assert 2 == done.code
    assert "line 3" in done.err
