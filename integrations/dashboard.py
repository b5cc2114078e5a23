"""Where an object is in Stripe's dashboard. An address is made of an id's own letters alone, so that nothing from outside can lead elsewhere."""

import re
from typing import Final

DASHBOARD: Final = "https://dashboard.stripe.com"
_ID: Final = re.compile(r"(?P<kind>cus|sub|in|price|prod|acct|evt|ii)_[A-Za-z0-9_]{1,80}")
_PAGES: Final = {
    "cus": "customers",
    "sub": "subscriptions",
    "in": "invoices",
    "prod": "products",
    "price": "prices",
    "evt": "events",
}
"""What has a page of its own in the dashboard, by the prefix of its id."""


def dashboard(object_id: str, *, account: str = "", livemode: bool = True) -> str | None:
    """The address of an object's page in Stripe's dashboard; None for what has none. `account` where there are several."""
    found = _ID.fullmatch(object_id)
    page = _PAGES.get(found["kind"]) if found else None
    if page is None:
        return None
    place = [DASHBOARD, *([account] if _ID.fullmatch(account) else []), *([] if livemode else ["test"]), page, object_id]
    return "/".join(place)
