"""Which fields an API version has: Stripe moved them between 2025 and 2026, and draws each answer in the version asked for.

Only what a reader of subscriptions meets is told apart here. A version is known by its date; the name behind it is decoration.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_WELL_FORMED: Final = re.compile(r"20\d\d-\d\d-\d\d(\.[a-z]+)?")
_BASIL: Final = "2025-03-31"
_CLOVER: Final = "2025-09-30"
_DAHLIA: Final = "2026-03-25"
_ENDIVE: Final = "2026-09-30"


class UnknownVersion(ValueError):
    """A `Stripe-Version` that is none."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What answers look like: each flag says that the version is that one or a later one."""

    version: str
    basil: bool
    """Periods on items, parents of invoices and lines, prices on lines by id."""
    clover: bool
    """The coupon of a discount under its source."""
    dahlia: bool
    endive: bool
    """A real pause, with details of the status."""


@lru_cache(maxsize=64)
def generation(version: str) -> Generation:
    """The generation of an API version. Raises UnknownVersion."""
    if not _WELL_FORMED.fullmatch(version):
        raise UnknownVersion(version)
    date = version[:10]
    return Generation(version, date >= _BASIL, date >= _CLOVER, date >= _DAHLIA, date >= _ENDIVE)
