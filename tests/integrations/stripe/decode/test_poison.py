"""Bad objects: each is set aside alone, by id and reason, and its page goes on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.stripe.decode.parsing import Garbled, parse_list, parse_object
from integrations.stripe.page import Rejected
from tests.integrations.stripe.decode.decoding import Unavailable, decoded, listed
from tests.integrations.stripe.shaped import customer, event, invoice, line, subscription


def bodied(*objects: str, has_more: str = "false") -> bytes:
    """A list answer from pieces of JSON text."""
    return f'{{"object": "list", "data": [{", ".join(objects)}], "has_more": {has_more}}}'.encode("utf-8", "surrogatepass")


def poison(**changes: Any) -> dict[str, Any]:
    """A subscription that can't be used."""
    return subscription("dahlia", id="sub_bad") | changes


POISON: dict[str, tuple[str, dict[str, Any], str]] = {
    "no customer": ("subscription", poison(customer=None), "missing_customer"),
    "unknown currency": ("subscription", poison(currency="zzz"), "unknown_currency"),
    "no status": ("subscription", poison(status=None), "missing_status"),
    "no date": ("subscription", poison(created=None), "missing_date"),
    "a number for a status": ("subscription", poison(status=7), "bad_shape"),
    "a date past all dates": ("subscription", poison(created=2**64), "bad_shape"),
    "a NUL in the customer": ("subscription", poison(customer="cus_\x001"), "bad_text"),
    "half a surrogate in the status": ("subscription", poison(status="act\ud800ive"), "bad_text"),
    "a NUL in an item's price": (
        "subscription",
        poison(items={"data": [{"id": "si_1", "price": "pr\x00", "quantity": 1}], "has_more": False}),
        "bad_text",
    ),
    "neither a status nor a date of one": (
        "invoice",
        invoice("clover", id="in_bad", status=None, status_transitions={}),
        "missing_status",
    ),
    "an unknown currency": ("invoice", invoice("clover", id="in_bad", currency="zzz"), "unknown_currency"),
    "a customer of numbers": ("customer", customer("clover", id="cus_bad", metadata={"a": 5}), "bad_shape"),
    "an event without a date": (
        "event",
        event("customer.created", customer("clover"), event_id="evt_bad") | {"created": None},
        "missing_date",
    ),
    "an event of a bad subscription": (
        "event",
        event("customer.subscription.created", poison(currency="zzz"), event_id="evt_bad"),
        "unknown_currency",
    ),
    "an event of no subscription": (
        "event",
        event("customer.subscription.created", poison(status=5), event_id="evt_bad"),
        "bad_shape",
    ),
}
GOOD = {
    "subscription": subscription("clover", id="sub_good"),
    "invoice": invoice("clover", line("clover", line_id="il_9", amount=1), id="in_good"),
    "customer": customer("clover", id="cus_good"),
    "event": event("customer.created", customer("clover"), event_id="evt_good"),
}


@pytest.mark.parametrize("case", POISON)
def test_one_bad_object_is_set_aside(case: str) -> None:
    """It is named with its reason; the objects around it are read; the list goes on from its last object."""
    kind, bad, reason = POISON[case]
    page = listed(kind, GOOD[kind], bad, GOOD[kind], has_more=True)
    assert [(bad["id"], kind, reason)] == [(r.object_id, r.kind, r.reason) for r in page.rejected]
    assert all(r.detail for r in page.rejected)
    assert 2 == len(page.subscriptions) + len(page.invoices) + len(page.customers)
    assert (3, GOOD[kind]["id"], True) == (page.objects, page.next_cursor, page.has_more)


def test_a_bad_object_at_the_end_does_not_stop_the_list() -> None:
    """Its id is good enough to go on from; without one, the last that has one."""
    bad = poison(status=None)
    assert "sub_bad" == listed("subscription", GOOD["subscription"], bad, has_more=True).next_cursor
    assert "sub_good" == listed("subscription", GOOD["subscription"], poison(id=None), has_more=True).next_cursor
    assert "sub_good" == listed("subscription", GOOD["subscription"], poison(id=7), has_more=True).next_cursor
    assert "sub_good" == listed("subscription", GOOD["subscription"], 5, has_more=True).next_cursor


def test_an_event_of_a_bad_object_still_says_what_to_read_again() -> None:
    """The object may be good by now: whose it was is kept though what it was isn't."""
    page = listed("event", event("customer.subscription.created", poison(currency="zzz")))
    assert [("sub_bad", "cus_1")] == [(e.subscription, e.customer) for e in page.events]


@pytest.mark.parametrize("dirt", ["\\u0000", "\\ud800", "\\udc00\\ud800", "\x00"])
def test_dirt_in_free_text_is_cleaned(dirt: str) -> None:
    """NULs and halves of surrogate pairs in metadata and descriptions become U+FFFD; nothing else of the object changes."""
    dirty = json.dumps(subscription("dahlia")).replace('"blue"', f'"bl{dirt}ue"').replace('"crm"', f'"c{dirt}rm"')
    clean = subscription(
        "dahlia", metadata={f"c{'�' * (2 if len(dirt) > 6 else 1)}rm": "17", "team": f"bl{'�' * (2 if len(dirt) > 6 else 1)}ue"}
    )
    page = decoded("subscription", bodied(dirty, json.dumps(GOOD["subscription"])))
    assert () == page.rejected
    assert listed("subscription", clean, GOOD["subscription"]).subscriptions == page.subscriptions


