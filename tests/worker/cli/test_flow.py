"""From a key to explained figures by commands alone, as a script would use them; the sandbox's own ledger is what they must say."""

import re
import signal
import sqlite3
import subprocess
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.worker.cli.command import NRR, Run, bare_environment
from tests.worker.installation import Installation, installation


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, stripe: Sandbox) -> Installation:
    """Set up and synced once for all tests of this file, which only read."""
    return installation(tmp_path_factory.mktemp("installation"), stripe, "init")


def test_mrr_is_what_scripts_rely_on(installed: Installation) -> None:
    """The fixed names, decimal strings beside micros, and currencies that add up to nothing but themselves."""
    found = installed("show", "mrr", "--at", installed.day(), "--json").json
    assert {
        "schema_version",
        "at",
        "currency",
        "mrr",
        "mrr_micros",
        "list_mrr",
        "list_mrr_micros",
        "customers",
        "by_currency",
        "findings",
    } <= set(found)
    assert (2, "usd", installed.day()) == (found["schema_version"], found["currency"], found["at"])
    for row in found["by_currency"]:
        assert Decimal(row["mrr"]) * 1_000_000 == row["mrr_micros"]
        assert row["list_mrr_micros"] >= row["mrr_micros"] >= 0
    assert sum(row["customers"] for row in found["by_currency"]) >= found["customers"] > 0


def test_movements_lead_from_nothing_to_mrr(installed: Installation) -> None:
    """All movements since the beginning add up to the MRR of the last day, in each currency, and each names its evidence."""
    day = installed.day()
    rows = installed("show", "movements", "--from", "2020-01-01", "--to", day, "--json").json["movements"]
    summed: dict[str, int] = {}
    for row in rows:
        assert row["before_micros"] + row["delta_micros"] == row["after_micros"]
        assert row["evidence"], row
        summed[row["currency"]] = summed.get(row["currency"], 0) + row["delta_micros"]
    stands = {row["currency"]: row["mrr_micros"] for row in installed("show", "mrr", "--at", day, "--json").json["by_currency"]}
    assert stands == {currency: micros for currency, micros in summed.items() if micros}
    one = rows[0]["customer"]
    theirs = installed("show", "movements", "--from", "2020-01-01", "--to", day, "--customer", one, "--json").json["movements"]
    assert [row for row in rows if row["customer"] == one] == theirs


@pytest.mark.long
def test_retention_keeps_its_identities(installed: Installation) -> None:
    """Cohort and bridge add up in every segment and in total, and segments add up to the total."""
    first, last = installed.day(90), installed.day()
    found = installed("show", "retention", "--from", first, "--to", last, "--by", "plan", "--json").json
    total, segments = found["total"], found["segments"]
    for row in (total, *found["by_currency"], *segments):
        assert (
            row["opening_micros"] + row["expansion_micros"] - row["contraction_micros"] - row["churn_micros"]
            == row["closing_of_cohort_micros"]
        )
        assert row["nrr"] is None or row["grr"] <= min(1, row["nrr"])
        assert (row["nrr"] is None) == (row["reason"] is not None)
    for name in ("opening_micros", "closing_micros", "new_micros", "churn_micros", "closing_of_cohort_micros", "opening_customers"):
        assert total[name] == sum(row[name] for row in segments), name
    assert {"new", "reactivation", "expansion", "contraction", "churn", "nrr", "grr"} <= set(total["flow"])


def test_plans_and_accounts_are_shown_by_their_names(installed: Installation) -> None:
    """In words, with the id beside them; what is its own name has no id."""
    rows = installed("show", "segments", "--by", "plan", "--window", "month", "--json").json["segments"]
    named = {row["segment"]: row["segment_name"] for row in rows}
    assert all(name not in (segment, None) for segment, name in named.items() if segment != "(none)")
    table = installed("show", "segments", "--by", "plan", "--window", "month").out
    assert all(segment in table and name in table for segment, name in named.items())
    assert {"1": "default"} == {
        row["segment"]: row["segment_name"]
        for row in installed("show", "segments", "--by", "account", "--window", "month", "--json").json["segments"]
    }
    assert " id " not in installed("show", "segments", "--by", "country", "--window", "month").out.splitlines()[1]


def test_every_movement_can_be_explained(installed: Installation) -> None:
    """The words name the arithmetic and the objects, and the figures are those that `show` gives."""
    rows = installed("show", "movements", "--from", "2020-01-01", "--to", installed.day(), "--json").json["movements"]
    row = next(r for r in rows if r["kind"] == "expansion")
    told = installed("explain", f"{row['customer']}@{row['date']}")
    assert 0 == told.code, told.err
    assert " a month" in told.out
    assert row["evidence"][-1] in told.out
    explained = installed("explain", row["customer"], "--json").json["movements"]
    theirs = [r for r in rows if r["customer"] == row["customer"]]
    assert [(r["date"], r["kind"], r["delta_micros"]) for r in theirs] == [
        (m["date"], m["kind"], m["delta_micros"]) for m in explained
    ]
    assert 1 == installed("explain", "cus_nobody").code


