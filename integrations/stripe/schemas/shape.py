"""The few fields of Stripe's objects that MRR needs, as typed structs that a page of bytes decodes into directly.

One struct reads every generation of the API: a field that only old or only new versions have is simply absent, so which one a
reply belongs to is decided by the fields present and never by its version. Everything may be missing or null here: what an object
must have is asked for in `integrations.stripe.decode`, where its absence gets a name. Nothing in this module computes.

Amounts are whole numbers or exact decimals, never floats. Whole numbers must fit the database's BIGINT; a larger one makes the
object unusable. Enumerations are plain strings, because new values appear at any time.
"""

from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

from metrics.evidence import Instant

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
When = Annotated[Instant, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A moment, as Stripe writes it and as we do."""
T = TypeVar("T")


class Shape(msgspec.Struct, gc=False):
    """A piece of a reply. It can hold no reference cycle, so the collector need not look at it."""

    KIND: ClassVar[str] = ""
    """The kind of object that it is, where Stripe lists such or gives one by its id."""


class Moded(Shape, kw_only=True):
    """An object that says of which mode it is: `livemode` is true or false; whatever else stands there says nothing."""

    livemode: Any = None


class Ref(Shape):
    """An object of which only its id matters here, expanded or deleted as it may be."""

    id: str | None = None
    deleted: bool | None = None


Id = str | Ref | None
"""An id, or the object itself where it was expanded."""


class PageOf(Shape, Generic[T]):
    """A list answer. Both fields are required: an answer without them is no list."""

    data: list[T]
    has_more: bool


class Sublist(Shape, Generic[T]):
    """A list inside an object: its first entries."""

    data: list[T] | None = None
    has_more: bool | None = None

    @property
    def complete(self) -> bool:
        """Whether it says that these are all: a list that doesn't say so proves presence, never absence."""
        return self.data is not None and self.has_more is False


class Dated(Shape):
    """Just enough of any object to follow a list: also of one that can't be used."""

    id: str | None = None
    created: Whole | None = None
    livemode: bool | None = None
