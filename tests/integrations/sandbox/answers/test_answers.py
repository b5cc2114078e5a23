"""Errors, expansions and versions as Stripe has them."""

import pytest

from integrations.sandbox.sandbox import Sandbox
from tests.integrations.sandbox.asking import ask, every, get

OLD, BASIL, CLOVER, ENDIVE = "2024-06-20", "2025-03-31.basil", "2025-09-30.clover", "2026-10-28.endive"


# --- errors ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "params", "status", "code", "param"),
    [
        ("/v1/customers/cus_nobody", [], 404, "resource_missing", "id"),
        ("/v1/prices/price_none", [], 404, "resource_missing", "price"),
        ("/v1/invoices/in_none/lines", [], 404, "resource_missing", "invoice"),
        ("/v1/customers", [("starting_after", "cus_nobody")], 404, "resource_missing", "starting_after"),
        ("/v1/customers", [("starting_after", "sub_1")], 404, "resource_missing", "starting_after"),
        ("/v1/customers", [("limit", 101)], 400, "parameter_invalid_integer", "limit"),
        ("/v1/customers", [("limit", 0)], 400, "parameter_invalid_integer", "limit"),
        ("/v1/customers", [("created[gte]", "today")], 400, "parameter_invalid_integer", "created[gte]"),
        ("/v1/customers", [("sort", "asc")], 400, "parameter_unknown", "sort"),
        ("/v1/subscriptions", [("status", "living")], 400, None, "status"),
        ("/v1/customers", [("starting_after", "a"), ("ending_before", "b")], 400, None, "ending_before"),
    ],
)
def test_what_cannot_be_answered(
    sandbox: Sandbox, path: str, params: list[tuple[str, str | int]], status: int, code: str | None, param: str
) -> None:
    """Status, code and parameter say what is wrong."""
    said = ask(sandbox, path, params)
    assert (status, code, param) == (said.status, said.error.get("code"), said.error["param"])
    assert "invalid_request_error" == said.error["type"]


def test_an_address_that_is_none(sandbox: Sandbox) -> None:
    """Stripe's own words, by which a client tells it from an object that is gone."""
    said = ask(sandbox, "/v1/refunds")
    assert (404, True) == (said.status, said.error["message"].startswith("Unrecognized request URL (GET: /v1/refunds)"))


def test_keys(sandbox: Sandbox) -> None:
    """Another key is refused without being repeated; basic authentication works as well."""
    said = ask(sandbox, "/v1/account", key="sk_test_someone_elses_key")
    assert (401, False) == (said.status, b"someone_elses" in said.body)
    assert 401 == ask(sandbox, "/v1/account", key="").status
    assert sandbox.business.account == get(sandbox, "/v1/account")["id"]


def test_nothing_can_be_written(sandbox: Sandbox) -> None:
    """It lives by its own story."""
    assert 400 == ask(sandbox, "/v1/customers", method="POST", body={}).status


def test_every_answer_is_named_and_dated(sandbox: Sandbox) -> None:
    """A request id, the version, and the moment that the sandbox pretends it is."""
    said = ask(sandbox, "/v1/account", version=CLOVER)
    assert said.headers["Request-Id"].startswith("req_")
    assert (CLOVER, "Sat, 01 Mar 2025 00:00:00 GMT") == (said.headers["Stripe-Version"], said.headers["Date"])
    assert 400 == ask(sandbox, "/v1/account", version="yesterday").status


# --- expansions -----------------------------------------------------------------------------------------------------------------


def test_tiers_come_only_when_asked_for(sandbox: Sandbox) -> None:
    """Neither on a list, nor in an item, nor in another currency."""
    bare = {each["id"]: each for each in every(sandbox, "/v1/prices")}
    assert not any("tiers" in each or "currency_options" in each for each in bare.values())
    full = {
        each["id"]: each
        for each in every(sandbox, "/v1/prices", [("expand[0]", "data.tiers"), ("expand[1]", "data.currency_options")])
    }
    business = full["price_business_monthly"]
    assert [5, 20, None] == [tier["up_to"] for tier in business["tiers"]]
    assert "tiers" not in business["currency_options"]["eur"]
    one = get(sandbox, "/v1/prices/price_business_monthly", [("expand[]", "currency_options.eur.tiers")])
    assert [5, 20, None] == [tier["up_to"] for tier in one["currency_options"]["eur"]["tiers"]]
    assert "tiers" not in one["currency_options"]["usd"]


