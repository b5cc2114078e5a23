"""Which address a key may travel to, and what can be a key at all: judged by looks alone, before anything is connected."""

import re
from typing import Final
from urllib.parse import urlsplit

from integrations.outgoing import is_loopback
from integrations.stripe.errors import BadAddress

_DEFAULT: Final = "https://api.stripe.com"
_KEY: Final = re.compile(r"(?:sk|rk)_[A-Za-z0-9_]+")


def checked_base(base: str, *, allow_plain_http: bool = False) -> str:
    """The address without a slash at its end. Raises BadAddress for one that would send the key in the open."""
    try:
        parts = urlsplit(base)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise BadAddress("the address of the API (STRIPE_API_BASE) is no URL") from None
    if parts.username or parts.password:
        raise BadAddress(
            "the address of the API (STRIPE_API_BASE) must not hold a user or a password: the key goes with each request"
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise BadAddress(f"the address of the API (STRIPE_API_BASE) must look like {_DEFAULT}, not {base!r}")
    if parts.scheme == "http" and not (allow_plain_http or is_loopback(host)):
        raise BadAddress(
            f"the address of the API (STRIPE_API_BASE), {base}, would send the key unencrypted over the network: use https; if plain http "
            "is meant, set NRR_ALLOW_PLAIN_HTTP=true"
        )
    return base.rstrip("/")


def what_key(key: str) -> str | None:
    """Why a text can't be a key that reads Stripe, in a clause that never repeats it; None for one that can."""
    if key.strip() != key and _KEY.fullmatch(key.strip()):
        return "the Stripe key has a blank or a line end before or behind it"
    if not key or not key.isascii() or any(c.isspace() or not c.isprintable() for c in key):
        return "the Stripe key is empty or has characters that no key has"
    if key.startswith("pk_"):
        return "this is a publishable key (pk_…), which can read nothing: a restricted key with read access is wanted (rk_…)"
    if key.startswith("whsec_"):
        return "this is a webhook's signing secret (whsec_…), which can read nothing: a restricted key with read access is wanted (rk_…)"
    if not _KEY.fullmatch(key):
        return "this is no key of Stripe's: those begin with rk_ (restricted, which is enough) or sk_"
    return None
