"""Alerts in a real database: states and messages written down together, and what they are about (how they are sent: test_sending)."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import polars as pl
import pytest
from sqlalchemy import Engine

from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.alerts import AlertMoved
from integrations.store.db.engine import begin, read
from integrations.store.facts.accounts import bind
from integrations.store.facts.customers import contacts
from integrations.store.figures import labels as words
from integrations.store.figures import snapshots
from metrics.alerts.rules import MovementRule, Rule, SystemRule, Watch
from metrics.entries import CustomerLedger, Movement, Standing
from metrics.evidence import Instant
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import BASIS, Desk, Notebook, at

NRR = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1))
PLANS = Rule("plans", "nrr", "trailing_12", "below", Fraction(1), dimension="plan")
WATCH = Watch(rules=(NRR,), system=())
MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)


def test_a_state_and_its_message_are_stored_together(engine: Engine) -> None:
    """One night: the alert fires, the message is due, the history knows the figures; the same night again adds nothing."""
    desk = Desk.open(engine, WATCH, Notebook())
    done = desk.night(JUNE, months("trailing_12", JUNE, 102, 97))
    assert (("nrr", "", "ok", "firing"),) == done.transitions
    assert ["due firing:1 nrr slack"] == desk.told()
    assert () == desk.night(JUNE).transitions
    assert ["due firing:1 nrr slack"] == desk.told()
    with read(engine) as connection:
        (change,) = alerts.history(connection)
    assert {"value": "97 %", "limit": "below 100 %"} == {k: change.body["shown"][k] for k in ("value", "limit")}


def test_a_crash_before_the_commit_leaves_neither_state_nor_message(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The messages can't be written: the state isn't stored either, and the next evaluation says all of it."""
    desk = Desk.open(engine, WATCH, Notebook())
    desk.store(months("trailing_12", JUNE, 102, 97), JUNE)

    def broken(*_: object, **__: object) -> int:
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "enqueue", broken)
        with pytest.raises(RuntimeError, match="disk"):
            desk.night(JUNE)
    assert ([], "ok", []) == (desk.told(), desk.state("nrr"), desk.history())
    desk.night(JUNE)
    assert (["due firing:1 nrr slack"], "firing") == (desk.told(), desk.state("nrr"))


def test_two_evaluations_at_once_say_it_once(engine: Engine) -> None:
    """Somebody else stores the alert between reading and writing: refused whole, and judged again on what is there then."""
    desk = Desk.open(engine, WATCH, Notebook())
    desk.store(months("trailing_12", JUNE, 102, 97), JUNE)
    with begin(engine) as connection:
        before = alerts.states(connection)
    assert {} == before
    desk.night(JUNE)
    with pytest.raises(AlertMoved), begin(engine) as connection:
        alerts.put(connection, None, alerts.AlertRow("nrr", "", "firing", {}), at(JUNE))
    assert ["due firing:1 nrr slack"] == desk.told()


def test_the_end_follows_the_beginning(engine: Engine) -> None:
    """The message that it is resolved is sent under the first one, with what Slack told of that."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    desk.night(JUNE, months("trailing_12", JUNE, 102, 97))
    desk.send()
    desk.night(JULY, months("trailing_12", JULY, 102, 97, 103))
    desk.send()
    first, last = slack.given
    assert (None, "nrr||1") == (first.thread, last.thread)
    assert {"ts": "1.0"} == dict(last.root)
    assert first.key != last.key


def test_segments_with_one_cause_are_covered_by_the_message_of_the_whole(engine: Engine) -> None:
    """Every firing has a row in the outbox, only one of them is sent."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(NRR, PLANS), system=()), slack)
    plans = [f for p in "ab" for f in months("trailing_12", JUNE, 97, dimension="plan", segment=p)]
    desk.night(JUNE, [*months("trailing_12", JUNE, 97), *plans])
    assert [
        "due firing:1 nrr slack",
        "covered firing:1 plans plan=a slack",
        "covered firing:1 plans plan=b slack",
    ] == desk.told()
    desk.send()
    assert 1 == len(slack.given)
    assert 2 == len(slack.given[0].content["also"])


