"""Live and test never mix: an answer that holds anything of the other mode than the account's is refused whole, with a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from integrations.stripe.client import Client, Patience
from integrations.stripe.errors import ReadError, WrongMode
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from integrations.stripe.streams import STREAMS
from tests.integrations.stripe.host import NOW, Reply, Request, failing, listing, serving
from tests.integrations.stripe.shaped import PRICE, customer, invoice, line, subscription

JSON = dict[str, Any]
ACCOUNT: JSON = {"id": "acct_1", "object": "account"}


@contextmanager
def reading(answers: dict[str, Any], key: str = "sk_test_modes_0123456789") -> Iterator[Reader]:
    """A reader of the account *books*, whose host has these lists and objects and nothing else."""

    def answer(request: Request) -> Reply:
        found = answers.get(request.path)
        if found is None:
            return failing(404, f"Unrecognized request URL (GET: {request.path}).")
        return listing(*found) if isinstance(found, list) else Reply(found)

    with serving(answering=answer) as host:
        client = Client(key, base=host.address, limiter=LocalLimiter(Ceilings(1e6, 1e6)), patience=Patience(1, 0.001, 0.001))
        yield Reader(client, name="books")
        client.close()


def _event(told: bool | None, inside: bool | None) -> JSON:
    about = subscription("dahlia", id="sub_1") | {"livemode": inside}
    more = {"type": "customer.subscription.updated", "created": NOW, "data": {"object": about}}
    return {"id": "evt_1", "object": "event", "livemode": told, **more}


OBJECTS: dict[str, JSON] = {
    "products": {"id": "prod_1", "object": "product", "created": NOW},
    "prices": dict(PRICE),
    "coupons": {"id": "OFF", "object": "coupon", "created": NOW, "percent_off": 10, "duration": "forever"},
    "customers": customer("dahlia"),
    "subscriptions": subscription("dahlia"),
    "invoices": invoice("dahlia"),
}


@pytest.mark.parametrize("stream", OBJECTS)
@pytest.mark.parametrize(("key", "told"), [("sk_test_0123456789ab", True), ("rk_live_0123456789ab", False)])
def test_a_page_of_the_other_mode_is_refused(stream: str, key: str, told: bool) -> None:
    """Of every list: one object of the other mode, last on the page, and nothing of the page is handed over; the sentence names what is what."""
    first = OBJECTS[stream] | {"livemode": not told}
    other = OBJECTS[stream] | {"id": "other_9", "livemode": told}
    with reading({STREAMS[stream].path: [first, other]}, key) as reader, pytest.raises(WrongMode) as caught:
        list(reader.pages(stream))
    wanted = (
        f"other_9 is of {'live' if told else 'test'} mode, but the account 'books' is read in {'test' if told else 'live'} mode"
    )
    assert wanted in str(caught.value)
    assert "nrr doctor" in str(caught.value)


@pytest.mark.parametrize("stream", OBJECTS)
def test_what_does_not_say_its_mode_is_taken(stream: str) -> None:
    """Without the field, with null in it, or with a word that is neither: as before."""
    without = {key: value for key, value in OBJECTS[stream].items() if key != "livemode"}
    page = [without, without | {"id": "b", "livemode": None}, without | {"id": "c", "livemode": "maybe"}]
    with reading({STREAMS[stream].path: page}) as reader:
        (found,) = reader.pages(stream)
    assert (3, ()) == (found.objects, tuple(each for each in found.rejected if each.reason == "bad_shape"))


ONES: dict[str, tuple[str, Callable[[Reader], Any]]] = {
    "customers": ("/v1/customers/x", lambda reader: reader.customer("x")),
    "subscriptions": ("/v1/subscriptions/x", lambda reader: reader.subscription("x")),
    "invoices": ("/v1/invoices/x", lambda reader: reader.invoice("x")),
    "prices": ("/v1/prices/x", lambda reader: reader.price("x")),
    "coupons": ("/v1/coupons/x", lambda reader: reader.coupon("x")),
}


@pytest.mark.parametrize("stream", ONES)
def test_a_single_object_of_the_other_mode_is_refused(stream: str) -> None:
    """What is asked for by its id is held to the same."""
    path, ask = ONES[stream]
    with reading({path: OBJECTS[stream] | {"livemode": True}}) as reader, pytest.raises(WrongMode, match="is of live mode"):
        ask(reader)


@pytest.mark.parametrize(("told", "inside"), [(True, None), (None, True), (False, True), (True, False)])
def test_an_event_of_the_other_mode_is_refused(told: bool | None, inside: bool | None) -> None:
    """Whether the event says so or what it is about."""
    with reading({"/v1/events": [_event(told, inside)]}) as reader, pytest.raises(WrongMode, match="event evt_1 is of live mode"):
        list(reader.events())


@pytest.mark.parametrize("told", [False, None])
def test_an_event_of_this_mode_is_taken(told: bool | None) -> None:
    """Also one that says nothing."""
    with reading({"/v1/events": [_event(told, told)]}) as reader:
        (page,) = reader.events()
    assert ["evt_1"] == [event.id for event in page.events]


def test_an_object_that_can_not_be_used_says_its_mode_all_the_same() -> None:
    """A spoilt object of the other mode is no reason to take the rest of its page."""
    spoilt = OBJECTS["customers"] | {"id": "cus_bad", "created": "soon", "livemode": True}
    with reading({"/v1/customers": [OBJECTS["customers"], spoilt]}) as reader, pytest.raises(WrongMode, match="cus_bad"):
        list(reader.pages("customers"))


def test_lines_that_are_asked_for_apart_are_held_to_it() -> None:
    """The rest of a long invoice is an answer like any other."""
    long = invoice("dahlia", line("dahlia", line_id="il_1", amount=100), id="in_1")
    long["lines"] = long["lines"] | {"has_more": True}
    rest = [line("dahlia", line_id="il_9", amount=100) | {"livemode": True}]
    with reading({"/v1/invoices": [long], "/v1/invoices/in_1/lines": rest}) as reader, pytest.raises(WrongMode, match="il_9"):
        list(reader.pages("invoices"))


def test_a_key_that_does_not_say_its_mode_has_the_accounts() -> None:
    """What the account was found to be holds for all that is read after it."""
    answers = {"/v1/account": ACCOUNT, "/v1/products": [OBJECTS["products"] | {"livemode": True}]}
    answers["/v1/customers"] = [OBJECTS["customers"] | {"livemode": False}]
    with reading(answers, "sk_somewhere_0123456789") as reader:
        assert reader.account().livemode
        with pytest.raises(WrongMode, match="is of test mode, but the account 'books' is read in live mode"):
            list(reader.pages("customers"))


def test_it_is_no_fault_that_passes() -> None:
    """It isn't asked for again: the key or the address is the wrong one."""
    with reading({"/v1/customers": [OBJECTS["customers"] | {"livemode": True}]}) as reader:
        with pytest.raises(ReadError):
            list(reader.pages("customers"))
        assert 1 == reader.usage.requests
