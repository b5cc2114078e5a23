"""The page itself: it needs nothing from elsewhere, is valid and accessible, takes no text for markup, and is made again to the byte."""

import base64
import hashlib
import itertools
import re
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Engine, text

from integrations.report import charts
from integrations.report.render import LIMIT_BYTES
from integrations.store.db.engine import begin, open_engine
from integrations.store.facts.customers import contacts
from integrations.store.facts.customers.contacts import Person
from metrics.evidence import Instant
from metrics.labels import INFERRED
from metrics.periods import Window, month, quarter
from tests.metrics.retention.books import Stand
from tests.services.filled import filled
from tests.worker.installation import Installation
from tests.worker.ledgers import BASIS, Life, roll_up, rolling_of, store
from tests.worker.report.books import business
from tests.worker.report.parsed import Parsed, parse, words
from worker.queries.session import Session
from worker.report.page import NoReport, Options, build, last_complete

HOSTILE: Final = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}$\\frac"


def test_it_needs_nothing_from_elsewhere(written: bytes, parsed: Parsed) -> None:
    """No script, image, frame or font; what has an address is a link within the page or to Stripe's dashboard; and it is small."""
    assert set() == {
        e.tag for e in parsed.all("script", "img", "iframe", "object", "embed", "link", "base", "image", "foreignObject")
    }
    addresses = [
        value for e in parsed.root.iter() for name, value in e.attrib.items() if name.rpartition("}")[2] in ("src", "href")
    ]
    assert {"#", "h"} == {address[0] for address in addresses}
    assert all(address.startswith(("#", "https://dashboard.stripe.com/")) for address in addresses)
    assert b"url(http" not in written
    assert b"@import" not in written
    assert len(written) < LIMIT_BYTES


