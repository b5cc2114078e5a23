"""Reading an account: every list with what it has to be asked for, everything that a list leaves out, and nothing silently missing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from integrations.stripe.client import Client, Patience
from integrations.stripe.errors import NotAllowed, Transient, UnknownEndpoint
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from integrations.stripe.streams import EVENT_TYPES, STREAMS
from metrics.evidence import Instant
from tests.integrations.stripe.host import NOW, Host, Reply, Request, failing, listing, serving
from tests.integrations.stripe.shaped import PRICE, customer, invoice, line, subscription

KEY = "sk_test_reader_0123456789"
JSON = dict[str, Any]


@contextmanager
def reading(
    lists: dict[str, Any], *, key: str = KEY, refusing: Callable[[Request], Reply | None] = lambda _: None
) -> Iterator[tuple[Reader, Host]]:
    """A reader of a host that has these answers: a list of objects pages as Stripe does, a Reply is given as it is.

    What `refusing` gives for a request comes before them.
    """

    def answer(request: Request) -> Reply:
        refused = refusing(request)
        if refused is not None:
            return refused
        found = lists.get(request.path)
        if found is None:
            return failing(404, f"Unrecognized request URL (GET: {request.path}).")
        if isinstance(found, Reply):
            return found
        if isinstance(found, dict):
            return Reply(found)
        asked = dict(request.query)
        ids = [each["id"] for each in found]
        start = ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        size = min(int(asked.get("limit", "10")), 3)
        return listing(*found[start : start + size], has_more=start + size < len(found))

    with serving(answering=answer) as host:
        client = Client(key, base=host.address, limiter=LocalLimiter(Ceilings(1e6, 1e6)), patience=Patience(2, 0.001, 0.001))
        yield Reader(client), host
        client.close()


def subscriptions(count: int) -> list[JSON]:
    """So many, newest first."""
    return [subscription("clover", id=f"sub_{n}", created=1000 + n) for n in reversed(range(count))]


# --- lists -------------------------------------------------------------------------------------------------------------------------


def test_all_pages_are_followed_to_the_end() -> None:
    """Each page is asked for after the last object of the one before, and dated by Stripe's clock; `oldest` says how far it got."""
    with reading({"/v1/subscriptions": subscriptions(7)}) as (reader, host):
        pages = list(reader.pages("subscriptions"))
    assert [3, 3, 1] == [page.objects for page in pages]
    assert [f"sub_{n}" for n in reversed(range(7))] == [s.subscription.id for p in pages for s in p.subscriptions]
    assert [None, "sub_4", "sub_1"] == [dict(r.query).get("starting_after") for r in host.requests]
    assert [1004, 1001, 1000] == [page.oldest for page in pages]
    assert {NOW} == {page.observed_at for page in pages}
    assert all(page.answer_seconds is not None and page.answer_seconds > 0 for page in pages)


def test_a_page_takes_as_long_as_its_parts() -> None:
    """Stripe takes a tenth of a second for each answer: a page with two more for the lines of an invoice took three, the next one its own."""
    lines = [line("clover", line_id=f"il_{n:02d}", amount=100 + n) for n in range(6)]
    head = invoice("clover", *lines[:1])
    head["lines"]["has_more"] = True

    def slow(_: Request) -> None:
        time.sleep(0.1)

    lists = {"/v1/invoices": [head], "/v1/invoices/in_1/lines": lines, "/v1/subscriptions": subscriptions(1)}
    with reading(lists, refusing=slow) as (reader, host):
        (long,) = reader.pages("invoices")
        began = time.monotonic()
        (short,) = reader.pages("subscriptions")
        took = time.monotonic() - began
    assert 2 == len(host.asked("/v1/invoices/in_1/lines"))
    assert 0.3 <= (long.answer_seconds or 0)
    assert 0.1 <= (short.answer_seconds or 0) <= took


def test_canceled_subscriptions_are_asked_for_twice_over() -> None:
    """`status=all`, because a list without it leaves them out; and `status=canceled`, which has those of deleted customers."""
    with reading({"/v1/subscriptions": subscriptions(1)}) as (reader, host):
        for name in ("subscriptions", "subscriptions_canceled"):
            list(reader.pages(name))
    assert [["all"], ["canceled"]] == [r.params()["status"] for r in host.requests]


