"""What the sandbox answers is what Stripe's own description of its API says it answers.

The description is of one version of the API, the answers are asked for in that version. Fields beyond it are named here, with who
else was seen to send them, so that a misspelt field is found.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.integrations.sandbox.asking import ask, every, get
from tests.integrations.stripe.reference import openapi

VERSION = "2026-08-26.dahlia"
UNDESCRIBED = {
    "subscription": {"plan", "quantity"},
    "product": {"attributes", "type"},
    "subscription_item": {"plan"},
}
"""Sent by Stripe in recorded answers, and in no description."""
LISTS = {
    "customer": ("/v1/customers", ["data.discount.source.coupon"]),
    "product": ("/v1/products", []),
    "price": ("/v1/prices", ["data.tiers", "data.currency_options"]),
    "coupon": ("/v1/coupons", ["data.applies_to", "data.currency_options"]),
    "subscription": ("/v1/subscriptions", ["data.discounts.source.coupon", "data.items.data.discounts"]),
    "invoice": ("/v1/invoices", ["data.discounts.source.coupon", "data.lines.data.discounts"]),
    "subscription_schedule": ("/v1/subscription_schedules", []),
    "event": ("/v1/events", []),
}


def _nullable(node: Any) -> Any:
    """A piece of OpenAPI 3.0 as JSON Schema: `nullable` becomes a further type."""
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    out = {key: _nullable(each) for key, each in node.items() if not key.startswith("x-") and key != "nullable"}
    return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out


@cache
def _schemas() -> dict[str, Any]:
    schemas: dict[str, Any] = _nullable(openapi()["components"]["schemas"])
    return schemas


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/components/schemas/{kind}", "components": {"schemas": _schemas()}})


def faults_of(kind: str, value: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an object by the description, and the fields that it shouldn't have."""
    for error in _validator(kind).iter_errors(value):
        yield f"{'.'.join(map(str, error.instance_path))}: {error.message[:200]}"
    known = set(openapi()["components"]["schemas"][kind]["properties"])
    yield from (f"{name} is no field of {kind}" for name in set(value) - known - UNDESCRIBED.get(kind, set()))


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("expanded", [False, True])
def test_lists(sandbox: Sandbox, kind: str, expanded: bool) -> None:
    """Every object of every list."""
    path, expand = LISTS[kind]
    params = [("expand[]", each) for each in expand] if expanded else []
    if kind == "subscription":
        params.append(("status", "all"))
    seen = 0
    for value in every(sandbox, path, params, version=VERSION):
        assert [] == list(faults_of(kind, value)), value["id"]
        seen += 1
    assert seen > 0


def test_parts(sandbox: Sandbox) -> None:
    """Lines, items, discounts and the account."""
    for bill in get(sandbox, "/v1/invoices", [("limit", 60), ("expand[]", "data.lines.data.discounts")], version=VERSION)["data"]:
        for line in bill["lines"]["data"]:
            assert [] == list(faults_of("line_item", line))
            for discount in line["discounts"]:
                assert [] == list(faults_of("discount", discount))
    for sub in get(sandbox, "/v1/subscriptions", [("limit", 60)], version=VERSION)["data"]:
        for item in sub["items"]["data"]:
            assert [] == list(faults_of("subscription_item", item))
    assert [] == list(faults_of("account", get(sandbox, "/v1/account", version=VERSION)))


def test_what_events_are_about() -> None:
    """An account on that version draws its events in it."""
    with Sandbox(Business(customers=40, months=3, seed=2, api_version=VERSION)) as sandbox:
        seen = set()
        for event in every(sandbox, "/v1/events", version=VERSION):
            obj = event["data"]["object"]
            seen.add(obj["object"])
            assert [] == list(faults_of(obj["object"], obj)), event["type"]
        assert {"customer", "subscription", "invoice", "discount"} <= seen


def test_a_deleted_customer(sandbox: Sandbox) -> None:
    """No more than its id and that it is gone."""
    ids = {each["customer"] for each in every(sandbox, "/v1/invoices", version=VERSION)}
    gone = [each for each in (get(sandbox, f"/v1/customers/{i}", version=VERSION) for i in sorted(ids)) if each.get("deleted")]
    assert gone
    for each in gone:
        assert [] == list(faults_of("deleted_customer", each))


def test_every_parameter_described_is_taken_or_refused_by_name(sandbox: Sandbox) -> None:
    """No list ignores a parameter: the ones that it doesn't have are named in an error, as Stripe does."""
    for kind, (path, _) in LISTS.items():
        described = {each["name"] for each in openapi()["paths"][path]["get"]["parameters"]}
        for name in ("limit", "starting_after", "ending_before", "created", "expand"):
            assert name in described, kind
        assert "parameter_unknown" == ask(sandbox, path, [("no_such_parameter", "1")]).error["code"]