def test_a_segment_is_called_as_people_call_it(engine: Engine) -> None:
    """By what Stripe calls the plan, unless the rules have a word of their own for it; by its id where nobody named it."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(PLANS,), system=(), labels={"plan=b": "Bee"}), slack)
    with begin(engine) as connection:
        words.put(connection, {("plan", "a"): "Team, 49.00 USD a month", ("plan", "b"): "Other"})
    plans = [f for p in "abc" for f in months("trailing_12", JUNE, 97, dimension="plan", segment=p)]
    desk.night(JUNE, [*months("trailing_12", JUNE, 97), *plans])
    desk.send()
    (given,) = slack.given
    told = f"{given.content}"
    assert [True, True, False, True] == [
        word in told for word in ("of Team, 49.00 USD a month (a)", "of Bee", "Other", "of plan=c")
    ]


def test_a_restated_figure_is_a_new_version_and_is_told_as_one(engine: Engine) -> None:
    """The stored figures change: the message names both values."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    desk.night(JUNE, months("trailing_12", JUNE, 102, 101))
    desk.night(date(2025, 6, 9), months("trailing_12", JUNE, 102, 98))
    desk.send()
    assert (
        "This is a restatement: NRR of the 12 months to May 2025 was 101 % when it was first judged and is 98 % now."
        in slack.given[0].content["notes"]
    )


def test_a_mute_in_the_database_withholds_until_it_ends(engine: Engine) -> None:
    """Muted for two days: withheld on the first night, told on the third. Asked for by the rule, it holds for all of its segments."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    with begin(engine) as connection:
        alerts.silence(connection, "nrr", "", "mute", at(JUNE) + timedelta(days=2), "we know")
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert ["withheld firing:1 nrr slack"] == desk.told()
    desk.night(date(2025, 6, 2))
    desk.send()
    assert [] == slack.given
    desk.night(date(2025, 6, 4))
    desk.send()
    assert ["NRR below 100 %: 97 % (the 12 months to May 2025)"] == slack.titles


def test_an_acknowledgement_ends_with_the_alert(engine: Engine) -> None:
    """Resolved: whoever has seen the last one has not seen the next."""
    desk = Desk.open(engine, WATCH, Notebook())
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    with begin(engine) as connection:
        alerts.silence(connection, "nrr", "", "ack", None, "on it")
    desk.night(JULY, months("trailing_12", JULY, 97, 103))
    with read(engine) as connection:
        assert [] == list(alerts.silences(connection, at(JULY)))


# --- the health of the data, and names --------------------------------------------------------------------------------------------


def test_objects_kept_out_are_told_of_and_named(engine: Engine) -> None:
    """One object is in quarantine: told with its id and reason; read again, it is resolved. Figures need not be there at all."""
    from integrations.store.facts import quarantine

    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(NRR,), system=(SystemRule("quarantine"),)), slack)
    with begin(engine) as connection:
        account = bind(connection, name="default", stripe_id="acct_1", livemode=False, country="US", default_currency="usd")
        quarantine.put(connection, [quarantine.Quarantined(account, "invoice", "in_1", "unreadable", "no currency")])
    desk.night(JUNE)
    desk.send()
    assert ["1 object is quarantined"] == slack.titles
    assert ["invoice in_1: unreadable"] == slack.given[0].content["notes"]
    with begin(engine) as connection:
        quarantine.clear(connection, account, "invoice", ["in_1"])
    desk.night(date(2025, 6, 2), health_only=True)
    desk.send()
    assert "Resolved: nothing is quarantined any more" == slack.titles[-1]


def test_names_are_put_in_only_if_somebody_wants_them(engine: Engine) -> None:
    """With `names` the customer's name stands beside its id; without it the outbox and the message hold ids only."""
    given = {}
    for names in (False, True):
        slack = Notebook()
        watch = Watch(rules=(), movements=(MovementRule(f"large-{names}", "churn", 10**9),), system=(), names=names)
        desk = Desk.open(engine, watch, slack)
        _churned(engine, "cus_big", 5_000)
        desk.night(date(2025, 6, 4))
        desk.send()
        given[names] = slack.given[0].content
        assert "Big <Corp>" not in str([p.message.body for p in desk.posted()])
    assert "Large churn: cus_big −5,000 USD" == given[False]["title"]
    assert "name" not in given[False]["customers"][0]
    assert "Large churn: Big <Corp> −5,000 USD" == given[True]["title"]
    assert "Big <Corp>" == given[True]["customers"][0]["name"]


def _churned(engine: Engine, customer: str, major: int, currency: str = "usd") -> None:
    from integrations.store.ledger import bases as ledger_bases
    from integrations.store.ledger import write as write_ledger
    from metrics.periods import opening

    micros, day = major * 10**6, date(2025, 6, 3)
    with begin(engine) as connection:
        account = bind(connection, name="default", stripe_id="acct_1", livemode=False, country="US", default_currency="usd")
        contacts.put(connection, account, [contacts.Person(customer, "Big <Corp>", None)], Instant(5))
        left = Movement(customer, day, currency, "churn", "canceled_voluntary", micros, 0, micros, 0, ("sub_1",))
        stands = (
            Standing(customer, date(2025, 1, 1), currency, micros, micros, 0, 0, 0, 1, "p", "p", "month", account=account),
            Standing(customer, day, currency, 0, 0, 0, 0, 0, 0, None, None, None, account=account),
        )
        write_ledger.replace_customers(
            connection, BASIS.version, [customer], [CustomerLedger(customer, (left,), stands, (), (), ())]
        )
        ledger_bases.mark_derived(connection, BASIS.version, at(JUNE), opening(date(2025, 6, 4), "UTC"))


