"""Events, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

import msgspec

from integrations.stripe.schemas.shape import Moded, Shape, Whole


class EventData(Shape):
    """What an event is about, left undecoded: its shape is that of the version in force when it arose."""

    object: msgspec.Raw = msgspec.Raw(b"null")
    previous_attributes: msgspec.Raw = msgspec.Raw(b"null")


class Event(Moded):
    """An event."""

    KIND = "event"

    id: str | None = None
    type: str | None = None
    created: Whole | None = None
    data: EventData | None = None
