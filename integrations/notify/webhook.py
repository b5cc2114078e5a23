"""Telling a program of one's own: the message as JSON, signed, so that whoever receives it knows who sent it and when.

The signature is an HMAC over the moment and the body, in the form that Stripe's has: `NRR-Signature: t=SECONDS,v1=HEX`, where HEX is
HMAC-SHA256(secret, "SECONDS.BODY"). `NRR-Message` is the message's id, the same at each try.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

from integrations.notify.delivery import Outcome, Parcel, never_raising, tried
from integrations.notify.email_message import text
from integrations.notify.post import JSON, address_fault, posted
from integrations.notify.sanitize import cleaned, plain, without
from integrations.web import BY_ITSELF, Web

NAME: Final = "webhook"
VERSION: Final = 1
SHORTEST_SECRET: Final = 16


def secret_fault(secret: str) -> str | None:
    """Why nothing can be signed with it, None where it can."""
    if len(secret) >= SHORTEST_SECRET:
        return None
    return f"the webhook's secret takes at least {SHORTEST_SECRET} characters; make one with: openssl rand -hex 32"


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where messages go, and the secret that they are signed with. Neither shows when it is printed."""

    url: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        if fault := address_fault(self.url):
            raise ValueError(f"the webhook's address {fault}")
        if fault := secret_fault(self.secret):
            raise ValueError(fault)


@dataclass(frozen=True, slots=True)
class Webhook:
    """The channel, called `name`. `sleep` waits between tries."""

    target: WebhookTarget
    sleep: Callable[[float], None]
    web: Web = BY_ITSELF
    name: str = NAME

    def deliver(self, parcel: Parcel) -> Outcome:
        """Post the message, signed with the moment at which it was handed over; tried again later, it has another one."""
        return never_raising(lambda: self._deliver(parcel), parcel.progress)

    def _deliver(self, parcel: Parcel) -> Outcome:
        number = message_number(parcel.key)
        body = json.dumps(payload(parcel), ensure_ascii=False, sort_keys=True).encode()

        def attempt(_progress: Mapping[str, Any]) -> Outcome:
            headers = {
                "Content-Type": JSON,
                "NRR-Message": number,
                "NRR-Signature": signature(self.target.secret, int(parcel.at.timestamp()), body),
            }
            return posted(self.web, self.target.url, body, headers, "the webhook", knows_again=True)

        outcome = tried(attempt, parcel.progress, self.sleep)
        safe = plain(without(outcome.why, (self.target.secret,)))
        return Outcome(outcome.end, safe, outcome.wait_seconds, outcome.progress)


def payload(parcel: Parcel) -> dict[str, Any]:
    """What is posted. `follows` is the id of the message that this one belongs under; `repeat` says that it may have come before."""
    said = cleaned(parcel.content)
    return {
        "version": VERSION,
        "id": message_number(parcel.key),
        "follows": None if parcel.thread in (None, parcel.key) else message_number(str(parcel.thread)),
        "repeat": parcel.repeat,
        "kind": said.get("kind", "firing"),
        "title": said.get("title", ""),
        "text": text(parcel.content),
        "content": said,
    }


def message_number(key: str) -> str:
    """The id of what is known by `key`: the same whenever and wherever it is made."""
    return f"nrr_{blake2b(key.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def signature(secret: str, seconds: int, body: bytes) -> str:
    """The header that signs a body at a moment."""
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"
