"""How a file is set beside our MRR: who is who, in which units and currency, under which policy, and at which closings."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrations.files.errors import BadFile
from metrics.ledger.basis import Basis
from metrics.policy import PRESETS
from tests.services.filled import filled
from tests.worker.ledgers import put_rates
from tests.worker.queries.reconcile.world import DAYS, adds_up, named, put, reconcile, session_on, wide
from worker.queries.reconcile import naming, reconciliation
from worker.queries.reconcile.reconciliation import Reconciliation
from worker.queries.session import Session

BASIS = Basis()
SINCE = "event 2025-01-01"
LIVES = {
    "pro": f"{SINCE} items=pro",
    "team": f"{SINCE} items=team",
    "year": f"{SINCE} items=proyear",
    "euro": f"{SINCE} currency=eur items=eur",
    "euro_too": f"{SINCE} currency=eur items=eur*2",
    "euro_again": f"{SINCE} currency=eur items=eur*5",
}
RATES = [(day, "eur", "usd", rate) for day, rate in zip(DAYS, ("1.10", "1.11", "1.12", "1.13", "1.14", "1.15"), strict=True)]


@pytest.fixture
def session(engine: Engine) -> Session:
    """Six customers, three of them in euros, and rates of every month end; names are stored of some."""
    filled(engine, "reconciliation", _fill)
    return session_on(engine, BASIS, reporting_currency="usd")


def _fill(engine: Engine) -> None:
    put(engine, LIVES, people={"pro": "Pro@Example.test", "team": "both@example.test", "year": "both@example.test"})
    put_rates(engine, RATES)


def _long(tmp_path: Path, *rows: str, head: str = "customer,month,mrr") -> Path:
    file = tmp_path / "theirs.csv"
    file.write_text("\n".join((head, *rows)) + "\n")
    return file


def _rows(found: Reconciliation, kind: str) -> list[tuple[str, date]]:
    return [(n.cell.customer, n.cell.day) for n in found.named if any(rule.kind == kind for rule, _ in n.shares)]


def test_what_agrees_agrees(session: Session, tmp_path: Path) -> None:
    """In its own currencies nothing differs, and all of it is explained."""
    file = wide(
        tmp_path / "theirs.csv",
        {
            "cus_pro": [50] * 6,
            "cus_team": [80] * 6,
            "cus_year": [40] * 6,
            "cus_euro": [40] * 6,
            "cus_euro_too": [80] * 6,
            "cus_euro_again": [200] * 6,
        },
        currencies={"cus_euro": "eur", "cus_euro_too": "eur", "cus_euro_again": "eur"},
    )
    found = reconcile(session, file)
    assert not named(found)
    assert (36, 6, Fraction(1), "default") == (found.compared, found.customers, found.explained_share, found.policy)
    assert (170_000_000, 320_000_000) == tuple(
        sum(t.ours_micros for t in found.totals if t.currency == c) // 6 for c in ("usd", "eur")
    )


def test_minor_units_are_told_by_the_amounts_and_said(session: Session, tmp_path: Path) -> None:
    """Whole numbers a hundred times ours are cents; what was told to be dollars is taken for dollars."""
    file = wide(tmp_path / "theirs.csv", {"cus_pro": [5000] * 6, "cus_team": [8000] * 6, "cus_year": [4000] * 6})
    found = reconcile(session, file)
    assert any("minor units" in line for line in found.reading)
    assert {"cus_euro", "cus_euro_too", "cus_euro_again"} == set(named(found))
    told = reconcile(session, file, minor=False)
    assert any("major units" in line for line in told.reading)
    assert ("unexplained", "unexplained") in named(told)["cus_pro"]


def test_what_looks_like_a_years_is_said(session: Session, tmp_path: Path) -> None:
    """ARR in the place of MRR is nobody's policy."""
    found = reconcile(session, wide(tmp_path / "theirs.csv", {"cus_pro": [600] * 6, "cus_team": [960] * 6}), policy=BASIS)
    assert any("twelve times ours" in note for note in found.notes)


def test_customers_are_matched_by_address_where_there_is_no_id(session: Session, tmp_path: Path) -> None:
    """Whatever the case; two customers of one address are one beside the file; how it matched is said."""
    file = _long(
        tmp_path,
        "PRO@example.test,2025-03,50",
        "both@example.test,2025-03,120",
        "nobody@example.test,2025-03,9",
        head="email,month,mrr",
    )
    found = reconcile(session, file, policy=BASIS)
    assert {"nobody@example.test": {("unknown_here", "unknown_here")}} == {
        name: rules for name, rules in named(found).items() if "euro" not in name
    }
    assert any("2 by e-mail, 1 unknown here" in line for line in found.reading)


def test_subscriptions_name_their_customer(session: Session, tmp_path: Path) -> None:
    """A file by subscription is added up by customer."""
    file = _long(tmp_path, "sub_pro,2025-03,50", "sub_team,2025-03,80", head="subscription_id,month,mrr")
    found = reconcile(session, file, policy=BASIS)
    assert {"cus_year", "cus_euro", "cus_euro_too", "cus_euro_again"} == set(named(found))


