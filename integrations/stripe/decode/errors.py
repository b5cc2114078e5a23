"""When a single object can't be used: the one error of decoding, and the checks that every kind of object shares.

It never leaves the decoding of a page, which turns it into a `Rejected` and goes on with the next object.
"""

from decimal import Decimal

from integrations.stripe.currencies import KNOWN
from integrations.stripe.schemas.shape import Id, Ref
from metrics.evidence import Instant

_PLACES = 40


class Unusable(Exception):
    """This object must be set aside: `reason` is a stable word, `detail` a sentence that names fields, never their text."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def an_id(value: str | None, of: str) -> str:
    """The id that an object must have."""
    if not value:
        raise Unusable("missing_id", f"{of} has no id")
    return value


def instant(value: int | None, field: str) -> Instant:
    """The date that an object must have."""
    if value is None:
        raise Unusable("missing_date", f"{field} is missing")
    return Instant(value)


def maybe(value: int | None) -> Instant | None:
    """A date that an object may have."""
    return None if value is None else Instant(value)


def ref(value: Id) -> str | None:
    """The id behind a field that may be expanded."""
    return value.id if isinstance(value, Ref) else value


def currency(code: str | None, field: str) -> str:
    """A currency whose minor unit is known, in lower case."""
    lower = (code or "").lower()
    if lower not in KNOWN:
        raise Unusable("unknown_currency", f"{field} is {lower[:8]!r}, which is no currency of Stripe's")
    return lower


def exact(whole: int | None, decimal: Decimal | None, field: str) -> Decimal | None:
    """An amount as one plain decimal, however it was written: 2500, "2500" and "2500.000" are the same value and text."""
    if decimal is None:
        return None if whole is None else Decimal(whole)
    if not decimal.is_finite() or not -_PLACES <= decimal.adjusted() <= _PLACES or _exponent(decimal) < -_PLACES:
        raise Unusable("bad_amount", f"{field} is not an amount")
    if decimal == decimal.to_integral_value():
        return Decimal(int(decimal))
    return Decimal(format(decimal, "f").rstrip("0"))


def quantities(whole: int | None, decimal: Decimal | None) -> tuple[int | None, Decimal | None]:
    """The quantity cut to a whole number, and the exact one where that is another."""
    if decimal is None or decimal == whole:
        return whole, None
    told = exact(None, decimal, "quantity_decimal")
    assert told is not None, "a decimal is one"
    return int(told) if whole is None else whole, None if told == told.to_integral_value() else told


def _exponent(decimal: Decimal) -> int:
    exponent = decimal.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