def test_a_large_churn_is_found_in_the_ledger_once(engine: Engine) -> None:
    """Seen on the night after, not again a week later; when the ledger no longer has it, that is said."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), movements=(MovementRule("large", "churn", 10**9),), system=()), slack)
    _churned(engine, "cus_big", 5_000)
    desk.night(date(2025, 6, 4))
    desk.night(date(2025, 6, 5))
    desk.send()
    assert ["Large churn: cus_big −5,000 USD"] == slack.titles
    from integrations.store.ledger import write as write_ledger

    with begin(engine) as connection:
        write_ledger.replace_customers(connection, BASIS.version, ["cus_big"], [])
    desk.night(date(2025, 6, 6))
    desk.send()
    assert "Resolved: the churn of cus_big is no longer in the ledger" == slack.titles[-1]


def test_an_amount_is_one_of_the_reporting_currency(engine: Engine) -> None:
    """More than 300 USD: 40,000 JPY at 150 to the dollar are less, 60,000 are more; a rule in JPY means its own money."""
    from integrations.store.facts import exchange_rates
    from metrics.exchange_rates import QUOTES

    slack = Notebook()
    rules = (MovementRule("large", "churn", 300 * 10**6), MovementRule("yen", "churn", 50_000 * 10**6, "jpy"))
    desk = Desk.open(engine, Watch(rules=(), movements=rules, system=()), slack)
    desk = Desk(engine, replace(desk.alerting, reporting_currency="usd"))
    with begin(engine) as connection:
        exchange_rates.put(connection, pl.DataFrame([(JUNE, "usd", "jpy", "150")], schema=QUOTES, orient="row"), "test", at(JUNE))
    for customer, yen in (("cus_less", 40_000), ("cus_more", 60_000)):
        _churned(engine, customer, yen, "jpy")
    desk.night(date(2025, 6, 4))
    assert ["due firing:1 large cus_more jpy 2025-06-03 slack", "due firing:1 yen cus_more jpy 2025-06-03 slack"] == desk.told()


def test_a_cancellation_that_is_asked_for_is_told_and_its_withdrawal_too(engine: Engine) -> None:
    """5,000 a month are to end: told once, whatever else changes; withdrawn, that is told; when it comes to its end, it is not."""
    from integrations.store.ledger import bases as ledger_bases
    from integrations.store.ledger import write as write_ledger
    from metrics.periods import opening

    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(), movements=(MovementRule("ending", "scheduled", 10**9),), system=()), slack)
    full = 5_000 * 10**6

    def stands(customer: str, *rows: tuple[date, int, int]) -> None:
        last = rows[-1][0]
        standings = tuple(
            Standing(customer, day, "usd", net, net, 0, asked, 0, 1, "p", "p", "month", account=1) for day, net, asked in rows
        )
        moved = tuple(
            Movement(customer, day, "usd", "churn", "canceled_voluntary", full, 0, full, 0, ("sub_1",))
            for day, net, _ in rows
            if net == 0
        )
        with begin(engine) as connection:
            write_ledger.replace_customers(
                connection, BASIS.version, [customer], [CustomerLedger(customer, moved, standings, (), (), ())]
            )
            ledger_bases.mark_derived(connection, BASIS.version, at(last), opening(last + timedelta(days=1), "UTC"))
            snapshots.replace_day_totals(
                connection,
                BASIS.version,
                pl.DataFrame([("", "", "usd", last, full, full, 0, 0, 0, 2, 2)], schema=snapshots.DAY_TOTALS, orient="row"),
            )

    start, asked = date(2025, 1, 1), date(2025, 6, 2)
    for customer in ("cus_back", "cus_gone"):
        stands(customer, (start, full, 0), (asked, full, full))
    desk.night(date(2025, 6, 3))
    desk.send()
    assert ["2 large scheduled cancellations: −10,000 USD"] == slack.titles
    stands("cus_back", (start, full, 0), (asked, full, full), (date(2025, 6, 9), full, 0))
    stands("cus_gone", (start, full, 0), (asked, full, full), (date(2025, 6, 9), 0, 0))
    desk.night(date(2025, 6, 10))
    desk.send()
    assert ["Resolved: the scheduled cancellation of cus_back was withdrawn"] == slack.titles[1:]