def test_a_range_and_a_cursor_are_passed_on() -> None:
    """Half-open in `created`, a hundred at a time, and from where somebody stopped."""
    with reading({"/v1/customers": [customer("clover", id="cus_2"), customer("clover", id="cus_1")]}) as (reader, host):
        list(reader.pages("customers", since=Instant(100), until=Instant(900), cursor="cus_2"))
    asked = host.requests[0].params()
    assert (["100"], ["900"], ["100"], ["cus_2"]) == (
        asked["created[gte]"],
        asked["created[lt]"],
        asked["limit"],
        asked["starting_after"],
    )


@pytest.mark.parametrize("name", list(STREAMS))
def test_what_is_expanded_stays_within_four_levels(name: str) -> None:
    """Stripe expands no deeper: a fifth level is an error, and everything that MRR needs comes within four."""
    stream = STREAMS[name]
    assert all(len(each.split(".")) <= 4 for each in (*stream.expand, *stream.expand_one))


def test_what_the_lists_are_asked_to_expand() -> None:
    """Tiers and currency options of prices, products that coupons are for, coupons of discounts; and the types of events."""
    lists: dict[str, Any] = {s.path: [] for s in STREAMS.values()}
    with reading(lists) as (reader, host):
        for name in STREAMS:
            list(reader.pages(name))
    asked = {r.path: r.params() for r in host.requests}
    assert ["data.tiers", "data.currency_options"] == asked["/v1/prices"]["expand[]"]
    assert ["data.applies_to", "data.currency_options"] == asked["/v1/coupons"]["expand[]"]
    assert ["data.discounts.source.coupon", "data.items.data.discounts", "data.schedule"] == asked["/v1/subscriptions"]["expand[]"]
    assert ["true"] == asked["/v1/invoiceitems"]["pending"]
    assert list(EVENT_TYPES) == asked["/v1/events"]["types[]"]


# --- what a list leaves out ----------------------------------------------------------------------------------------------------------


def test_every_line_past_the_first_ten() -> None:
    """Eighteen lines: ten come inlined, the others by the invoice's own list, after the last one that is known."""
    lines = [line("clover", line_id=f"il_{n:02d}", amount=100 + n) for n in range(18)]
    head = invoice("clover", *lines[:10])
    head["lines"]["has_more"] = True
    with reading({"/v1/invoices": [head], "/v1/invoices/in_1/lines": lines}) as (reader, host):
        (page,) = reader.pages("invoices")
    assert [f"il_{n:02d}" for n in range(18)] == [each.id for each in page.invoices[0].lines]
    assert ["il_09", "il_12", "il_15"] == [dict(r.query)["starting_after"] for r in host.asked("/v1/invoices/in_1/lines")]


def test_every_item_past_the_first_page() -> None:
    """They are in the list of subscription items, by subscription."""
    whole = subscription("clover")
    items = [whole["items"]["data"][0] | {"id": f"si_{n}"} for n in range(7)]
    whole["items"] = {"object": "list", "data": items[:2], "has_more": True}
    with reading({"/v1/subscriptions": [whole], "/v1/subscription_items": items}) as (reader, host):
        (page,) = reader.pages("subscriptions")
    found = page.subscriptions[0].subscription
    assert ([f"si_{n}" for n in range(7)], True) == ([item.id for item in found.items], found.items_complete)
    assert {"sub_1"} == {dict(r.query)["subscription"] for r in host.asked("/v1/subscription_items")}


def test_an_invoice_whose_lines_cannot_be_had_is_set_aside_alone() -> None:
    """Half of an invoice is none: it is named, and the rest of its page goes on."""
    short = invoice("clover", line("clover", line_id="il_1", amount=1), id="in_short")
    short["lines"]["has_more"] = True
    whole = invoice("clover", line("clover", line_id="il_2", amount=1), id="in_whole")
    with reading({"/v1/invoices": [short, whole]}) as (reader, _):
        (page,) = reader.pages("invoices")
    assert [("in_short", "incomplete")] == [(r.object_id, r.reason) for r in page.rejected]
    assert ["in_whole"] == [each.head.id for each in page.invoices]


