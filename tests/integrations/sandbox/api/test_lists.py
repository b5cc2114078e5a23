"""Lists behave as Stripe's: newest first, in pages, by cursors that outlive their objects, within ranges of time."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script
from tests.integrations.sandbox.asking import ask, every, get

LISTS = ("/v1/customers", "/v1/subscriptions", "/v1/invoices", "/v1/events", "/v1/products", "/v1/prices", "/v1/coupons")


@pytest.mark.parametrize("path", LISTS)
def test_pages_of_any_size_are_the_same_list(sandbox: Sandbox, path: str) -> None:
    """Nothing is repeated or lost between pages, and time only goes back."""
    whole = [each["id"] for each in every(sandbox, path)]
    assert whole == [each["id"] for each in every(sandbox, path, limit=17)]
    assert len(whole) == len(set(whole)) > 0
    created = [each["created"] for each in every(sandbox, path)]
    assert all(later >= earlier for later, earlier in pairwise(created))


@pytest.mark.parametrize("path", LISTS)
def test_a_page_before_an_object_ends_at_it(sandbox: Sandbox, path: str) -> None:
    """`ending_before` pages towards the present and still lists the newest first."""
    whole = [each["id"] for each in every(sandbox, path)]
    place = min(8, len(whole) - 1)
    page = get(sandbox, path, [("ending_before", whole[place]), ("limit", 5)])
    assert whole[place - 5 : place] == [each["id"] for each in page["data"]]
    assert page["has_more"] is True
    first = get(sandbox, path, [("ending_before", whole[2]), ("limit", 5)])
    assert (whole[:2], False) == ([each["id"] for each in first["data"]], first["has_more"])


@pytest.mark.parametrize("path", ["/v1/customers", "/v1/invoices", "/v1/events", "/v1/prices"])
def test_ranges_of_creation(sandbox: Sandbox, path: str) -> None:
    """gte and lte include their second, gt and lt don't; a bare second is just that one."""
    whole = list(every(sandbox, path))
    at = whole[len(whole) // 2]["created"]
    ends: tuple[tuple[str, Callable[[int], bool]], ...] = (
        ("[gte]", lambda created: created >= at),
        ("[gt]", lambda created: created > at),
        ("[lte]", lambda created: created <= at),
        ("[lt]", lambda created: created < at),
        ("", lambda created: created == at),
    )
    for end, holds in ends:
        wanted = [each["id"] for each in whole if holds(each["created"])]
        assert wanted == [each["id"] for each in every(sandbox, path, [(f"created{end}", at)])]


def test_subscriptions_by_status(sandbox: Sandbox) -> None:
    """Without a status the canceled ones are left out; those of deleted customers are only among the canceled."""
    listed = {
        status: {each["id"] for each in every(sandbox, "/v1/subscriptions", [("status", status)])}
        for status in (
            "all",
            "active",
            "past_due",
            "canceled",
            "trialing",
            "unpaid",
            "paused",
            "incomplete_expired",
            "ended",
        )
    }
    bare = {each["id"] for each in every(sandbox, "/v1/subscriptions")}
    assert listed["ended"] == listed["canceled"] | listed["incomplete_expired"]
    assert bare == listed["all"] - listed["canceled"]
    of_deleted = listed["canceled"] - listed["all"]
    assert of_deleted
    for each in every(sandbox, "/v1/subscriptions", [("status", "canceled")]):
        gone = get(sandbox, f"/v1/customers/{each['customer']}").get("deleted", False)
        assert (each["id"] in of_deleted) == gone


def test_a_deleted_customer_is_gone_from_the_list_but_not_as_a_cursor() -> None:
    """It still answers by its id, with no more than that it is deleted."""
    start = parse_instant("2025-01-01")
    lives = [Script(f"C {n}").subscribe(start + n * DAY) for n in range(6)]
    lives[3].delete("2025-02-01")
    with Sandbox(Business(customers=0, months=3, start=start, scripts=tuple(lives)), now="2025-01-20") as sandbox:
        before = [each["id"] for each in every(sandbox, "/v1/customers")]
        sandbox.set_now("2025-02-02")
        gone = before[2]
        assert [each for each in before if each != gone] == [each["id"] for each in every(sandbox, "/v1/customers")]
        assert {"id": gone, "object": "customer", "deleted": True} == get(sandbox, f"/v1/customers/{gone}")
        after = get(sandbox, "/v1/customers", [("starting_after", gone)])
        assert before[3:] == [each["id"] for each in after["data"]]


def test_what_hangs_off_a_customer_or_a_subscription(sandbox: Sandbox) -> None:
    """Filters give exactly what belongs to the object."""
    bills = list(every(sandbox, "/v1/invoices"))
    sub = next(each["parent"]["subscription_details"]["subscription"] for each in bills if each["parent"])
    own = [each["id"] for each in bills if each["parent"] and each["parent"]["subscription_details"]["subscription"] == sub]
    assert own == [each["id"] for each in every(sandbox, "/v1/invoices", [("subscription", sub)])]
    customer = bills[0]["customer"]
    own = [each["id"] for each in bills if each["customer"] == customer]
    assert own == [each["id"] for each in every(sandbox, "/v1/invoices", [("customer", customer)], limit=3)]
    assert {"paid"} == {each["status"] for each in every(sandbox, "/v1/invoices", [("status", "paid")])}
    assert 404 == ask(sandbox, "/v1/invoices", [("customer", "cus_nobody")]).status


def test_an_invoice_shows_ten_lines_and_pages_the_rest() -> None:
    """The eleventh line is only on the page of lines, as everything that follows."""
    start = parse_instant("2025-01-01")
    script = Script().subscribe(start + DAY, "price_team_monthly", 1)
    for n in range(8):
        script.change(start + (2 + n) * DAY, quantity=2 + n)
    with Sandbox(Business(customers=0, months=3, start=start, scripts=(script,))) as sandbox:
        bill = next(each for each in every(sandbox, "/v1/invoices") if each["lines"]["total_count"] == 17)
        assert (10, True) == (len(bill["lines"]["data"]), bill["lines"]["has_more"])
        path = f"/v1/invoices/{bill['id']}/lines"
        rest = list(every(sandbox, path, limit=4))
        assert 17 == len({each["id"] for each in rest})
        assert bill["lines"]["data"] == rest[:10]
        assert bill["subtotal"] == sum(each["amount"] for each in rest)
        after = get(sandbox, path, [("starting_after", rest[9]["id"])])
        assert (rest[10:], False) == (after["data"], after["has_more"])


def test_items_of_a_subscription(sandbox: Sandbox) -> None:
    """By their parent only, which has to be named."""
    sub = next(each for each in every(sandbox, "/v1/subscriptions") if len(each["items"]["data"]) > 1)
    items = get(sandbox, "/v1/subscription_items", [("subscription", sub["id"])])
    assert sub["items"]["data"] == items["data"]
    assert "parameter_missing" == ask(sandbox, "/v1/subscription_items").error["code"]


def test_events_by_type(sandbox: Sandbox) -> None:
    """One type, a family, or up to twenty by name."""
    whole = list(every(sandbox, "/v1/events"))
    for params, holds in (
        ([("type", "invoice.paid")], lambda kind: kind == "invoice.paid"),
        ([("type", "invoice.*")], lambda kind: kind.startswith("invoice.")),
        ([("types[]", "invoice.paid"), ("types[]", "customer.created")], lambda kind: kind in ("invoice.paid", "customer.created")),
        (
            [("types[0]", "invoice.paid"), ("types[1]", "customer.created")],
            lambda kind: kind in ("invoice.paid", "customer.created"),
        ),
    ):
        assert [each["id"] for each in whole if holds(each["type"])] == [
            each["id"] for each in every(sandbox, "/v1/events", params)
        ]
    assert 400 == ask(sandbox, "/v1/events", [("type", "a"), ("types[]", "b")]).status
    assert 400 == ask(sandbox, "/v1/events", [("types[]", f"t.{n}") for n in range(21)]).status
