"""What an answer of Stripe's means: first the SDK's own error class, whose vocabulary decides what is worth asking again, then our type.

Apart from `errors`, because whoever only tells one of our types from another must not load the SDK.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
import stripe

from integrations.stripe.errors import (
    BadRequest,
    Gone,
    NotAllowed,
    ReadError,
    Refused,
    Transient,
    UnknownEndpoint,
    Unreachable,
    redacted,
)

LONGEST_RETRY_AFTER_SECONDS: Final = 3_600.0
"""A host that asks for more is looked at again after so long."""

UNRECOGNIZED_URL: Final = "unrecognized request url"
_PERMISSION: Final = re.compile(r"rak_[a-z0-9_]+")
_ACCOUNT: Final = re.compile(r"\bacct_[A-Za-z0-9]+")


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    code: str | None = None
    param: str | None = None


class _ErrorAnswer(msgspec.Struct):
    error: _ErrorBody | None = None


def verdict(status: int, body: bytes, headers: Mapping[str, str], key: str) -> stripe.StripeError | None:
    """The SDK's error for an answer, or None when the answer is good. It holds neither the key nor the body."""
    if 200 <= status < 300:
        return None
    said = _said(redacted(body.decode("utf-8", "replace"), key))
    message = said.message or f"HTTP {status} without a message"
    if 300 <= status < 400:
        message = f"HTTP {status}: it redirects elsewhere, and the key is sent to no other address"
    kept = kept_headers(headers, key)
    if status == 429 or (status == 400 and said.code == "rate_limit"):
        return stripe.RateLimitError(message, None, status, None, kept, said.code)
    if status >= 500 or status == 409:
        return stripe.APIError(message, None, status, None, kept, said.code)
    if status == 401:
        return stripe.AuthenticationError(message, None, status, None, kept, said.code)
    if status == 403:
        return stripe.PermissionError(message, None, status, None, kept, said.code)
    return stripe.InvalidRequestError(message, said.param, said.code, None, status, None, kept)  # type: ignore[no-untyped-call]  # untyped in the SDK


def kept_headers(headers: Mapping[str, str], key: str) -> dict[str, str]:
    """The headers of an answer that an error needs, by the names that the SDK uses."""
    return {name: redacted(headers[name], key) for name in ("request-id", "retry-after") if name in headers}


_ANSWER: Final = msgspec.json.Decoder(_ErrorAnswer)


def _said(body: str) -> _ErrorBody:
    try:
        return _ANSWER.decode(body).error or _ErrorBody()
    except (msgspec.DecodeError, RecursionError):
        return _ErrorBody()


def is_transient(error: BaseException) -> bool:
    """Whether asking again may help. Only reading is done here, so every fault of the server may be asked again."""
    return isinstance(error, stripe.RateLimitError | stripe.APIError | stripe.APIConnectionError)


def typed(
    error: stripe.StripeError, stream: str, permission: str, address: str, attempts: int, *, of_object: str | None = None
) -> ReadError:
    """The error that a caller acts on. `permission` is what the key needs for the stream, `of_object` an id asked for."""
    status, request_id, said = error.http_status, error.request_id, str(error.user_message)
    what = f"{stream} {of_object}" if of_object else stream
    if isinstance(error, stripe.APIConnectionError):
        return Unreachable(
            stream,
            f"could not read {what}: no answer from {address} after {attempts} attempts ({said}). Nothing was stored of this "
            "page. Check the address (STRIPE_API_BASE) and the network, then run `nrr doctor`",
        )
    if is_transient(error):
        return Transient(
            stream,
            f"could not read {what} from {address}: {said} after {attempts} attempts. Nothing was stored of this page; it is "
            "safe to run the same command again later",
            status=status,
            request_id=request_id,
            retry_after_seconds=retry_after(error),
        )
    if isinstance(error, stripe.AuthenticationError):
        return Refused(
            stream,
            f"Stripe refused the key while reading {what}: {said}. Nothing was read or changed. Put a key that is in force into "
            "STRIPE_API_KEY, then run `nrr doctor`",
            status=status,
            request_id=request_id,
        )
    if isinstance(error, stripe.PermissionError):
        named = _PERMISSION.search(said)
        wanted = f"{permission} ({named.group()})" if named else permission
        return NotAllowed(
            stream,
            f"the key may not read {what}: it needs the permission {wanted}. Nothing was stored of this stream. Give the key "
            "that permission in Stripe's dashboard (Developers, API keys), then run `nrr doctor`",
            wanted,
            status=status,
            request_id=request_id,
        )
    if status == 404:
        if of_object is not None and not said.lower().startswith(UNRECOGNIZED_URL):
            return Gone(stream, f"{what} is not there any longer: {said}", status=status, request_id=request_id)
        return UnknownEndpoint(
            stream,
            f"{address} does not know the list of {stream}: {said}. Nothing was stored of it. Check STRIPE_API_BASE, then run "
            "`nrr doctor`",
            status=status,
            request_id=request_id,
        )
    return BadRequest(
        stream,
        f"Stripe declined to list {what}: {said}. Nothing was stored of this page. Run `nrr doctor` to try each stream",
        getattr(error, "param", None),
        status=status,
        request_id=request_id,
    )


def retry_after(error: stripe.StripeError) -> float | None:
    """The seconds that an answer asks us to wait, when it does in seconds; an hour at most, whatever it asks for."""
    text = (error.headers or {}).get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        return None
    return min(seconds, LONGEST_RETRY_AFTER_SECONDS) if seconds >= 0 else None


def account_named(error: ReadError) -> str | None:
    """The account that Stripe names when it denies a restricted key a permission."""
    found = _ACCOUNT.search(str(error.__cause__)) if error.__cause__ else None
    return found.group() if found else None
