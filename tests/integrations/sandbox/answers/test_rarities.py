"""What Stripe does rarely, or says badly: each is a verb of a script, and its answers are Stripe's."""

from typing import Any

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.random_scenarios import FEATURES, MORE
from integrations.sandbox.simulator.scenario import Script
from tests.integrations.sandbox.answers.test_openapi import VERSION, faults_of
from tests.integrations.sandbox.asking import ask, every, get

START = parse_instant("2025-01-01")
ENDIVE = "2026-09-30.endive"
MODULES = [(f"price_module{n:02d}_monthly", 1) for n in range(1, 12)]


def lived(*scripts: Script, now: str, months: int = 18) -> Sandbox:
    """A sandbox of these customers alone at `now`."""
    return Sandbox(Business(customers=0, months=months, start=START, scripts=scripts), now=now)


def only(sandbox: Sandbox, path: str, *params: tuple[str, str], version: str = ENDIVE) -> dict[str, Any]:
    """The one object of a list."""
    (found,) = get(sandbox, path, params, version=version)["data"]
    assert isinstance(found, dict)
    return found


def test_ten_items_are_inlined_and_the_rest_is_paged() -> None:
    """In the subscription, in its events, and in the old values that an event gives."""
    script = Script().subscribe("2025-01-03", items=MODULES).change("2025-01-10", quantity=7, item=2)
    with lived(script, now="2025-01-20") as sandbox:
        held = only(sandbox, "/v1/subscriptions")["items"]
        assert (10, True) == (len(held["data"]), held["has_more"])
        sub = only(sandbox, "/v1/subscriptions")["id"]
        assert 11 == len({each["id"] for each in every(sandbox, "/v1/subscription_items", [("subscription", sub)], limit=4)})
        (event,) = (e for e in every(sandbox, "/v1/events") if "items" in e["data"].get("previous_attributes", ()))
        now, before = event["data"]["object"]["items"], event["data"]["previous_attributes"]["items"]
        assert (10, True, 10) == (len(now["data"]), now["has_more"], len(before["data"]))


def test_a_change_past_the_tenth_item_shows_nowhere_in_its_event() -> None:
    """The ten that are inlined are as they were."""
    script = Script().subscribe("2025-01-03", items=MODULES).change("2025-01-10T12:00", quantity=7, item=10)
    with lived(script, now="2025-01-20") as sandbox:
        told = [e for e in every(sandbox, "/v1/events") if e["created"] == parse_instant("2025-01-10T12:00")]
        assert ["customer.subscription.updated"] == [e["type"] for e in told]
        assert "items" not in told[0]["data"]["previous_attributes"]


def test_what_was_made_again_keeps_its_terms_where_it_is_attached() -> None:
    """The list has the new coupon and the new plan; the subscription carries the old ones whole."""
    script = Script().subscribe("2025-01-03", "price_legacy_monthly", coupons=["SPRING"])
    expand = [("expand[]", "data.discounts.source.coupon")]
    with lived(script, now="2025-06-01") as sandbox:
        coupons = {each["id"]: each["percent_off"] for each in every(sandbox, "/v1/coupons")}
        prices = {each["id"]: each["unit_amount"] for each in every(sandbox, "/v1/prices")}
        assert (50.0, 3000) == (coupons["SPRING"], prices["price_legacy_monthly"])
        sub = only(sandbox, "/v1/subscriptions", *expand)
        assert 20.0 == sub["discounts"][0]["source"]["coupon"]["percent_off"]
        assert 2000 == sub["items"]["data"][0]["price"]["unit_amount"]
        sandbox.set_now("2025-03-02T00:30")
        gone = {each["id"] for each in every(sandbox, "/v1/coupons")} | {each["id"] for each in every(sandbox, "/v1/prices")}
        assert not {"SPRING", "price_legacy_monthly", "price_usage_legacy_monthly"} & gone
        assert 404 == ask(sandbox, "/v1/coupons/SPRING").status


def test_a_scope_shows_only_where_it_is_expanded_and_never_five_levels_down() -> None:
    """A list can't expand it, a single subscription can, deleted or not."""
    script = Script().subscribe("2025-01-03", items=[("price_team_monthly", 2), ("price_support_monthly", 1)], coupons=["TEAMHALF"])
    deep = "data.discounts.source.coupon.applies_to"
    with lived(script, now="2025-06-01") as sandbox:
        assert 400 == ask(sandbox, "/v1/subscriptions", [("expand[]", deep)]).status
        listed = only(sandbox, "/v1/subscriptions", ("expand[]", "data.discounts.source.coupon"))
        assert "applies_to" not in listed["discounts"][0]["source"]["coupon"]
        one = get(sandbox, f"/v1/subscriptions/{listed['id']}", [("expand[]", deep.removeprefix("data."))], version=ENDIVE)
        assert {"products": ["prod_team"]} == one["discounts"][0]["source"]["coupon"]["applies_to"]
        off = {
            a["amount"]
            for bill in every(sandbox, "/v1/invoices")
            for line in bill["lines"]["data"]
            for a in line["discount_amounts"]
        }
        assert {1200} == off


