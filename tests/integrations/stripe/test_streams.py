"""What is declared of a list is what runs, events and the audit make of it."""

import pytest

from integrations.stripe.decode import pages, parsing
from integrations.stripe.streams import EVENT_TYPES, READ_AGAIN, STREAMS, Stream, named_kind, of_part


def test_the_parts_of_a_run() -> None:
    """Names that marks, jobs and options hold, in the order in which they are read: none may change."""
    assert ("products", "prices", "coupons") == of_part("catalog")
    assert ("customers", "subscriptions", "subscriptions_canceled", "invoices", "credit_notes") == of_part("customers")
    assert ("pending_items",) == of_part("pending")
    assert ("events",) == of_part("events")


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("customer.subscription.updated", "subscription"),
        ("customer.discount.created", "customer"),
        ("customer.deleted", "customer"),
        ("invoice.voided", "invoice"),
        ("price.updated", "price"),
        ("coupon.deleted", "coupon"),
        ("product.updated", None),
        ("charge.succeeded", None),
    ],
)
def test_which_object_an_event_names(event_type: str, kind: str | None) -> None:
    """The longest beginning that fits counts: an event of a subscription isn't one of its customer."""
    assert kind == named_kind(event_type)


@pytest.mark.parametrize("stream", STREAMS.values(), ids=lambda stream: stream.name)
def test_a_declared_list_can_be_read(stream: Stream) -> None:
    """Its objects have a shape and a decoder, and events of what it names are asked for."""
    assert stream.part != "within"
    assert stream.kind in parsing.SHAPES
    assert stream.kind in pages.DECODERS
    assert not stream.named_by or any(each.startswith(stream.named_by) for each in EVENT_TYPES)


def test_only_what_events_name_is_looked_up() -> None:
    """What the audit asks for one by one can be read by its id."""
    assert {"customer", "subscription"} == {stream.kind for stream in STREAMS.values() if stream.looked_up}
    assert {stream.kind for stream in STREAMS.values() if stream.looked_up} <= set(READ_AGAIN)
