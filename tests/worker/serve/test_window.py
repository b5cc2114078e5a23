"""What the window shows: the report's pages for any period, days, segment and policy, customers with their evidence, findings and runs."""

import json
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy.exc import DBAPIError

from integrations.store.db.engine import begin, open_engine
from metrics.evidence import Instant
from tests.worker.installation import Installation
from tests.worker.ledgers import BASIS
from tests.worker.report.parsed import words
from tests.worker.serve.conftest import Server, serving
from worker.queries.session import Session
from worker.serve.application import PLACES
from worker.serve.sessions import Sessions


def _json(installed: Installation, *arguments: str) -> object:
    done = installed(*arguments, "--json", "--now", installed.now.isoformat())
    assert 0 == done.code, done.err
    return json.loads(done.out, parse_float=lambda number: f"{Decimal(number):.6f}")  # rates as pages write them


def test_every_page_is_valid_and_says_where_one_is(window: Server) -> None:
    """Each address of the menu has a page whose own entry is marked, and there is no script in any."""
    for place in PLACES:
        if place.words:
            got = window.get(place.path)
            assert 200 == got.status
            assert () == got.page.errors
            assert sorted(set(got.page.ids())) == sorted(got.page.ids())
            here = [words(a) for a in got.page.all("a") if a.get("aria-current") == "page"]
            assert [place.words] == here
            assert [] == list(got.page.all("script", "link", "iframe", "img"))


def test_the_first_page_is_the_report(window: Server, installed: Installation, written: bytes) -> None:
    """The same figures as in the file; its customers lead to their pages, and it can be taken along as that file."""
    page = window.get("/").page
    from tests.worker.report.parsed import parse

    file = parse(written)
    for name in ("nrr", "grr", "logo_retention", "mrr", "customers"):
        assert file.stat(name) == page.stat(name)
    assert file.table("trend") == page.table("trend")
    ways = [a.get("href") for a in page.by_id("t-lost").iter("a") if words(a) == "more"]
    assert ways
    assert 200 == window.get(ways[0]).status
    taken = window.get("/report.html")
    assert written == taken.body
    assert f'attachment; filename="retention-{installed.month}.html"' == taken.headers["content-disposition"]


@pytest.mark.long
def test_any_period_days_and_segment(window: Server, installed: Installation) -> None:
    """What `show retention` says of the same days, and of the same segment."""
    days = {"from": "2025-02-10", "to": "2025-05-20"}
    known = _json(installed, "show", "retention", "--from", days["from"], "--to", days["to"], "--by", "interval")
    assert isinstance(known, dict)
    page = window.get("/?" + urlencode(days)).page
    assert known["total"]["nrr"] == page.stat("nrr")
    assert known["total"]["closing"] == page.stat("mrr")
    monthly = next(row for row in known["segments"] if row["segment"] == "month")
    of_segment = window.get("/?" + urlencode({**days, "segment": "interval=month"})).page
    assert monthly["grr"] == of_segment.stat("grr")
    quarter = window.get("/?period=2025-Q2").page
    assert "Revenue retention, Q2 2025" == words(next(quarter.all("h1")))


def test_what_cannot_be_shown_is_said(window: Server) -> None:
    """A page in words, with the address's own fault and without what somebody wrote taken for markup."""
    hostile = "<script>alert(1)</script>"
    for query, status, said in (
        ({"period": hostile}, 400, "a period is a month"),
        ({"from": "2025-02-30", "to": "2025-03-01"}, 400, "takes a day"),
        ({"from": "0001-01-01", "to": "9999-12-31"}, 400, "takes a day from 1990 to 2199"),
        ({"from": "2025-03-01", "to": "2025-02-01"}, 400, ""),
        ({"segment": hostile}, 400, "DIMENSION=VALUE"),
        ({"segment": "plan=none such"}, 400, "had MRR"),
        ({"segment": "no such=x"}, 400, ""),
        ({"policy": hostile}, 404, "there is no policy"),
        ({"currency": "xxx"}, 400, "which currency"),
        ({"period": "2019-01"}, 400, "had MRR in 2019-01"),
    ):
        got = window.get("/?" + urlencode(query))
        assert status == got.status, query
        assert said in words(got.page.root)
        assert [] == list(got.page.all("script"))
    for path in ("/nothing", "/customer", "/customer?id=cus_nobody", "/run?id=x", "/run?id=999999", "/customer?id=" + "x" * 5000):
        assert 404 == window.get(path).status, path


