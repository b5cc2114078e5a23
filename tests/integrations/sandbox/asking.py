"""A bare client for the sandbox: status, headers and JSON, nothing retried and nothing hidden."""

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from integrations.sandbox.sandbox import Sandbox

Params = Sequence[tuple[str, str | int]]


@dataclass(frozen=True, slots=True)
class Said:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """Stripe's error object."""
        found: dict[str, Any] = self.json["error"]
        return found


def ask(
    sandbox: Sandbox,
    path: str,
    params: Params = (),
    *,
    key: str | None = None,
    version: str | None = None,
    method: str = "GET",
    body: Any = None,
    timeout: float = 10.0,
) -> Said:
    """One request on a connection of its own."""
    parts = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    headers = {"Authorization": f"Bearer {sandbox.key if key is None else key}"}
    if version is not None:
        headers["Stripe-Version"] = version
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path + ("?" + urlencode(params) if params else ""), body=text, headers=headers)
        answer = connection.getresponse()
        return Said(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


def get(sandbox: Sandbox, path: str, params: Params = (), **options: Any) -> Any:
    """The JSON of a good answer."""
    said = ask(sandbox, path, params, **options)
    assert 200 == said.status, said.body
    return said.json


def every(sandbox: Sandbox, path: str, params: Params = (), *, limit: int = 100, **options: Any) -> Iterator[dict[str, Any]]:
    """Every object of a list, page by page."""
    after: tuple[tuple[str, str], ...] = ()
    while True:
        page = get(sandbox, path, [*params, ("limit", limit), *after], **options)
        assert len(page["data"]) <= limit
        yield from page["data"]
        if not page["has_more"]:
            return
        after = (("starting_after", page["data"][-1]["id"]),)
