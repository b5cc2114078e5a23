"""The sandbox lives in a time of its own, which goes where it is sent."""

from typing import Any

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from tests.integrations.sandbox.asking import ask, every, get

START = parse_instant("2024-01-01")


def business(**options: int) -> Business:
    """A small one."""
    return Business(**{"customers": 40, "months": 8, "seed": 3, "start": START} | options)  # type: ignore[arg-type]  # integers only


def test_what_is_to_come_is_not_there_yet() -> None:
    """Each object appears when it is created, and none before."""
    with Sandbox(business()) as sandbox:
        whole = {path: list(every(sandbox, path)) for path in ("/v1/customers", "/v1/invoices")}
        sandbox.set_now("2024-04-15T12:00")
        now = sandbox.now
        for path, objects in whole.items():
            old = {each["id"] for each in objects if each["created"] <= now}
            assert old <= {each["id"] for each in every(sandbox, path)}
            later = next(each for each in objects if each["created"] > now)
            assert 404 == ask(sandbox, f"{path}/{later['id']}").status


def test_an_invoice_is_what_it_was_then() -> None:
    """A draft, then open, then paid; nothing of the future shows."""
    with Sandbox(business()) as sandbox:
        bill = next(
            each
            for each in every(sandbox, "/v1/invoices")
            if each["status"] == "paid" and each["billing_reason"] == "subscription_cycle"
        )
        sandbox.set_now(bill["created"])
        draft = get(sandbox, f"/v1/invoices/{bill['id']}")
        assert ("draft", None, None) == (draft["status"], draft["status_transitions"]["paid_at"], draft["number"])
        sandbox.set_now(bill["status_transitions"]["paid_at"])
        assert "paid" == get(sandbox, f"/v1/invoices/{bill['id']}")["status"]


def test_events_are_kept_for_thirty_days_and_never_change() -> None:
    """The same event is the same bytes on each day on which it is kept."""
    seen: dict[str, Any] = {}
    with Sandbox(business(), now=START) as sandbox:
        for day in range(0, 240, 15):
            sandbox.set_now(START + day * DAY)
            for event in every(sandbox, "/v1/events"):
                assert sandbox.now - 30 * DAY <= event["created"] <= sandbox.now
                assert event == seen.setdefault(event["id"], event)
        oldest = min(seen.values(), key=lambda each: int(each["created"]))
        assert 404 == ask(sandbox, f"/v1/events/{oldest['id']}").status


@pytest.mark.parametrize("version", ["2024-06-20", "2025-09-30.clover"])
def test_previous_attributes_lead_back_to_the_event_before(version: str) -> None:
    """Laid over an update they give the very state that the event before it left."""
    world = Business(customers=30, months=6, seed=9, start=START, api_version=version)
    told: dict[str, Any] = {}
    with Sandbox(world, now=START) as sandbox:
        for day in range(0, 190, 20):
            sandbox.set_now(START + day * DAY)
            told |= {each["id"]: each for each in every(sandbox, "/v1/events", [("type", "customer.subscription.*")])}
    # Within a second only the simulation knows the order.
    order = {happening.id: n for _, life in world.lives(world.end) for n, happening in enumerate(life.happenings)}
    held: dict[str, Any] = {}
    updates = 0
    for each in sorted(told.values(), key=lambda event: (event["created"], order[event["id"]])):
        obj, previous = each["data"]["object"], each["data"].get("previous_attributes")
        if each["type"].endswith(".updated"):
            assert held[obj["id"]] == _laid_over(obj, previous) != obj
            updates += 1
        held[obj["id"]] = obj
    assert updates > 100


def _laid_over(now: dict[str, Any], previous: dict[str, Any]) -> dict[str, Any]:
    out = dict(now)
    for key, old in previous.items():
        new = out.get(key)
        out[key] = _laid_over(new, old) if isinstance(old, dict) and isinstance(new, dict) else old
        if key == "metadata":
            out[key] = {name: value for name, value in out[key].items() if value is not None}
    return out


def test_past_its_months_a_business_lives_on() -> None:
    """The clock may be sent past the end: what was there stays, and what was begun goes on."""
    with Sandbox(business(months=4), now="2024-05-01") as sandbox:
        before = {path: {each["id"] for each in every(sandbox, path)} for path in ("/v1/customers", "/v1/invoices")}
        sandbox.set_now("2024-09-01")
        for path, ids in before.items():
            assert ids <= {each["id"] for each in every(sandbox, path)} | _deleted(sandbox)
        assert any(each["created"] > parse_instant("2024-06-01") for each in every(sandbox, "/v1/invoices"))


def _deleted(sandbox: Sandbox) -> set[str]:
    return {life.customer.id for _, life in sandbox.business.lives(sandbox.now) if life.customer.versions[-1].state.deleted}


def test_the_clock_over_http() -> None:
    """Set or advanced by whoever holds the key, and by nobody else."""
    with Sandbox(business(), now=START) as sandbox:
        assert {"now": START} == get(sandbox, "/_sandbox/clock")
        assert 401 == ask(sandbox, "/_sandbox/clock", method="POST", body={"advance": 5}, key="sk_test_other").status
        said = ask(sandbox, "/_sandbox/clock", method="POST", body={"advance": 3 * DAY})
        assert ({"now": START + 3 * DAY}, START + 3 * DAY) == (said.json, sandbox.now)
        ask(sandbox, "/_sandbox/clock", method="POST", body={"now": "2024-02-01T00:00:00Z"})
        assert parse_instant("2024-02-01") == sandbox.now
        for wrong in ({}, {"now": "soon"}, {"advance": "much"}):
            assert 400 == ask(sandbox, "/_sandbox/clock", method="POST", body=wrong).status
        state = get(sandbox, "/_sandbox")
        assert (sandbox.now, sandbox.business.account) == (state["now"], state["account"])
        assert state["objects"]["customer"] == len(list(every(sandbox, "/v1/customers")))