def test_its_policy_lets_nothing_in_but_its_own_style(parsed: Parsed) -> None:
    """The policy names the style sheet by its hash, and no element has a style or a handler of its own."""
    policy = next(e.get("content") for e in parsed.all("meta") if e.get("http-equiv") == "Content-Security-Policy")
    (style,) = parsed.all("style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    attributes = {name for e in parsed.root.iter() for name in e.attrib}
    assert set() == {name for name in attributes if name == "style" or name.startswith("on")}


def test_it_is_valid(parsed: Parsed) -> None:
    """A parser that takes nothing wrong finds nothing wrong; no id is there twice, and whatever refers to one finds it."""
    assert () == parsed.errors
    ids = parsed.ids()
    assert sorted(set(ids)) == sorted(ids)
    within = {e.get("href")[1:] for e in parsed.all("a", "use") if (e.get("href") or "").startswith("#")}
    used = {ref for e in parsed.root.iter() for value in e.attrib.values() for ref in re.findall(r"url\(#([^)]+)\)", value)}
    named = {e.get("aria-labelledby") for e in parsed.root.iter() if e.get("aria-labelledby")}
    assert set() == (within | used | named) - set(ids)


def test_it_can_be_heard(parsed: Parsed) -> None:
    """One first heading, none skipped; every table has a caption and headings, every chart a text, and what scrolls can be reached by key."""
    levels = [int(e.tag[1]) for e in parsed.all("h1", "h2", "h3", "h4")]
    assert 1 == levels[0]
    assert 1 == levels.count(1)
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    for table in parsed.all("table"):
        assert "caption" == table[0].tag
        assert words(table[0])
        assert {"col"} == {th.get("scope") for th in table.iter("th") if th.get("scope") != "row"}
        assert all(row[0].get("scope") == "row" for row in next(table.iter("tbody")))
    drawn = [e for e in parsed.all("div") if e.get("role") == "img"]
    assert len(drawn) > 10
    assert all(len(e.get("aria-label")) > 20 for e in drawn)
    assert all(e.get("aria-hidden") == "true" for e in parsed.all("svg"))
    assert all(e.get("tabindex") == "0" for e in parsed.all("div") if e.get("class") == "scroll")
    assert "en" == parsed.root.get("lang")


def test_movers_lead_to_stripe_and_to_their_explanation(parsed: Parsed) -> None:
    """The customer's page in the dashboard, in test mode; and the arithmetic, folded, with the objects that say so."""
    cells = [row[0] for name in ("lost", "gained") for row in next(parsed.by_id(f"t-{name}").iter("tbody"))]
    assert cells
    for cell in cells:
        customer = words(cell).split(" ")[0]
        ways = {words(a): a.get("href") for a in cell.iter("a")}
        assert f"https://dashboard.stripe.com/test/customers/{customer}" == ways["in Stripe"]
        why = parsed.by_id(ways["why"][1:])
        assert "details" == why.tag
        assert why.get("open") is None
        assert customer in words(why)
        assert "Evidence:" in words(why)


@pytest.mark.long
def test_it_is_the_same_to_the_byte(installed: Installation, written: bytes) -> None:
    """Nothing in it tells when it was made, also where every chart is drawn anew."""
    charts.kept.cache_clear()
    done = installed("report", "--month", installed.month, "--out", "again.html", "--compare", "--now", installed.now.isoformat())
    assert 0 == done.code, done.err
    assert written == (installed.folder / "again.html").read_bytes()


@pytest.mark.long
def test_without_the_library_that_draws_it_has_its_tables(
    installed: Installation, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every table is there, and each chart's text in its place; the command says how to get charts."""
    monkeypatch.setattr(charts, "can_draw", lambda: False)
    done = installed("report", "--out", "plain.html", "--compare", "--now", installed.now.isoformat())
    assert 0 == done.code, done.err
    assert "the extra `charts`" in done.err
    plain = parse((installed.folder / "plain.html").read_bytes())
    assert [] == list(plain.all("svg"))
    tables = [e.get("id") for e in parse(written).all("table")]
    assert tables == [e.get("id") for e in plain.all("table")]
    assert "Net revenue retention over" in words(plain.by_id("trend"))


def test_what_is_asked_for_wrongly_is_said(installed: Installation) -> None:
    """A period of another kind, one to come, a day, no period, and two kinds at once: exit code 2, what was typed where, and no file."""
    for arguments, said in (
        (("--quarter", "2025-03"), "2025-03 is a month"),
        (("2031-01",), "has not begun"),
        (("2025-03-04",), "takes a month, a quarter or a year"),
        (("--month", "oct"), "--month takes a month such as 2026-10, not 'oct'"),
        (("--year", "2026-13"), "--year takes a year such as 2026; there is no '2026-13'"),
        (("oct",), "nrr report takes a month, a quarter or a year such as 2026-10, 2026-Q3 or 2026, not 'oct'"),
        (("--month", "--year"), "exclude one another"),
        (("--segment", "plan"), "--segment takes DIMENSION=VALUE"),
        (("--segment", "interval=never"), "nothing of interval=never had MRR"),
        (("--currency", "xxx"), "say of which currency"),
    ):
        done = installed("report", *arguments, "--out", "none.html", "--now", installed.now.isoformat())
        assert 2 == done.code, arguments
        assert said in done.err
    assert not (installed.folder / "none.html").exists()


@pytest.mark.long
def test_quarters_years_and_segments(installed: Installation) -> None:
    """The same page of another period, or of one segment, whose figures are those of the segment."""
    for arguments, title in (
        (("--quarter",), "Revenue retention, Q2 2025"),
        (("--year",), "Revenue retention, 2024"),
        (("--segment", "interval=month"), "Revenue retention of month, August 2025"),
    ):
        done = installed("report", *arguments, "--out", "other.html", "--json", "--now", installed.now.isoformat())
        assert 0 == done.code, done.err
        page = parse((installed.folder / "other.html").read_bytes())
        assert title == words(next(page.all("h1")))
        assert () == page.errors
    by = installed("show", "segments", "--by", "interval", "--json", "--now", installed.now.isoformat()).json["segments"]
    assert next(f"{row['nrr']:.6f}" for row in by if row["segment"] == "month") == page.stat("nrr")


# --- of a book made by hand ----------------------------------------------------------------------------------------------------

TODAY: Final = date(2025, 3, 10)


@pytest.fixture
def hostile(tmp_path: Path, _sqlite_template: Path) -> Session:
    """A book whose customers, plans and people are called what somebody calls them who means harm."""
    shutil.copy(_sqlite_template, tmp_path / "nrr.sqlite3")
    engine = open_engine(f"sqlite:///{tmp_path}/nrr.sqlite3")
    filled(engine, "hostile", _fill_hostile)
    return Session(engine, BASIS, Instant(int(datetime(2025, 3, 10, 12, tzinfo=UTC).timestamp())), "usd", ("plan",))


def _fill_hostile(engine: Engine) -> None:
    lives = {}
    for n in range(12):
        name = f"{HOSTILE}{n}"
        day = date(2024, 1, 3)
        lives[name] = Life({(day, "usd"): Stand(name, day, (n + 1) * 10_000_000, plan=HOSTILE if n % 2 else "basic")})
        later = date(2025, 2, 7)
        net = 0 if n % 3 == 0 else n * 20_000_000
        lives[name].stands[later, "usd"] = Stand(
            name, later, net, plan="basic" if net else None, cause="quantity" if net else "canceled_voluntary"
        )
    store(engine, lives, lives, TODAY)
    roll_up(rolling_of(engine))


def test_no_text_is_taken_for_markup(hostile: Session) -> None:
    """Whatever customers and plans are called, it is shown as text, and the page is valid."""
    page = build(hostile, month(date(2025, 2, 1)))
    parsed = parse(page)
    assert () == parsed.errors
    assert set() == {e.tag for e in parsed.all("script", "img")}
    assert HOSTILE in words(parsed.root)
    assert "49" not in re.findall(r"\{\{?(\d+)", words(parsed.root))
    assert all(a.get("href").startswith("#") for a in parsed.all("a")), "no such id has a page in Stripe's dashboard"


@pytest.mark.long
def test_restatements_are_told_since_the_last_report(hostile: Session) -> None:
    """What was complete then and is known otherwise now, with who is behind it; and nothing where nothing changed."""
    february = month(date(2025, 2, 1))
    assert "Nothing that was complete" in words(parse(build(hostile, february)).by_id("restatements"))
    before = datetime.now(UTC)
    name = f"{HOSTILE}4"
    life = Life({(date(2024, 1, 3), "usd"): Stand(name, date(2024, 1, 3), 50_000_000, plan="basic")})
    life.stands[date(2024, 12, 5), "usd"] = Stand(name, date(2024, 12, 5), 0, plan=None, cause="canceled_voluntary")
    store(hostile.engine, {name: life}, [name], TODAY)
    roll_up(rolling_of(hostile.engine))
    parsed = parse(build(hostile, february, Options(last_report=before)))
    windows = [row[0] for row in parsed.table("restated")]
    assert "January 2025" in windows
    assert "December 2024" in windows
    assert "February 2025" not in windows, "it was never reported on"
    assert {name} == {row[0] for row in parsed.table("behind")}
    then = parse(build(hostile, february, Options(as_known_at=before)))
    now = parse(build(hostile, february))
    assert then.stat("mrr") != now.stat("mrr"), "as it was known then"
    assert "there is nothing to compare with" not in words(now.by_id("restatements")).lower()


def test_a_period_that_is_not_over_says_so(hostile: Session) -> None:
    """Above everything, and a period without anything is no report."""
    page = parse(build(hostile, month(date(2025, 3, 1))))
    assert "March 2025 is not final" in words(page.by_id("headline"))
    assert "not complete yet" in words(page.root)
    with pytest.raises(NoReport, match="nothing had MRR in 2019-01"):
        build(hostile, month(date(2019, 1, 1)))


@pytest.mark.long
def test_old_rates_and_what_is_inferred_are_said(engine: Engine) -> None:
    """Above everything that the closing used an earlier day's rate; below the bridge what is dated at its first evidence only."""
    session = business(engine)
    december = month(date(2025, 12, 1))
    page = parse(build(session, december))
    assert "Exchange rates end on 2025-12-21, 10 days before 2025-12-31" in words(page.by_id("headline"))
    assert INFERRED not in words(page.by_id("bridge"))
    with begin(engine) as connection:
        connection.execute(text("UPDATE movement SET inferred = (1 = 1)"))
    assert f"Of the movements of December 2025, {INFERRED}" in words(parse(build(session, december)).by_id("bridge"))
    of_euros = parse(build(session, december, Options(currency="eur")))
    assert "Exchange rates end" not in words(of_euros.root), "nothing of it is exchanged"


@pytest.mark.long
def test_names_are_shown_where_they_are_wanted_and_kept(hostile: Session) -> None:
    """A name instead of the id in the first place, harmless too; without the option ids alone."""
    named = f"{HOSTILE}3"
    with begin(hostile.engine) as connection:
        connection.exec_driver_sql(
            "INSERT INTO account (id, name, stripe_id, livemode, bound_at) VALUES (1, 'default', 'acct_1', 1, '2025-01-01 00:00:00.000000')"
        )
        contacts.put(connection, 1, [Person(named, "<b>Bold & Co</b>", "someone@example.com")], Instant(1))
    february = month(date(2025, 2, 1))
    shown = words(parse(build(hostile, february, Options(names=True))).root)
    assert "<b>Bold & Co</b>" in shown
    assert "someone@example.com" not in shown
    assert "Bold & Co" not in words(parse(build(hostile, february)).root)


def test_the_last_complete_period_is_taken(hostile: Session) -> None:
    """Of each kind the last one that is over; any days may be asked for."""
    assert month(date(2025, 2, 1)) == last_complete(hostile)
    assert quarter(date(2024, 10, 1)) == last_complete(hostile, "quarter")
    page = parse(build(hostile, Window("custom", date(2025, 1, 15), date(2025, 2, 20))))
    assert "15 January 2025 to 19 February 2025" in words(next(page.all("h1")))
