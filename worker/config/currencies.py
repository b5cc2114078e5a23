"""Which currency codes a setting may name."""

from typing import Final

from metrics.money import THREE_DECIMAL, ZERO_DECIMAL

_USUAL: Final = frozenset(
    [
        "aud",
        "bgn",
        "brl",
        "cad",
        "chf",
        "cny",
        "czk",
        "dkk",
        "eur",
        "gbp",
        "hkd",
        "huf",
        "idr",
        "ils",
        "inr",
        "jpy",
        "krw",
        "mxn",
        "myr",
        "nok",
        "nzd",
        "php",
        "pln",
        "ron",
        "sek",
        "sgd",
        "thb",
        "try",
        "usd",
        "zar",
    ]
)
"""Currencies that need not be looked up among all there are: that table is large, and every command reads the settings."""


def is_currency(code: str) -> bool:
    """Whether there is a currency of this code, in lower case."""
    return code in _USUAL or code in _currencies()


def _currencies() -> frozenset[str]:
    from babel import Locale

    return frozenset(str(code).lower() for code in Locale("en").currencies) | ZERO_DECIMAL | THREE_DECIMAL
