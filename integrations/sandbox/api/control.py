"""The sandbox's own endpoints under /_sandbox: its clock, its faults, what was asked of it, and what it knows of the truth.

Stripe has nothing like them. They want the same key, because a page in a browser can reach a loopback address too.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from integrations.sandbox.api.api import Desk
from integrations.sandbox.api.faults import Fault, Faults
from integrations.sandbox.api.rate_limits import Turnstile
from integrations.sandbox.errors import Problem, unknown_address
from integrations.sandbox.simulator.billing_cycles import parse_instant

Told = tuple[int, Any]


@dataclass(slots=True)
class Traffic:
    """What was asked: requests by endpoint and answers by status."""

    endpoints: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, endpoint: str, status: int) -> None:
        """Count one request."""
        with self.lock:
            self.endpoints[endpoint] += 1
            self.statuses[status] += 1


@dataclass(frozen=True, slots=True)
class Controls:
    """What of a running sandbox can be looked at and changed."""

    desk: Desk
    faults: Faults
    turnstile: Turnstile
    traffic: Traffic


def controlled(controls: Controls, method: str, path: str, body: bytes) -> Told:
    """Status and JSON of the answer to a request under /_sandbox. Raises Problem."""
    match method, path.strip("/").split("/")[1:]:
        case "GET", []:
            return 200, _state(controls)
        case "GET", ["clock"]:
            return 200, {"now": controls.desk.now}
        case "POST", ["clock"]:
            return _set_clock(controls, _object(body))
        case "GET", ["faults"]:
            return 200, {"data": controls.faults.described()}
        case "POST", ["faults"]:
            return 200, {"id": controls.faults.add(_made(Fault, _object(body)))}
        case "DELETE", ["faults"]:
            controls.faults.clear()
            return 200, {"data": []}
        case "DELETE", ["faults", number] if number.isdigit():
            controls.faults.remove(int(number))
            return 200, {"data": controls.faults.described()}
    raise unknown_address(method, path)


def _state(controls: Controls) -> dict[str, Any]:
    desk = controls.desk
    with controls.traffic.lock:
        asked, answered = dict(controls.traffic.endpoints), {str(k): v for k, v in controls.traffic.statuses.items()}
    return {
        "now": desk.now,
        "account": desk.business.account,
        "objects": {kind: desk.shelf.count(kind, desk.now) for kind in ("customer", "subscription", "invoice", "event")},
        "requests": asked,
        "statuses": answered,
        "throttled": controls.turnstile.refused,
    }


_BODY: Final = msgspec.json.Decoder(dict[str, Any])


def _object(body: bytes) -> dict[str, Any]:
    try:
        return _BODY.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"The body is no JSON object: {error}") from error


def _set_clock(controls: Controls, asked: dict[str, Any]) -> Told:
    now, by = asked.get("now"), asked.get("advance")
    try:
        if now is not None:
            controls.desk.set_now(parse_instant(now) if isinstance(now, str) else int(now))
        elif by is not None:
            controls.desk.set_now(controls.desk.now + int(by))
        else:
            raise Problem(400, "Say `now` (seconds or ISO 8601) or `advance` (seconds).", param="now")
    except (ValueError, TypeError) as error:
        raise Problem(400, f"Invalid instant: {error}", param="now") from error
    return 200, {"now": controls.desk.now}


def _made(kind: Callable[..., Fault], fields: dict[str, Any]) -> Fault:
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        raise Problem(400, str(error)) from error
