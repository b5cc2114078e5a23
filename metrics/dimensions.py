"""Which dimensions a ledger carries, and how those of several parts are written as one text: `plan,country` and `price_1,DE`.

Text only, so that whoever needs nothing but the words doesn't load what figures are made with.
"""

from collections.abc import Mapping, Sequence
from typing import Final

CARRIED: Final[Mapping[str, str]] = {
    "plan": "price of the largest item",
    "product": "product of the largest item",
    "interval": "billing interval of the largest item",
}
"""The fields of a standing that are dimensions, with what they are: columns of that name hold them, figures and day totals can be cut by them.
A further one comes last."""
PER_CUSTOMER: Final = "@customer"
"""Each customer as a segment of its own: what stands behind a figure, by the very sums that make it. No key of metadata is called so."""


def parts(dimension: str) -> tuple[str, ...]:
    """The dimensions that `dimension` is made of: `plan,country` is two, the whole is none."""
    return tuple(dimension.split(",")) if dimension else ()


def label(values: Sequence[str]) -> str:
    """One text for the values of a dimension's parts; a comma or backslash within a value is escaped, so that none are confused."""
    if len(values) == 1:
        return values[0]
    return ",".join(value.replace("\\", "\\\\").replace(",", "\\,") for value in values)


def values(segment: str) -> tuple[str, ...]:
    """The values that `label` made one text of, where a dimension has two parts or more."""
    out, rest = [""], iter(segment)
    for sign in rest:
        if sign == ",":
            out.append("")
        else:
            out[-1] += next(rest) if sign == "\\" else sign
    return tuple(out)
