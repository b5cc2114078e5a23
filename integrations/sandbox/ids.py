"""Object ids that sort as their objects do.

An id carries its object's *position* (created second, customer, serial within the customer) in base 62, so that a page
cursor needs no index and still works after its object is gone, as Stripe's does. Nothing but the sandbox may read meaning
into an id: to a client they are opaque.
"""

from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = {letter: value for value, letter in enumerate(ALPHABET)}
_WIDTH: Final = 11
MAX_CUSTOMERS: Final = 1 << 20
_SERIALS: Final = 1 << 11


def position(created: int, customer: int, serial: int) -> int:
    """A 63-bit number that orders objects by time; ties are broken by customer, then by a scrambled serial.

    The scrambling (an odd factor is a bijection modulo a power of two) leaves objects of one second in an order that says
    nothing of their causes: Stripe promises none either.
    """
    return created << 31 | customer << 11 | serial * 1_543 % _SERIALS


def created_of(place: int) -> int:
    """The second at which the object at `place` was created."""
    return place >> 31


def customer_of(place: int) -> int:
    """The index of the customer to whom the object at `place` belongs."""
    return place >> 11 & MAX_CUSTOMERS - 1


def base62(number: int, width: int) -> str:
    """`number` in `width` base-62 digits."""
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def make(prefix: str, place: int, tag: str) -> str:
    """The id of the object at `place` in the account whose six-letter `tag` is given."""
    return f"{prefix}_1{base62(place, _WIDTH)}{tag}"


def place_of(identifier: str) -> int | None:
    """The position inside an id made here, or None for any other text."""
    _, _, rest = identifier.rpartition("_")
    digits = rest[1 : 1 + _WIDTH]
    if not rest.startswith("1") or len(digits) != _WIDTH:
        return None
    place = 0
    for letter in digits:
        value = _DIGITS.get(letter)
        if value is None:
            return None
        place = place * 62 + value
    return place
