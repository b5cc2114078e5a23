"""A local host that serves recorded objects of Stripe's as its lists: real input for the whole way from HTTP to figures.

All distinct objects of the recordings, each in its newest version, in whatever generation of the API it was recorded. It pages,
filters by creation time, status and event type, and answers single objects; it expands nothing beyond what was recorded. Its clock can
stand at any moment: then it serves what had been recorded by then, and events for thirty days.

`python -m tests.integrations.stripe.replay PORT` serves them for a run by hand.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integrations.stripe.reference import inside, recordings

NOW = 1_775_001_600
"""2026-04-01: after the last recording, and where the clock stands unless somebody moves it."""
EVENTS_KEPT_SECONDS = 30 * 86_400
ACCOUNT = "acct_1E4bfnKXBGcbgpbZ"
KEY = "sk_test_replay_0123456789"
_LISTS = {
    "product": "products",
    "price": "prices",
    "coupon": "coupons",
    "customer": "customers",
    "subscription": "subscriptions",
    "invoice": "invoices",
    "event": "events",
}
Lists = dict[str, dict[str, dict[str, Any]]]


@cache
def collected(until: int = NOW) -> Lists:
    """The newest version that was recorded by then of each object, by list and id.

    An event's id is made its own where authors gave one id to several events. What was deleted is kept under `deleted`.
    """
    lists: Lists = {name: {} for name in (*_LISTS.values(), "deleted")}
    # Objects on their own win over those inside others of the same moment: fixtures were edited from the outside in.
    dated = sorted(
        (
            (r.at, depth == 0, r.file, index, depth, found)
            for index, r in enumerate(recordings())
            if r.at <= until
            for depth, found in enumerate(inside(r.body))
        ),
        key=lambda row: row[:4],
    )
    for _, _, _, _, _, found in dated:
        kind, object_id = found.get("object"), found.get("id")
        if not isinstance(kind, str) or kind not in _LISTS or not isinstance(object_id, str):
            continue
        if kind == "event":
            object_id = f"{object_id}_{found['type'].replace('.', '_')}"
            found = {**found, "id": object_id}
        if kind == "subscription" and isinstance(found.get("latest_invoice"), dict):
            found = {**found, "latest_invoice": found["latest_invoice"]["id"]}
        gone = found.get("deleted") or found.get("status") == "deleted"
        lists[_LISTS[kind]].pop(object_id, None)
        lists["deleted" if gone else _LISTS[kind]][object_id] = found
    return lists


@dataclass
class Replay:
    """A running replay: its address, where its clock stands, and the paths that were asked for."""

    address: str = ""
    now: int = NOW
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    replay: Replay

    def do_GET(self) -> None:
        self.replay.asked.append(self.path)
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._say(401, {"error": {"message": "Invalid API Key provided", "type": "invalid_request_error"}})
        status, body = self._answer(parts.path.removeprefix("/v1/").split("/"), query)
        return self._say(status, body)

    def _answer(self, path: list[str], query: dict[str, list[str]]) -> tuple[int, Any]:
        if path == ["account"]:
            return 200, {"id": ACCOUNT, "object": "account", "country": "US", "default_currency": "usd"}
        if path in (["subscription_items"], ["invoiceitems"]):
            return 200, {"object": "list", "data": [], "has_more": False}
        lists = collected(self.replay.now)
        kept = lists.get(path[0])
        if kept is None or path[0] == "deleted":
            return 404, {"error": {"message": f"Unrecognized request URL (GET: {self.path})", "type": "invalid_request_error"}}
        if len(path) == 1:
            return self._listed(path[0], list(kept.values()), query)
        found = kept.get(path[1]) or lists["deleted"].get(path[1])
        if found is None:
            return 404, {"error": {"code": "resource_missing", "message": f"No such {path[0]}: '{path[1]}'"}}
        if len(path) == 3:
            return self._listed("lines", found.get("lines", {}).get("data") or [], query)
        return 200, found

    def _listed(self, name: str, objects: list[dict[str, Any]], query: dict[str, list[str]]) -> tuple[int, Any]:
        def one(key: str) -> str | None:
            return query[key][0] if key in query else None

        low, high, status, types = one("created[gte]"), one("created[lt]"), one("status"), query.get("types[]")
        wanted = [
            o
            for o in objects
            if (name != "events" or o["created"] > self.replay.now - EVENTS_KEPT_SECONDS)
            and (low is None or o["created"] >= int(low))
            and (high is None or o["created"] < int(high))
            and (status in (None, "all") or o["status"] == status)
            and (types is None or o["type"] in types)
        ]
        if name != "lines":
            wanted.sort(key=lambda o: (-o["created"], o["id"]))
        if after := one("starting_after"):
            ids = [o["id"] for o in wanted]
            wanted = wanted[ids.index(after) + 1 :]
        limit = int(one("limit") or 10)
        return 200, {"object": "list", "data": wanted[:limit], "has_more": len(wanted) > limit, "url": f"/v1/{name}"}

    def _say(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.replay.now, usegmt=True))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base class calls it so
        """Tests say what matters themselves."""


@contextmanager
def serving(port: int = 0) -> Iterator[Replay]:
    """A replay of the recordings on this machine."""
    replay = Replay()
    handler = type("Handler", (_Handler,), {"replay": replay})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        replay.address = f"http://127.0.0.1:{server.server_port}"
        yield replay
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    with serving(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as served:
        sys.stdout.write(f"STRIPE_API_BASE={served.address} STRIPE_API_KEY={KEY}\n")
        sys.stdout.flush()
        threading.Event().wait()