def test_policies_without_figures_say_so(window: Server) -> None:
    """A preset of which no ledger is kept has nothing to show, and says what to run."""
    got = window.get("/?policy=stripe")
    assert 503 == got.status
    assert "nothing has been derived yet under the policy stripe" in words(got.page.root)


def test_a_customer_down_to_stripes_objects(window: Server, installed: Installation) -> None:
    """Every movement that `explain` tells, with the same arithmetic and evidence, each object leading to its page in test mode."""
    rows = window.get("/customers").page.table("customers")
    customer = rows[0][0].split(" ")[0]
    page = window.get("/customer?" + urlencode({"id": customer})).page
    known = _json(installed, "explain", customer)
    assert isinstance(known, dict)
    assert [m["date"] for m in reversed(known["movements"])] == [row[0] for row in page.table("movements")]
    text = words(page.root)
    for movement in known["movements"]:
        assert movement["words"] in text
        for change in movement["changes"]:
            assert all(item["arithmetic"] in text for item in change["items"])
            assert all(each in text for each in change["evidence"])
    addresses = {a.get("href") for a in page.all("a")}
    assert f"https://dashboard.stripe.com/test/customers/{customer}" in addresses
    assert all(a.startswith(("#", "/", "https://dashboard.stripe.com/test/")) for a in addresses)
    by_subscription = known["movements"][0]["changes"][0]["subscription"]
    assert words(next(page.all("h1"))) == words(next(window.get(f"/customer?id={by_subscription}").page.all("h1")))


def test_customers_are_found(window: Server) -> None:
    """By a part of the id, whatever its case; and nobody by anything else."""
    rows = window.get("/customers").page.table("customers")
    name = rows[3][0].split(" ")[0]
    found = window.get("/customers?" + urlencode({"q": name[4:].lower()})).page.table("customers")
    assert name in [row[0].split(" ")[0] for row in found]
    assert "Nobody with MRR" in words(window.get("/customers?q=%27%25_").page.root)


def test_findings_and_runs_are_those_of_the_command_line(window: Server, installed: Installation) -> None:
    """Counts by reason, those of one reason, the runs and one run."""
    known = _json(installed, "show", "findings", "--limit", "100000")
    assert isinstance(known, dict)
    counts: dict[str, int] = {}
    for finding in known["findings"]:
        counts[finding["reason"]] = counts.get(finding["reason"], 0) + 1
    page = window.get("/findings").page
    assert counts == {row[0].replace(" ", "_"): int(row[1]) for row in page.table("reasons")}
    reason = next(iter(counts))
    assert counts[reason] == len(window.get(f"/findings?reason={reason}").page.table("findings"))
    rows = window.get("/runs").page.table("runs")
    assert {"sync"} <= {row[1] for row in rows}
    assert "done" in words(window.get(f"/run?id={rows[0][0]}").page.by_id("run"))


def test_it_cannot_write(seen: Sessions) -> None:
    """The database itself refuses what the window's session would change."""
    with pytest.raises(DBAPIError), begin(seen.session.engine) as connection:
        connection.exec_driver_sql("DELETE FROM movement")


def test_a_database_that_is_away_is_said(tmp_path: Path) -> None:
    """A page in words and 503, whatever was asked for; nothing of the error is shown."""
    nowhere = Session(open_engine(f"sqlite:///{tmp_path}/gone/nrr.sqlite3"), BASIS, Instant(1_750_000_000))
    with serving(Sessions(nowhere, {"default": BASIS}, pretended=True)) as server:
        for path in ("/", "/report.html", "/customers", "/customer?id=cus_1", "/findings", "/runs", "/run?id=1"):
            got = server.get(path)
            assert 503 == got.status, path
            assert "The database doesn't answer" in words(got.page.root)
            assert b"gone" not in got.body