def test_tiers_in_other_currencies() -> None:
    """No list holds them: they are asked of the price itself, by currency."""
    tiers = [{"up_to": None, "unit_amount": 900, "unit_amount_decimal": "900", "flat_amount": None}]
    listed = PRICE | {
        "billing_scheme": "tiered",
        "tiers_mode": "volume",
        "tiers": tiers,
        "unit_amount": None,
        "unit_amount_decimal": None,
        "currency_options": {"usd": {"unit_amount": None}, "eur": {"unit_amount": None}},
    }
    single = listed | {"currency_options": {"eur": {"unit_amount": None, "tiers": [tiers[0] | {"unit_amount_decimal": "800"}]}}}
    with reading({"/v1/prices": [listed], "/v1/prices/price_pro": single}) as (reader, host):
        (page,) = reader.pages("prices")
    (option,) = page.prices[0].options
    assert option.tiers is not None
    assert ("eur", Decimal(800)) == (option.currency, option.tiers[0].unit)
    assert ["currency_options", "currency_options.eur.tiers"] == host.asked("/v1/prices/price_pro")[0].params()["expand[]"]


# --- nothing is silently missing -----------------------------------------------------------------------------------------------------


def test_a_stream_that_the_key_may_not_read_is_an_error_and_no_empty_list() -> None:
    """It names the permission that is missing, by Stripe's words and by ours."""
    refused = failing(403, "The provided key does not have the required permissions: rak_coupon_read on acct_1.")
    with reading({"/v1/coupons": refused}) as (reader, _), pytest.raises(NotAllowed, match=r"Coupons: Read \(rak_coupon_read\)"):
        list(reader.pages("coupons"))


def test_a_key_of_before_reads_events_without_those_of_credit_notes() -> None:
    """Where it may not see them the others are read all the same, from then on at the first request; credit notes say that they are refused."""
    refused = failing(403, "The provided key does not have the required permissions: rak_credit_note_read on acct_1.")

    def refusing(request: Request) -> Reply | None:
        asked = [value for _, value in request.query]
        return refused if request.path == "/v1/credit_notes" or "credit_note.voided" in asked else None

    with reading({"/v1/events": []}, refusing=refusing) as (reader, host):
        for _ in range(2):
            [page] = reader.pages("events")
            assert () == page.rejected
        assert 3 == len(host.asked("/v1/events"))
        [page] = reader.pages("credit_notes")
        assert [("/v1/credit_notes", "not_allowed")] == [(r.object_id, r.reason) for r in page.rejected]


def test_a_host_without_credit_notes_has_none() -> None:
    """Nothing is missing for it."""
    with reading({}) as (reader, _):
        [page] = reader.pages("credit_notes")
        assert ((), 0) == (page.rejected, page.objects)


def test_an_endpoint_that_the_host_does_not_know() -> None:
    """One that can be missed gives a page that says so, one that can't is an error."""
    with reading({}) as (reader, _):
        (page,) = reader.pages("coupons")
        assert (0, False, [("/v1/coupons", "unknown_endpoint")]) == (
            page.objects,
            page.has_more,
            [(r.object_id, r.reason) for r in page.rejected],
        )
        for name in ("subscriptions", "invoices"):
            with pytest.raises(UnknownEndpoint, match="STRIPE_API_BASE"):
                list(reader.pages(name))


def test_an_expansion_that_the_host_does_not_know_is_left_out_and_reported_once() -> None:
    """The stream goes on without it, and the first page says what will be missing."""

    def answer(request: Request) -> Reply:
        if "data.items.data.discounts" in request.params().get("expand[]", []):
            return failing(400, "This property cannot be expanded (data.items.data.discounts).", param="expand")
        after = dict(request.query).get("starting_after")
        return listing(subscription("clover", id="sub_b" if after else "sub_a"), has_more=not after)

    with serving(answering=answer) as host:
        client = Client(KEY, base=host.address, limiter=LocalLimiter(Ceilings(1e6, 1e6)))
        pages = list(Reader(client).pages("subscriptions"))
        client.close()
    assert [[("data.items.data.discounts", "not_expanded")], []] == [[(r.object_id, r.reason) for r in p.rejected] for p in pages]
    assert 3 == len(host.requests)