def test_four_levels_and_no_more(sandbox: Sandbox) -> None:
    """A coupon of a subscription's discount is the fourth level; that of an item's, and a price's tiers, lie deeper."""
    params = [("expand[]", "data.discounts.source.coupon"), ("expand[]", "data.items.data.discounts")]
    subs = list(every(sandbox, "/v1/subscriptions", [*params, ("status", "all")], version=CLOVER))
    whole = next(each["discounts"][0] for each in subs if each["discounts"])
    assert isinstance(whole["source"]["coupon"], dict)
    own = next(item["discounts"][0] for each in subs for item in each["items"]["data"] if item["discounts"])
    assert isinstance(own["source"]["coupon"], str)
    for deep in ("data.items.data.discounts.source.coupon", "data.items.data.price.tiers"):
        said = ask(sandbox, "/v1/subscriptions", [("expand[]", deep)], version=CLOVER)
        assert (400, True) == (said.status, "more than 4 levels" in said.error["message"])


@pytest.mark.parametrize("path", ["data.friends", "data.id", "customer", "data.discounts.coupon", "data.items.price"])
def test_what_cannot_be_expanded(sandbox: Sandbox, path: str) -> None:
    """Said even where the list is empty."""
    said = ask(sandbox, "/v1/subscriptions", [("expand[]", path), ("created[lt]", 5)], version=CLOVER)
    assert (400, True) == (said.status, "cannot be expanded" in said.error["message"])


def test_objects_within_objects(sandbox: Sandbox) -> None:
    """A customer, an invoice and a product where they are asked for, ids elsewhere."""
    sub = get(sandbox, "/v1/subscriptions", [("limit", 1)])["data"][0]
    assert isinstance(sub["customer"], str)
    full = get(sandbox, f"/v1/subscriptions/{sub['id']}", [("expand[]", "customer"), ("expand[]", "latest_invoice")])
    assert (sub["customer"], "invoice") == (full["customer"]["id"], full["latest_invoice"]["object"])
    price = get(sandbox, "/v1/prices/price_team_monthly", [("expand[]", "product")])
    assert "Team" == price["product"]["name"]
    assert {"products": ["prod_support"]} == get(sandbox, "/v1/coupons/SUPPORT30", [("expand[]", "applies_to")])["applies_to"]
    assert "applies_to" not in get(sandbox, "/v1/coupons/SUPPORT30")


# --- versions -------------------------------------------------------------------------------------------------------------------


def test_where_fields_live(sandbox: Sandbox) -> None:
    """Periods, parents, prices of lines and coupons move from one version to the next."""
    old = next(
        each for each in every(sandbox, "/v1/subscriptions", [("expand[]", "data.discounts")], version=OLD) if each["discounts"]
    )
    path, expand = f"/v1/subscriptions/{old['id']}", [("expand[]", "discounts")]
    basil, clover, endive = (get(sandbox, path, expand, version=version) for version in (BASIL, CLOVER, ENDIVE))
    assert ("current_period_end" in old, "discount" in old) == (True, True)
    assert ("current_period_end" in basil, "discount" in basil) == (False, False)
    assert old["current_period_end"] == basil["items"]["data"][0]["current_period_end"]
    assert (
        old["discounts"][0]["coupon"]["id"] == basil["discounts"][0]["coupon"]["id"] == clover["discounts"][0]["source"]["coupon"]
    )
    assert ("status_details" in clover, "status_details" in endive) == (False, True)
    bill = next(each for each in every(sandbox, "/v1/invoices", version=OLD) if each["subscription"])
    new = get(sandbox, f"/v1/invoices/{bill['id']}", version=CLOVER)
    assert bill["subscription"] == new["parent"]["subscription_details"]["subscription"]
    before, after = bill["lines"]["data"][0], new["lines"]["data"][0]
    assert before["price"]["id"] == after["pricing"]["price_details"]["price"]
    assert ("parent" in before, "price" in after) == (False, False)


def test_events_are_drawn_in_the_accounts_version(sandbox: Sandbox) -> None:
    """Whatever version is asked for."""
    old, new = (get(sandbox, "/v1/events", [("limit", 5)], version=version) for version in (OLD, ENDIVE))
    assert old == new
    assert {sandbox.business.api_version} == {each["api_version"] for each in new["data"]}