def test_exports_hold_everything(installed: Installation) -> None:
    """As many rows as there are movements, in each format, and no half file is left behind."""
    rows = installed("show", "movements", "--from", "2020-01-01", "--to", installed.day(0), "--json").json["movements"]
    for form in ("csv", "jsonl", "parquet"):
        done = installed("export", "movements", "--format", form, "--out", f"m.{form}", "--json")
        assert len(rows) == done.json["rows"], form
    assert "parquet" == installed("export", "movements", "--out", "named.parquet", "--json").json["format"]
    assert b"PAR1" == (installed.folder / "named.parquet").read_bytes()[:4]
    assert len(rows) + 1 == len((installed.folder / "m.csv").read_text().splitlines())
    assert len(rows) == len((installed.folder / "m.jsonl").read_text().splitlines())
    for what in ("snapshots", "rollups"):
        assert 0 < installed("export", what, "--out", f"{what}.csv", "--json").json["rows"]
    refused = installed("export", "movements", "--out", "nowhere/m.csv")
    assert 1 == refused.code
    assert "nowhere" in refused.err
    assert [] == list(installed.folder.glob(".*.part"))


@pytest.mark.long
def test_another_policy_needs_no_new_download(installed: Installation) -> None:
    """A preset is derived from the facts that are there, and asks Stripe for nothing."""
    before = sum(installed.sandbox.traffic.statuses.values())
    found = installed("show", "mrr", "--at", installed.day(), "--policy", "stripe", "--json").json
    assert "stripe" == found["policy"]
    assert before == sum(installed.sandbox.traffic.statuses.values())
    unknown = installed("show", "mrr", "--policy", "nonsense")
    assert 2 == unknown.code
    assert "chartmogul" in unknown.err


@pytest.mark.long
def test_verify_finds_what_was_tampered_with(installed: Installation, tmp_path: Path) -> None:
    """Everything agrees after a sync; one micro in one row is found, named, and mended by a rebuild."""
    assert 0 == installed("verify").code
    copy = tmp_path / "copy.sqlite3"
    with sqlite3.connect(installed.folder / "nrr.sqlite3") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    with sqlite3.connect(copy) as connection:
        customer = connection.execute("select customer from standing where net_micros > 0 limit 1").fetchone()[0]
        connection.execute("update standing set net_micros = net_micros + 1 where customer = ?", (customer,))
    url = {"DATABASE_URL": f"sqlite:///{copy}"}
    found = installed("verify", "--json", **url)
    assert 5 == found.code
    assert customer in str(found.json["ledger"])
    assert 5 == installed("rebuild", "--dry-run", **url).code
    assert 0 == installed("rebuild", "--now", installed.now.isoformat(), **url).code
    assert 0 == installed("verify", **url).code


def test_a_second_sync_changes_nothing(installed: Installation) -> None:
    """Reading again what is known leaves every figure as it was."""
    before = installed("show", "mrr", "--at", installed.day(), "--json").json
    again = installed("sync", "--now", installed.now.isoformat(), "--json")
    assert 0 == again.code, again.err
    assert before == installed("show", "mrr", "--at", installed.day(), "--json").json


def test_output_in_a_pipe_is_plain_and_whole(installed: Installation) -> None:
    """No colours, and no cut columns, where nobody looks at a terminal."""
    done = installed("show", "movements", "--from", "2020-01-01", "--to", installed.day())
    assert "\x1b" not in done.out + done.err
    assert "…" not in done.out