def test_an_id_that_nobody_knows_is_somebody_else_whatever_the_address(session: Session, tmp_path: Path) -> None:
    """The file is of another account, say."""
    file = _long(tmp_path, "cus_other,Pro@Example.test,2025-03,50", "cus_team,,2025-03,80", head="customer,email,month,mrr")
    assert {("unknown_here", "unknown_here")} == named(reconcile(session, file))["cus_other"]


def test_a_file_of_which_nobody_is_known_is_refused(session: Session, tmp_path: Path) -> None:
    """It is of another account, most likely: all of it unknown would look like all of it explained."""
    with pytest.raises(
        BadFile, match="nobody here is known by any of its 2 customers, such as 'cus_x', 'cus_y'; here they are called 'cus_euro'"
    ):
        reconcile(session, _long(tmp_path, "cus_x,2025-03,50", "cus_y,2025-03,50"))


def test_one_currency_for_all_is_compared_at_our_rates(session: Session, tmp_path: Path) -> None:
    """40 EUR are 44.00 USD at January's 1.10. Who is elsewhere by their rate is named so; who is off for another reason isn't."""
    ours = ("1.10", "1.11", "1.12", "1.13", "1.14", "1.15")
    theirs = ("1.10", "1.11", "1.125", "1.13", "1.14", "1.15")
    for rates, rules in (
        (ours, {}),
        (theirs, {name: {("exchange_rate", "rate")} for name in ("cus_euro", "cus_euro_too", "cus_euro_again")}),
    ):
        file = wide(
            tmp_path / "theirs.csv",
            {
                "cus_pro": [50] * 6,
                "cus_team": [80] * 6,
                "cus_year": [40] * 6,
                **{
                    f"cus_{name}": [f"{units * Decimal(rate):.2f}" for rate in rates]
                    for name, units in (("euro", 40), ("euro_too", 80), ("euro_again", 200))
                },
            },
        )
        found = reconcile(session, file)
        assert rules == named(found)
        adds_up(found)
    text = file.read_text().replace("92.00", "93.50")
    file.write_text(text)
    assert {("exchange_rate", "rate"), ("unexplained", "unexplained")} == named(reconcile(session, file))["cus_euro_too"]


def test_without_a_currency_the_likelier_one_is_taken(session: Session, tmp_path: Path) -> None:
    """Amounts in the customers' own currency agree as well as those in the reporting currency."""
    native = reconcile(session, wide(tmp_path / "a.csv", {"cus_pro": [50] * 6, "cus_euro": [40] * 6}, currency=None))
    together = reconcile(
        session,
        wide(
            tmp_path / "b.csv",
            {"cus_pro": [50] * 6, "cus_euro": ["44.00", "44.40", "44.80", "45.20", "45.60", "46.00"]},
            currency=None,
        ),
    )
    others = {"cus_team", "cus_year", "cus_euro_too", "cus_euro_again"}
    assert (others, others) == (set(named(native)), set(named(together)))


def test_the_nearest_policy_is_taken_unless_one_is_named(engine: Engine, tmp_path: Path) -> None:
    """Of the one that is set and the presets; how many amounts differ under each is said."""
    asked = "event 2025-03-10 cancel_at=2025-12-10 asked=2025-03-10"
    put(engine, {f"c{n}": f"{SINCE} items=team discounts=half3:2025-01-01..2025-06-15\n{asked}" for n in range(4)})
    session = session_on(engine, BASIS)
    file = wide(tmp_path / "theirs.csv", {f"cus_c{n}": [80, 80, 0, 0, 0, 0] for n in range(4)})
    found = reconcile(session, file)
    assert ("stripe", {}, 0) == (found.policy, named(found), min(n.differing for n in found.nearness))
    stored = session_on(engine, BASIS, kept=[replace(BASIS, policy=PRESETS["stripe"])])
    assert found.totals == reconcile(stored, file).totals
    named_policy = reconcile(session, file, policy=BASIS)
    assert ("default", (), {("policy", "discounts"), ("policy", "churn_at")}) == (
        named_policy.policy,
        named_policy.nearness,
        named(named_policy)["cus_c0"],
    )