@pytest.mark.parametrize("objects", [[], [{"object": "product", "name": "no id"}]])
def test_more_without_anything_to_go_on_from_is_a_fault(objects: list[JSON]) -> None:
    """A list that says that more follows is never taken for complete."""
    with reading({"/v1/products": listing(*objects, has_more=True)}) as (reader, _), pytest.raises(Transient, match="go on from"):
        list(reader.pages("products"))


def test_a_list_that_stands_still_is_a_fault() -> None:
    """The same page again and again would go on for ever."""
    stuck = listing({"id": "prod_1", "object": "product", "created": 5, "name": "x"}, has_more=True)
    with reading({"/v1/products": stuck}) as (reader, _), pytest.raises(Transient, match="go on from"):
        list(reader.pages("products"))


@pytest.mark.parametrize(
    "body", [b'{"object":"list","data":[{"id":"prod_1"', b"<html>busy</html>", b'{"object":"list","data":[]}', b""]
)
def test_a_cut_body_is_never_the_end_of_a_list(body: bytes) -> None:
    """Cut JSON, a page of HTML, a list that lost its `has_more`, nothing at all: each is asked for again, then told."""
    with reading({"/v1/products": Reply(body)}) as (reader, host):
        with pytest.raises(Transient):
            list(reader.pages("products"))
        assert 2 == len(host.requests)


def test_an_object_that_is_gone() -> None:
    """It is named with that reason, which is no fault of its page."""
    gone = failing(404, "No such invoice: 'in_9'", code="resource_missing", param="id")
    with reading({"/v1/invoices/in_9": gone}) as (reader, _):
        page = reader.invoice("in_9")
    assert [("in_9", "gone")] == [(r.object_id, r.reason) for r in page.rejected]


# --- the account and the key ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "expected"), [("rk_live_0123456789", True), ("sk_test_0123456789", False)])
def test_the_account_and_the_mode_of_its_key(key: str, expected: bool) -> None:
    """What Stripe says of the account, and live or test by the key."""
    told = {"id": "acct_1", "object": "account", "country": "DE", "default_currency": "eur", "business_profile": {"name": "Ours"}}
    with reading({"/v1/account": told}, key=key) as (reader, _):
        found = reader.account()
    assert ("acct_1", expected, "DE", "eur", "Ours") == (
        found.id,
        found.livemode,
        found.country,
        found.default_currency,
        found.name,
    )


def test_a_restricted_key_that_may_not_see_its_account() -> None:
    """Stripe's refusal names the account, and no more is needed."""
    refused = failing(403, "The provided key 'rk_test_***' does not have access to account 'acct_1ABCDEF' (or ...)")
    with reading({"/v1/account": refused}) as (reader, _):
        assert ("acct_1ABCDEF", False) == (reader.account().id, reader.account().livemode)


def test_a_probe_names_what_is_missing() -> None:
    """One small request for each stream: what the key may not read, and what the host doesn't know."""
    lists: dict[str, Any] = {s.path: [] for s in STREAMS.values()}
    lists["/v1/events"] = failing(403, "The provided key does not have the required permissions: rak_event_read.")
    del lists["/v1/coupons"]
    lists["/v1/subscription_items"] = failing(400, "Missing required param: subscription.")
    lists["/v1/subscription_schedules"] = failing(
        403, "The provided key does not have the required permissions: rak_subscription_read."
    )
    with reading(lists) as (reader, host):
        found = {probe.stream: probe for probe in reader.probe()}
    assert {"1"} == {dict(r.query)["limit"] for r in host.requests}
    assert "Events: Read (rak_event_read)" == found["events"].missing
    assert (True, None) == (found["coupons"].optional, found["coupons"].missing)
    assert "does not know" in str(found["coupons"].problem)
    assert "Subscriptions: Read (rak_subscription_read)" == found["schedules"].missing
    assert {"events", "coupons", "schedules"} == {name for name, probe in found.items() if probe.problem}


def test_a_reader_and_its_pages_do_not_show_the_key() -> None:
    """Whatever is printed of them."""
    with reading({"/v1/products": [{"id": "prod_1", "object": "product", "created": 5, "name": "x"}]}) as (reader, _):
        (page,) = reader.pages("products")
        assert KEY not in repr((page, reader, vars(reader), reader.usage))
