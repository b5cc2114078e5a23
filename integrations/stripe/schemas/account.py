"""The account that a key belongs to, as typed structs; the rules of `integrations.stripe.schemas.shape` hold here."""

from integrations.stripe.schemas.shape import Shape


class Dashboard(Shape):
    """How an account calls itself."""

    display_name: str | None = None


class AccountSettings(Shape):
    """Settings of an account."""

    dashboard: Dashboard | None = None


class BusinessProfile(Shape):
    """The public face of an account."""

    name: str | None = None


class Account(Shape):
    """The account that a key belongs to."""

    id: str | None = None
    country: str | None = None
    default_currency: str | None = None
    business_profile: BusinessProfile | None = None
    settings: AccountSettings | None = None
