"""What can go wrong with Stripe, as types that a caller acts on.

What leaves the reader is one of the types below: `Transient` means that the same work may succeed later, every other one that it can't
until somebody changes something. Each carries the stream, and its message says what happened, what was not done and what to do next. No
error here ever holds the key: texts are cleaned before they get in. Which answer means which is `verdicts`; that one needs the SDK, and
whoever only looks at settings or figures must not wait for it.
"""

import re
from typing import Final

_KEY_LIKE: Final = re.compile(r"\b((?:sk|rk|pk|ek|uk|whsec)_)[A-Za-z0-9_*]{6,}")


class ReadError(Exception):
    """Something kept us from reading a stream; the SDK's error, where Stripe answered, is its cause."""

    def __init__(self, stream: str, message: str, *, status: int | None = None, request_id: str | None = None) -> None:
        super().__init__(message)
        self.stream = stream
        self.status = status
        self.request_id = request_id


class Transient(ReadError):
    """It may well succeed later: limits, faults of the server or of the network, bodies that came cut or garbled."""

    def __init__(
        self,
        stream: str,
        message: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(stream, message, status=status, request_id=request_id)
        self.retry_after_seconds = retry_after_seconds


class Unreachable(Transient):
    """No answer at all came from the address."""


class Refused(ReadError):
    """Stripe doesn't take the key (401)."""


class NotAllowed(ReadError):
    """The key is good, but may not read this stream (403). `permission` is the one that is missing."""

    def __init__(
        self, stream: str, message: str, permission: str, *, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(stream, message, status=status, request_id=request_id)
        self.permission = permission


class WrongMode(ReadError):
    """What was answered is of live mode where the account is read in test mode, or the other way round."""


class UnknownEndpoint(ReadError):
    """The host doesn't know this address (404 on a list)."""


class Gone(ReadError):
    """The host knows the endpoint, but not the object (404 on an object)."""


class BadRequest(ReadError):
    """Stripe understood and declined (another 4xx). `param` names the parameter that it objects to, if it does."""

    def __init__(
        self,
        stream: str,
        message: str,
        param: str | None = None,
        *,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(stream, message, status=status, request_id=request_id)
        self.param = param


class BadAddress(ValueError):
    """The address of the API can't be used; nothing was sent to it."""


def redacted(text: str, key: str) -> str:
    """`text` without the key and without anything that looks like one."""
    if len(key) >= 6:
        text = text.replace(key, "***")
    return _KEY_LIKE.sub(r"\1***", text)
