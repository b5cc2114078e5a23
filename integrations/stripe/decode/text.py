"""Text that no database takes: NUL characters and lone surrogates.

Stripe lets them into metadata and descriptions. There they are replaced by U+FFFD; in an id, a status or a currency they make the
object unusable, because a changed id would be another object.
"""

import re
from typing import Any, Final

_BAD: Final = re.compile("[\x00\ud800-\udfff]")
_IDENTITY_FIELDS: Final = """
    id customer subscription subscription_item invoice price plan product products coupon discount discounts invoice_line_items
    currency status type interval usage_type billing_scheme tiers_mode duration billing_reason behavior schedule test_clock
"""
_IDENTITIES: Final = frozenset(_IDENTITY_FIELDS.split())


def clean(text: str) -> str:
    """`text` as a database takes it."""
    return _BAD.sub("�", text)


def cleaned(value: Any, path: str = "") -> tuple[Any, str | None]:
    """A decoded JSON value with clean texts, and the path of the first identity that had to be changed, if there is one."""
    if isinstance(value, str):
        changed = clean(value)
        return changed, (path if changed != value and path.rsplit(".", 1)[-1] in _IDENTITIES else None)
    spoilt: str | None = None
    if isinstance(value, dict):
        out: dict[str, Any] = {}
        for key, inner in value.items():
            # What lies under metadata is free text, whatever its keys are called.
            below = path if path.endswith("metadata") else f"{path}.{clean(key)}".lstrip(".")
            out[clean(key)], bad = cleaned(inner, below)
            spoilt = spoilt or bad
        return out, spoilt
    if isinstance(value, list):
        items = []
        for inner in value:
            item, bad = cleaned(inner, path)
            items.append(item)
            spoilt = spoilt or bad
        return items, spoilt
    return value, None