@pytest.mark.parametrize(("outcome", "quantity"), [("void", 1), ("open", 1), ("paid", 5)])
def test_an_upgrade_that_waits_for_its_payment(outcome: str, quantity: int) -> None:
    """Until it is paid the subscription is what it was, and its invoice is open."""
    script = (
        Script()
        .subscribe("2025-01-03", "price_team_monthly")
        .offer("2025-01-10T12:00", quantity=5, settled="2025-01-11T11:00", outcome=outcome)
    )
    with lived(script, now="2025-01-10T13:00") as sandbox:
        sub = only(sandbox, "/v1/subscriptions")
        assert 1 == sub["items"]["data"][0]["quantity"]
        assert 5 == sub["pending_update"]["subscription_items"][0]["quantity"]
        assert ["open", "paid"] == [bill["status"] for bill in every(sandbox, "/v1/invoices")]
        sandbox.set_now("2025-01-12")
        sub = only(sandbox, "/v1/subscriptions")
        assert (quantity, None) == (sub["items"]["data"][0]["quantity"], sub["pending_update"])
        assert [outcome, "paid"] == [bill["status"] for bill in every(sandbox, "/v1/invoices")]
        verb = "applied" if outcome == "paid" else "expired"
        assert [f"customer.subscription.pending_update_{verb}"] == [
            e["type"] for e in every(sandbox, "/v1/events", [("type", "customer.subscription.pending_update*")])
        ]


def test_an_event_that_appears_late() -> None:
    """It is in no list until then, and afterwards stands at its own moment."""
    script = Script().subscribe("2025-01-03", "price_team_monthly").change("2025-01-10T12:00", quantity=4)
    script.delay_events("2025-01-10T12:00", "2025-01-10T12:01", 20 * 60)
    with lived(script, now="2025-01-10T12:19") as sandbox:
        early = [e["id"] for e in every(sandbox, "/v1/events")]
        sandbox.set_now("2025-01-10T12:20")
        late = [e for e in every(sandbox, "/v1/events") if e["id"] not in early]
        assert [parse_instant("2025-01-10T12:00")] == [e["created"] for e in late]
        assert 200 == ask(sandbox, f"/v1/events/{late[0]['id']}").status


def test_a_replica_that_lags_behind() -> None:
    """Everything but the event is as it was an hour ago, and later as it is."""
    script = Script().subscribe("2025-01-03", "price_team_monthly").change("2025-01-10T12:00", quantity=4)
    script.lag("2025-01-10T12:00", "2025-01-10T12:30", 3_600)
    with lived(script, now="2025-01-10T12:10") as sandbox:
        for now, quantity in (("2025-01-10T12:10", 1), ("2025-01-10T12:30", 4)):
            sandbox.set_now(now)
            sub = only(sandbox, "/v1/subscriptions")
            assert quantity == sub["items"]["data"][0]["quantity"]
            assert sub == get(sandbox, f"/v1/subscriptions/{sub['id']}", version=ENDIVE)
            assert 4 == next(every(sandbox, "/v1/events"))["data"]["object"]["items"]["data"][0]["quantity"]


def test_a_subscription_that_vanishes() -> None:
    """No list has it, nothing answers for it, and no event says that it ended."""
    with lived(Script().subscribe("2025-01-03", "price_team_monthly").vanish("2025-02-20"), now="2025-02-19") as sandbox:
        sub = only(sandbox, "/v1/subscriptions")["id"]
        sandbox.set_now("2025-04-20")
        assert [] == [*every(sandbox, "/v1/subscriptions", [("status", "all")])]
        assert (
            404
            == ask(sandbox, f"/v1/subscriptions/{sub}").status
            == ask(sandbox, "/v1/subscription_items", [("subscription", sub)]).status
        )
        assert [] == [*every(sandbox, "/v1/events", [("type", "customer.subscription.*")])]


@pytest.mark.parametrize("what", ["pricing", "quantity", "parent"])
def test_a_line_that_leaves_something_out(what: str) -> None:
    """Null, as Stripe's description allows, on the invoices of that time alone."""
    script = Script().subscribe("2025-01-03", "price_team_monthly").blank_lines("2025-02-01", "2025-02-28", what)
    with lived(script, now="2025-03-20") as sandbox:
        bills = [*every(sandbox, "/v1/invoices", version=ENDIVE)]
        assert [False, True, False] == [line[what] is None for bill in bills for line in bill["lines"]["data"]]


