"""`nrr reconcile` as a shell sees it: what is printed, which files are written, and with which code it ends."""

import csv
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import open_engine
from tests.services.filled import filled
from tests.worker.cli.command import Done, Run
from tests.worker.facts import derive
from tests.worker.queries.reconcile.world import DAYS, NOW, put, wide

SINCE = "event 2025-01-01"
THEIRS = {"cus_pro": [50] * 6, "cus_ten": [80] * 6, "=cmd()": [7] * 6}
Reconcile = Callable[..., Done]


@pytest.fixture
def reconcile(nrr: Run, tmp_path: Path, _sqlite_template: Path) -> Reconcile:
    """Runs the command beside a book of two customers, one of whom has 10 % off for ever."""
    url = f"sqlite:///{tmp_path}/nrr.db"
    shutil.copy(_sqlite_template, tmp_path / "nrr.db")
    engine = open_engine(url)
    filled(engine, "reconcile", _fill)
    engine.dispose()

    def run(*arguments: str) -> Done:
        return nrr("reconcile", *arguments, "--now", f"{NOW}T00:00:00Z", DATABASE_URL=url)

    return run


def _fill(engine: Engine) -> None:
    put(engine, {"pro": f"{SINCE} items=pro", "ten": f"{SINCE} items=team discounts=ten:2025-01-01.."})
    derive(engine, NOW)


def test_what_it_says(reconcile: Reconcile, tmp_path: Path) -> None:
    """Totals, the rule behind each difference, the customers, and the share that is explained."""
    done = reconcile(str(wide(tmp_path / "t.csv", THEIRS)), "--policy", "default")
    assert (0, "") == (done.code, done.err)
    for words in (
        "beside our MRR under the policy default",
        "discounts that lower MRR: those for ever or for months → none",
        "nobody here goes by that name",
        "122.00",
        "12 of 18 amounts differ; explained: 100.00 % of what differs, unexplained: 0.00 % of MRR",
    ):
        assert words in done.out


def test_the_document(reconcile: Reconcile, tmp_path: Path) -> None:
    """Everything that is printed and more, by names to rely on; shares add up."""
    done = reconcile(str(wide(tmp_path / "t.csv", THEIRS)), "--policy", "default", "--json").json
    assert {1.0} == {done["explained_share"]}
    assert [(2, "default", str(DAYS[0]), str(DAYS[-1]))] == [(done["schema_version"], done["policy"], done["from"], done["to"])]
    assert {"discounts": ("48.00", 6, 1), "unknown_here": ("42.00", 6, 1)} == {
        row["rule"]: (row["difference"], row["differences"], row["customers"]) for row in done["rules"]
    }
    for n in done["differences"]:
        assert n["difference_micros"] == sum(share["difference_micros"] for share in n["shares"])
    assert ["137.00"] == list({t["theirs"] for t in done["totals"]})


def test_the_file_of_differences_is_private_and_computes_nothing(reconcile: Reconcile, tmp_path: Path) -> None:
    """For its owner alone; what a spreadsheet would take for a formula is text."""
    out = tmp_path / "differences.csv"
    done = reconcile(str(wide(tmp_path / "t.csv", THEIRS)), "--policy", "default", "--out", str(out))
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert (0, 0o600, 12) == (done.code, stat.S_IMODE(out.stat().st_mode), len(rows))
    assert {"'=cmd()", "cus_ten"} == {row["their_key"] for row in rows}
    assert {("8.00", "policy", "discounts")} == {
        (r["difference"], r["kind"], r["rule"]) for r in rows if r["customer"] == "cus_ten"
    }


def test_more_than_the_tolerance_unexplained_exits_5(reconcile: Reconcile, tmp_path: Path) -> None:
    """A wrong amount is unexplained; 20 of 752 are 2.66 % of MRR."""
    file = str(wide(tmp_path / "t.csv", {"cus_pro": [50, 50, 70, 50, 50, 50], "cus_ten": [72] * 6}))
    done = reconcile(file)
    assert 5 == done.code
    assert "unexplained: 2.66 % of MRR" in done.out
    assert (5, 0) == (reconcile(file, "--tolerance", "2").code, reconcile(file, "--tolerance", "3%").code)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["missing.csv"], "missing.csv can't be read: No such file"),
        (["t.csv", "--policy", "ours"], "no policy is called 'ours'"),
        (["t.csv", "--units", "cents"], "--units takes major or minor, not 'cents'"),
        (["t.csv", "--tolerance", "much"], "--tolerance takes a per cent"),
        (["t.csv", "--json", "--out", "-"], "both write to stdout"),
        (["t.csv", "--columns", "mrr"], "--columns takes each of"),
    ],
)
def test_what_was_typed_wrong(arguments: list[str], wanted: str, reconcile: Reconcile, tmp_path: Path) -> None:
    """One message and exit code 2."""
    wide(tmp_path / "t.csv", THEIRS)
    done = reconcile(*arguments)
    assert 2 == done.code
    assert wanted in done.err