def test_an_emoji_is_no_dirt() -> None:
    """A whole surrogate pair is a character."""
    body = bodied(json.dumps(customer("clover", metadata={"mood": "😀", "nul": "\x00"})))
    assert (("mood", "😀"), ("nul", "�")) == decoded("customer", body).customers[0].customer.metadata


def test_invalid_utf8_in_free_text() -> None:
    """Bytes that are no UTF-8 are replaced; the object is read."""
    body = bodied(json.dumps(customer("clover", metadata={"a": "@@"}))).replace(b"@@", b"\xff")
    assert (("a", "�"),) == decoded("customer", body).customers[0].customer.metadata


def test_exactness_survives_taking_a_page_apart() -> None:
    """Numbers next to a poisoned object are as exact as in a clean page."""
    body = bodied('{"id": "A", "percent_off": 33.333333333333333333333, "name": "\\ud800"}', '{"id": "B", "amount_off": 1.5}')
    page = decoded("coupon", body)
    assert ["33.333333333333333333333"] == [str(c.percent_off) for c in page.coupons]
    assert [("B", "bad_shape")] == [(r.object_id, r.reason) for r in page.rejected]


def test_a_number_of_ten_thousand_digits() -> None:
    """It makes its object unusable where we need it, and is passed over where we don't."""
    long = "9" * 10_000
    body = bodied(f'{{"id": "A", "amount_off": {long}}}', f'{{"id": "B", "percent_off": 5, "whatever": {long}}}')
    page = decoded("coupon", body)
    assert (["A"], ["B"]) == ([r.object_id for r in page.rejected], [c.id for c in page.coupons])


@pytest.mark.parametrize("depth", [200, 500, 900, 990])
def test_deep_nesting_stops_nobody(depth: int) -> None:
    """However deep an object is nested, the answer is read, or is garbled when it is too deep for any reader: never a crash."""
    deep = '{"id": "A", "percent_off": "x", "metadata": ' + '{"a":' * depth + "1" + "}" * depth + "}"
    try:
        page = decoded("coupon", bodied(deep, '{"id": "B", "percent_off": 5}'))
    except Garbled:
        return
    assert (["A"], ["B"]) == ([r.object_id for r in page.rejected], [c.id for c in page.coupons])


def test_huge_metadata_is_no_poison() -> None:
    """A megabyte of metadata is read like any other."""
    page = listed("customer", customer("clover", metadata={"blob": "x" * 1_000_000}), GOOD["customer"])
    assert (2, ()) == (len(page.customers), page.rejected)


def test_rejections_show_no_personal_data() -> None:
    """A reason names fields, never what was in them."""
    page = listed("customer", customer("clover", created="ada@example.com"))
    assert (Rejected("cus_1", "customer", "bad_shape", "Expected `int | null`, got `str` - at `$.created`"),) == page.rejected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'{"data": []}',
        b'{"has_more": false}',
        b'{"data": {}, "has_more": false}',
        b'{"data": [], "has_more": "no"}',
        b'{"data": [{"id": "a"}], "has_more": false',
        b"[" * 100_000,
        b'{"error": {"message": "x"}}',
    ],
)
def test_what_is_no_list_is_garbled(body: bytes) -> None:
    """Never an empty list: the transport's fault, to be asked for again."""
    with pytest.raises(Garbled):
        parse_list("coupon", body)
    with pytest.raises(Garbled):
        parse_object("coupon", body)


@given(st.data())
def test_a_cut_body_is_never_a_list(data: st.DataObject) -> None:
    """Wherever a body is cut, it is garbled."""
    body = json.dumps({"object": "list", "data": [subscription("old"), subscription("endive")], "has_more": True}).encode()
    end = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(Garbled):
        parse_list("subscription", body[:end])


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(GOOD)), st.data())
def test_no_object_can_stop_a_page(kind: str, data: st.DataObject) -> None:
    """With any value in place of any field, at any depth, the object is read or set aside, and its neighbours are read."""
    bad = json.loads(json.dumps(GOOD[kind]))
    spot: Any = bad
    while isinstance(spot, dict | list) and spot:
        keys = sorted(spot) if isinstance(spot, dict) else list(range(len(spot)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(spot[key], dict | list) or not spot[key] or data.draw(st.booleans()):
            spot[key] = data.draw(JSON_VALUES)
            break
        spot = spot[key]
    page = listed(kind, GOOD[kind], bad, GOOD[kind], rest=Unavailable())
    read = len(page.subscriptions) + len(page.invoices) + len(page.customers)
    assert 3 == page.objects
    assert read >= 2
    assert len(page.rejected) <= 1


def test_what_is_kept_of_a_page_taken_apart_is_what_was_sent() -> None:
    """Numbers stay numbers, digit by digit: a discount of 12.5 % is not the text "12.5", whichever way its page was read."""
    good = '{"id":"sub_1","object":"subscription","created":5,"application_fee_percent":12.50}'
    bad = '{"id":"sub_2","object":"subscription","created":"\\u0000"}'
    body = '{"object":"list","data":[%s],"has_more":false}'
    whole = parse_list("subscription", (body % good).encode())
    apart = parse_list("subscription", (body % f"{good},{bad}").encode())
    assert [good.encode()] == [bytes(raw) for raw in whole.raws] == [bytes(raw) for raw in apart.raws]