def test_a_proration_waits_as_an_invoice_item() -> None:
    """Pending until the next cycle's invoice has its lines, which name it."""
    script = Script().subscribe("2025-01-03", "price_team_monthly").change("2025-01-10", quantity=4)
    with lived(script, now="2025-01-20") as sandbox:
        waiting = [*every(sandbox, "/v1/invoiceitems", [("pending", "true")], version=ENDIVE)]
        assert {-1: 1, 1: 4} == {(-1 if each["amount"] < 0 else 1): each["quantity"] for each in waiting}
        sandbox.set_now("2025-02-20")
        assert [] == [*every(sandbox, "/v1/invoiceitems", [("pending", "true")])]
        cycle = next(every(sandbox, "/v1/invoices", version=ENDIVE))
        named = {line["parent"]["subscription_item_details"]["invoice_item"] for line in cycle["lines"]["data"]} - {None}
        assert {each["id"] for each in waiting} == named
        billed = get(sandbox, "/v1/invoiceitems", [("pending", "false")], version=ENDIVE)["data"]
        assert {cycle["id"]} == {each["invoice"] for each in billed}


def test_what_is_billed_ahead_is_not_billed_again() -> None:
    """One line reaches over the cycles to come; the next invoice comes after them."""
    with lived(Script().subscribe("2025-01-03", "price_starter_monthly").prebill("2025-01-10", 3), now="2025-05-20") as sandbox:
        spans = [
            (line["period"]["start"], line["period"]["end"], line["amount"])
            for bill in every(sandbox, "/v1/invoices")
            for line in bill["lines"]["data"]
        ]
        days = [parse_instant(each) for each in ("2025-01-03", "2025-02-03", "2025-05-03", "2025-06-03")]
        assert [(days[2], days[3], 2900), (days[1], days[2], 8700), (days[0], days[1], 2900)] == spans


def test_plans_for_later() -> None:
    """Phases to come, and a pause to come, are in the schedule; a pause only in the versions that have it."""
    phases = (
        Script()
        .subscribe("2025-01-03", "price_team_monthly")
        .schedule_phases("2025-01-05", [("2025-02-01", "price_team_monthly", 4), ("2025-03-01", "price_team_monthly", 9)])
    )
    pause = Script().subscribe("2025-01-04", "price_team_monthly").plan_pause("2025-01-06", "2025-02-10", "2025-03-10")
    with lived(phases, pause, now="2025-01-20") as sandbox:
        held, planned = get(sandbox, "/v1/subscription_schedules", version=ENDIVE)["data"][::-1]
        assert [1, 4, 9] == [phase["items"][0]["quantity"] for phase in held["phases"]]
        assert parse_instant("2025-02-10") == planned["pause_schedules"][0]["pause"]["pause_at"]
        assert "pause_schedules" not in get(sandbox, "/v1/subscription_schedules", version=VERSION)["data"][0]
        for now, quantity, status in (("2025-02-20", 4, "paused"), ("2025-03-20", 9, "active")):
            sandbox.set_now(now)
            first, second = get(sandbox, "/v1/subscriptions", version=ENDIVE)["data"][::-1]
            assert (quantity, status) == (first["items"]["data"][0]["quantity"], second["status"])


def test_statuses_and_reasons_of_their_own() -> None:
    """A free month by trial, a status that nobody knows yet, and an end by Stripe's own policy."""
    script = (
        Script()
        .subscribe("2025-01-03", "price_starter_monthly")
        .give_trial("2025-02-10", "2025-03-10")
        .put_status("2025-04-01", "hibernating")
        .put_status("2025-04-20", "active")
        .cancel("2025-05-01", reason="canceled_by_retention_policy")
    )
    seen = []
    with lived(script, now="2025-02-01") as sandbox:
        for now in ("2025-02-01", "2025-02-20", "2025-03-20", "2025-04-10", "2025-04-25", "2025-05-02"):
            sandbox.set_now(now)
            sub = only(sandbox, "/v1/subscriptions", ("status", "all"))
            seen.append(sub["status"])
    assert ["active", "trialing", "active", "hibernating", "active", "canceled"] == seen
    assert "canceled_by_retention_policy" == sub["cancellation_details"]["reason"]


def test_rare_answers_are_stripes() -> None:
    """Every object of every kind in a business where all of it happens, but for the status that Stripe doesn't have."""
    business = Business(customers=150, months=9, seed=6, features=(FEATURES | MORE) - {"unknown_statuses"}, api_version=VERSION)
    with Sandbox(business) as sandbox:
        sandbox.set_now(business.end - 20 * DAY)
        for kind, path in (
            ("subscription", "subscriptions"),
            ("invoice", "invoices"),
            ("subscription_schedule", "subscription_schedules"),
        ):
            params = [("status", "all")] if kind == "subscription" else []
            seen = 0
            for value in every(sandbox, f"/v1/{path}", params, version=VERSION):
                assert [] == list(faults_of(kind, value)), value["id"]
                seen += 1
            assert seen > 0, kind
        assert any(each["pending_update"] for each in _past(sandbox))


def _past(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [e["data"]["object"] for e in every(sandbox, "/v1/events", [("type", "customer.subscription.updated")])]
