"""Words that rows are found by, bounded: no database indexes a text of any length, and one absurd id must stop nobody.

Stripe lets people choose ids of plans, coupons and products, and a segment is whatever their metadata say. What is longer than
`LONGEST` keeps its beginning, for people to recognise, and the digest of the whole behind it, so that two never become one.
"""

from hashlib import blake2b
from typing import Final

LONGEST: Final = 200
"""Characters. Longer than any id that Stripe gives out."""

_BEHIND: Final = "~"


def bounded(text: str) -> str:
    """`text` as a key: itself, or its first characters and a digest. What is bounded already stays as it is."""
    if len(text) <= LONGEST or (len(text) == _WHOLE and text[LONGEST] == _BEHIND):
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{text[:LONGEST]}{_BEHIND}{digest}"


_WHOLE: Final = LONGEST + len(_BEHIND) + 32
