"""Customers, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

import msgspec

from integrations.stripe.schemas.catalog import Discount
from integrations.stripe.schemas.shape import Id, Moded, Shape, Whole


class Address(Shape):
    """An address, of which the country is enough."""

    country: str | None = None


class Shipping(Shape):
    """Where things are sent."""

    address: Address | None = None


class Customer(Moded):
    """A customer; name and e-mail go no further unless somebody asked for them."""

    KIND = "customer"

    id: str | None = None
    name: str | None = None
    email: str | None = None
    deleted: bool | None = None
    created: Whole | None = None
    currency: str | None = None
    address: Address | None = None
    shipping: Shipping | None = None
    discount: Discount | msgspec.UnsetType | None = msgspec.UNSET
    """Null says that there is none; a customer without the field says nothing about it."""
    metadata: dict[str, str | None] | None = None
    test_clock: Id = None
    customer_account: str | None = None
