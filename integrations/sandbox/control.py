"""The sandbox's own endpoints under /_sandbox: its clock, its faults, what was asked of it, and what it knows of the truth.

Stripe has nothing like them. They want the same key, because a page in a browser can reach a loopback address too.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.sandbox.cycles import parse_instant
from integrations.sandbox.faults import Fault
from integrations.sandbox.problems import Problem, unknown_address

if TYPE_CHECKING:
    from integrations.sandbox.server import Server

Told = tuple[int, Any]


def controlled(server: "Server", method: str, path: str, body: bytes) -> Told:
    """Status and JSON of the answer to a request under /_sandbox. Raises Problem."""
    match method, path.strip("/").split("/")[1:]:
        case "GET", []:
            return 200, _state(server)
        case "GET", ["clock"]:
            return 200, {"now": server.desk.now}
        case "POST", ["clock"]:
            return _set_clock(server, _object(body))
        case "GET", ["faults"]:
            return 200, {"data": server.faults.described()}
        case "POST", ["faults"]:
            return 200, {"id": server.faults.add(_made(Fault, _object(body)))}
        case "DELETE", ["faults"]:
            server.faults.clear()
            return 200, {"data": []}
        case "DELETE", ["faults", number] if number.isdigit():
            server.faults.remove(int(number))
            return 200, {"data": server.faults.described()}
    raise unknown_address(method, path)


def _state(server: "Server") -> dict[str, Any]:
    desk = server.desk
    with server.traffic.lock:
        asked, answered = dict(server.traffic.endpoints), {str(k): v for k, v in server.traffic.statuses.items()}
    return {
        "now": desk.now,
        "account": desk.business.account,
        "objects": {kind: desk.shelf.count(kind, desk.now) for kind in ("customer", "subscription", "invoice", "event")},
        "requests": asked,
        "statuses": answered,
        "throttled": server.turnstile.refused,
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Problem(400, f"The body is no JSON object: {error}") from error


def _set_clock(server: "Server", asked: dict[str, Any]) -> Told:
    now, by = asked.get("now"), asked.get("advance")
    try:
        if now is not None:
            server.desk.set_now(parse_instant(now) if isinstance(now, str) else int(now))
        elif by is not None:
            server.desk.set_now(server.desk.now + int(by))
        else:
            raise Problem(400, "Say `now` (seconds or ISO 8601) or `advance` (seconds).", param="now")
    except (ValueError, TypeError) as error:
        raise Problem(400, f"Invalid instant: {error}", param="now") from error
    return 200, {"now": server.desk.now}


def _made(kind: Callable[..., Fault], fields: dict[str, Any]) -> Fault:
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        raise Problem(400, str(error)) from error