def test_what_was_estimated_or_not_tried_is_said(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy's nearness that a sample tells, a book too large to derive anew, and pairs of choices that were left untried."""
    put(engine, {f"c{n}": f"{SINCE} items=pro" for n in range(4)})
    session = session_on(engine, BASIS)
    wrong = wide(tmp_path / "theirs.csv", {f"cus_c{n}": [57 + n] * 6 for n in range(4)})
    summary = tmp_path / "summary.csv"
    summary.write_text("Metric," + ",".join(f"{day:%Y-%m}" for day in DAYS) + "\nEnding MRR" + ",230.00" * 6 + "\n")
    assert () == reconcile(session, wrong).notes
    monkeypatch.setattr(reconciliation, "SAMPLE", 2)
    monkeypatch.setattr(reconciliation, "WHOLE_BOOK_TRIED", 3)
    monkeypatch.setattr(naming, "PAIRS_TRIED", 1)
    assert (
        "how near other policies are is estimated from 2 of 4 customers",
        "4 customers no single rule explains: two choices at once were tried for the 1 largest differences",
    ) == reconcile(session, wrong).notes
    found = reconcile(session, summary)
    assert (["default"], ("the file names nobody, and the book has 4 customers: no other policy was tried (--policy)",)) == (
        [n.policy for n in found.nearness],
        found.notes,
    )


def test_the_currency_of_amounts_that_name_none_is_said(session: Session, tmp_path: Path) -> None:
    """The customer's own, since nobody else tells; nothing is said where the file does."""
    silent = reconcile(session, _long(tmp_path, "cus_pro,2025-03,50", "cus_euro,2025-03,40"), policy=BASIS)
    assert "amounts without a currency are taken for the customer's own, else USD" in silent.reading
    told = wide(tmp_path / "theirs.csv", {"cus_pro": [50] * 6, "cus_euro": [40] * 6}, currencies={"cus_euro": "eur"})
    assert not any("without a currency" in line for line in reconcile(session, told, policy=BASIS).reading)


def test_who_comes_and_goes_within_a_month_shows_on_other_days(engine: Engine, tmp_path: Path) -> None:
    """A file of days: one who is left out there for having been a customer for two weeks."""
    put(engine, {"short": "event 2025-03-05 items=pro\nevent 2025-03-20 status=canceled ended=2025-03-20", "pro": LIVES["pro"]})
    session = session_on(engine, BASIS)
    file = _long(tmp_path, "cus_pro,2025-03-10,50", "cus_short,2025-03-10,0", "cus_pro,2025-03-25,50", "cus_short,2025-03-25,0")
    assert {"cus_short": {("policy", "same_month_left_out")}} == named(reconcile(session, file, policy=BASIS))


def test_changes_add_up_to_closings(session: Session, tmp_path: Path) -> None:
    """On top of what was held before the log begins; a change that it lacks is a difference from then on."""
    file = _long(
        tmp_path,
        "cus_pro,2025-01-01T00:00:00Z,50",
        "cus_team,2025-02-10,80",
        "cus_year,2025-01-01,40",
        head="Customer ID,Timestamp,MRR change",
    )
    found = reconcile(session, file, policy=BASIS)
    assert (DAYS[0], DAYS[1]) == found.days
    assert [("cus_team", DAYS[0])] == _rows(found, "timing")


def test_who_is_not_in_a_log_of_changes_did_not_change(session: Session, tmp_path: Path) -> None:
    """A log that begins in March: everybody else goes on with what was held before it."""
    file = _long(tmp_path, "cus_pro,2025-03-10,10", head="Customer ID,Timestamp,MRR change")
    found = reconcile(session, file, policy=BASIS)
    assert {"cus_pro": {("unexplained", "unexplained")}} == named(found)
    assert any("what 6 customers held before is taken from here" in note for note in found.notes)


def test_a_summary_is_the_whole_book(engine: Engine, tmp_path: Path) -> None:
    """The other policy is found for it too, by its totals alone."""
    put(engine, {"pro": LIVES["pro"], "ten": f"{SINCE} items=team discounts=ten:2025-01-01.."})
    session = session_on(engine, BASIS)
    file = tmp_path / "summary.csv"
    file.write_text("Metric," + ",".join(f"{day:%Y-%m}" for day in DAYS) + "\nEnding MRR" + ",130.00" * 6 + "\n")
    found = reconcile(session, file, policy=BASIS)
    assert [("(whole book)", {("policy", "discounts")})] == list(named(found).items())
    adds_up(found)


def test_what_lies_ahead_is_left_out_and_said(session: Session, tmp_path: Path) -> None:
    """The month that isn't over is compared as of today; a file of nothing but the future is refused."""
    file = _long(tmp_path, "cus_pro,2025-06,50", "cus_pro,2025-07,50", "cus_pro,2025-08,50")
    found = reconcile(session, file, policy=BASIS)
    assert (date(2025, 6, 30), date(2025, 7, 10)) == found.days
    assert [
        "1 amounts of days after 2025-07-10 are left out (the last is of 2025-08-31)",
        "the month of 2025-07-10 isn't over: it is compared as of 2025-07-10",
    ] == list(found.notes)
    with pytest.raises(BadFile, match="all of its months lie after 2025-07-10"):
        reconcile(session, _long(tmp_path, "cus_pro,2031-08,50"))


def test_an_amount_that_nobody_can_have(session: Session, tmp_path: Path) -> None:
    """It is said with its line instead of running over."""
    with pytest.raises(BadFile, match=r"line 2: .* can't be anybody's MRR in USD"):
        reconcile(session, _long(tmp_path, "cus_pro,2025-06,99999999999999"))