@pytest.mark.long
def test_ctrl_c_finishes_the_page_and_saves(nrr: Run, tmp_path: Path) -> None:
    """Exit 130; what was read is there, and the same command goes on from it."""
    with Sandbox(Business(customers=150, months=18, seed=4), latency_seconds=0.3) as slow:
        environment = {
            **bare_environment(),
            "STRIPE_API_KEY": slow.key,
            "STRIPE_API_BASE": slow.url,
            "DATABASE_URL": f"sqlite:///{tmp_path}/nrr.sqlite3",
            "NRR_SHARDS": "1",
            "NRR_THREADS": "1",
        }
        assert 0 == nrr("db", "upgrade", **environment).code
        process = subprocess.Popen([NRR, "sync", "--facts-only"], env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while _count(tmp_path, "customer_state") == 0 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert 130 == process.returncode, err
        assert "run the same command again" in err
        held = _count(tmp_path, "customer_state")
        assert 0 < held
        environment |= {"NRR_SHARDS": "16", "NRR_THREADS": "16"}
        assert 0 == nrr("sync", "--facts-only", **environment).code
        assert held <= _count(tmp_path, "customer_state")


def _count(folder: Path, table: str) -> Any:
    with sqlite3.connect(folder / "nrr.sqlite3") as connection:
        return connection.execute(f"select count(*) from {table}").fetchone()[0]


@pytest.mark.parametrize(
    "by", ["", "plan,country", *(pytest.param(by, marks=pytest.mark.long) for by in ("plan", "currency", "metadata.industry"))]
)
def test_the_customers_behind_a_figure_add_up_to_it(installed: Installation, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each kind of window, as a whole and for every segment, in each currency and in the whole book: to the last micro."""
    from metrics.periods import Window, month, quarter, trailing
    from worker.queries import figures
    from worker.queries.figures import explained, retention
    from worker.queries.session import Session, open_session

    kept: dict[Any, Any] = {}

    def remembered(session: Session, windows: list[Window], dimensions: list[str]) -> Any:
        """The figures of a window are the same for each of its segments: they are made once."""
        asked = (*windows, *dimensions)
        if asked not in kept:
            kept[asked] = retention(session, windows, dimensions)
        return kept[asked]

    monkeypatch.setattr(figures, "retention", remembered)

    day = date(2024, 9, 10)
    windows = [month(day), quarter(day), trailing(date(2025, 2, 1), 12)]
    told: dict[str, Any] = {
        name.lower(): value for name, value in installed.environment.items() if name in ("DATABASE_URL", "REPORTING_CURRENCY")
    }
    with open_session(**told) as session:
        segments = {f.segment for f in retention(session, windows, [by] if by else []) if f.dimension == by}
        assert segments
        seen = 0
        for window in [*windows, Window("custom", date(2024, 5, 3), date(2024, 8, 20))]:
            for segment in sorted(segments):
                for each in explained(session, window, dimension=by, segment=segment):
                    f = each.figure
                    sums = {kind: sum(part.change for part in rows) for kind, rows in each.parts.items()}
                    assert {"expansion": f.expansion, "contraction": -f.contraction, "churn": -f.churn} == sums, (window, segment)
                    seen += sum(map(len, each.parts.values()))
        assert seen > 5


def test_a_figure_is_explained_in_words_and_as_json(installed: Installation) -> None:
    """The table ends with what it leaves out, the JSON has all; a segment that there isn't is told, options out of place are refused."""
    done = installed("explain", "trailing_3@2025-01", "--limit", "1")
    assert 0 == done.code, done.err
    assert "3 months to January 2025: NRR" in done.out
    assert re.search(r"how sure that is: .*\d customers.*; behind each rate its interval of 90 %", done.out)
    assert "they add up to the figure" in done.err
    told = installed("explain", "trailing_3@2025-01", "--json").json
    figure, parts = told["figure"], told["parts"]
    for kind, sign in (("expansion", 1), ("contraction", -1), ("churn", -1)):
        assert sign * figure[f"{kind}_micros"] == sum(row["change_micros"] for row in parts[kind]), kind
        assert all(row["movements"] for row in parts[kind]), kind
    if len(parts["churn"]) > 1:
        assert f"and {len(parts['churn']) - 1} more" in done.out
    assert 1 == installed("explain", "2024-09", "--segment", "plan=nobody").code
    assert 2 == installed("explain", "2024-09", "--segment", "plan").code
    assert 2 == installed("explain", "2024-09-10", "--segment", "plan=price_team_monthly").code


def test_what_moved_it_lists_only_what_can(installed: Installation) -> None:
    """New business is no cause of an NRR, however large."""
    kinds = {each["kind"] for each in installed("show", "insight", "--json").json["drivers"]["causes"]}
    assert kinds
    assert kinds <= {"expansion", "contraction", "churn"}


def test_a_comparison_is_in_words_and_one_currency(installed: Installation) -> None:
    """MRR of the whole book from one policy to the other with each choice in words, and NRR and GRR of both beside it."""
    done = installed("compare", "default", "stripe", "--at", "2025-01-31")
    assert 0 == done.code, done.err
    assert "_" not in done.out.replace("cus_", "").replace("metadata_", ""), done.out
    assert "NRR default" in done.out
    assert "discounts that lower MRR: those for ever or for months → those for ever" in done.out
    found = installed("compare", "default", "stripe", "--at", "2025-01-31", "--json").json
    assert {"ours", "theirs", "from", "to", "kind"} <= set(found["retention"][0])
