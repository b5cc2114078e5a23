"""Amounts as tools and spreadsheets write them: `1,234.50`, `1.234,50`, `1 234,50 €`, `(12.00)`, `USD 49`, `–`.

Which sign divides the places is decided for a whole column, by what all its amounts allow: a single `1,234` says nothing.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

_NOTHING: Final = frozenset({"", "-", "–", "—", "n/a", "na", "null", "none", "#n/a"})
_AROUND: Final = re.compile(r"[\s\u00a0\u202f'’_]|[A-Za-z]{0,3}[$€£¥₹₩₽฿₺₴₪₫₱]|[A-Za-z]{3}(?![A-Za-z])|(?:kr|zł|Kč)\.?")
_DIGITS: Final = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED: Final = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_EXPONENT: Final = re.compile(r"\d+(?:\.\d+)?[eE][+-]?\d{1,2}")
_SYMBOLS: Final = {
    "€": "eur",
    "£": "gbp",
    "₹": "inr",
    "₩": "krw",
    "₪": "ils",
    "₺": "try",
    "₫": "vnd",
    "₱": "php",
    "฿": "thb",
    "zł": "pln",
    "Kč": "czk",
}
_CODE: Final = re.compile(r"(?<![A-Za-z])([A-Za-z]{3})(?![A-Za-z$€£¥₹₩₽฿₺₴₪₫₱])")


def currency_in(text: str) -> str | None:
    """The currency that an amount names beyond doubt: by its code, or by a sign that stands for one alone. A dollar's may be any."""
    if (found := _CODE.search(text)) is not None and text.strip().lower() not in _NOTHING:
        return found[1].lower()
    return next((code for sign, code in _SYMBOLS.items() if sign in text), None)


def bare(text: str) -> tuple[str, bool] | None:
    """The digits and points of an amount, and whether it is below zero; None for what is no amount. Nothing at all is an empty text."""
    said = text.strip()
    if said.lower() in _NOTHING:
        return "", False
    negative = said.startswith("(") and said.endswith(")")
    said = said[1:-1] if negative else said
    if _EXPONENT.fullmatch(said.lstrip("+-−")):
        plain = format(Decimal(said.replace("−", "-")), "f")
        return plain.lstrip("-"), negative or plain.startswith("-")
    said = _AROUND.sub("", said).replace("−", "-")
    if said[:1] in ("-", "+") or said[-1:] == "-":
        negative = negative or "-" in (said[0], said[-1])
        said = said.strip("+-")
    return (said, negative) if _DIGITS.fullmatch(said) else None


def decimal_point(texts: Iterable[str], *, comma_file: bool) -> str:
    """The sign that divides the places in a column of bare amounts: `.` or `,`.

    `comma_file`: columns are not divided by commas, as where commas divide places.
    """
    points: dict[str, int] = {".": 0, ",": 0}
    grouped: dict[str, int] = {".": 0, ",": 0}
    for text in texts:
        marks = [sign for sign in text if sign in ".,"]
        if not marks:
            continue
        last = marks[-1]
        if len(set(marks)) == 2:
            points[last] += 1
            grouped[marks[0]] += 1
        elif len(marks) > 1:
            grouped[last] += 1
        elif not _GROUPED.fullmatch(text) or text.startswith("0"):
            points[last] += 1
    if points["."] != points[","]:
        return "." if points["."] > points[","] else ","
    if grouped["."] != grouped[","]:
        return "," if grouped["."] > grouped[","] else "."
    return "," if comma_file else "."


def value(text: str, negative: bool, point: str) -> Decimal | None:
    """A bare amount as an exact number; None where it can't be one in this notation, such as 1.2.3 or 1,23,4."""
    if not text:
        return Decimal(0)
    group = "," if point == "." else "."
    whole, _, rest = text.partition(point)
    if group in rest or point in rest:
        return None
    if group in whole:
        parts = whole.split(group)
        if not (1 <= len(parts[0]) <= 3) or any(len(part) not in (2, 3) for part in parts[1:-1]) or len(parts[-1]) != 3:
            return None
    number = Decimal(whole.replace(group, "") + (f".{rest}" if rest else ""))
    return -number if negative else number
