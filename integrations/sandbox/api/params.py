"""A request's parameters, checked as Stripe checks them: limits, cursors, ranges of time, arrays however they are written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from integrations.sandbox.errors import Problem

_ARRAY: Final = re.compile(r"(?P<name>\w+)\[\d*\]")
_RANGE: Final = re.compile(r"(?P<name>\w+)\[(?P<end>gte|gt|lte|lt)\]")
_LARGEST: Final = 100
_DEFAULT: Final = 10


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds in [since, until)."""

    since: int = 0
    until: int = 1 << 32

    def holds(self, at: int | None) -> bool:
        """Whether the second is in it."""
        return at is not None and self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks for besides its address."""

    one: dict[str, str] = field(default_factory=dict)
    many: dict[str, list[str]] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    limit: int = _DEFAULT

    def only(self, *known: str) -> None:
        """Raise Problem for a parameter that the endpoint doesn't have."""
        allowed = {"expand", *known}
        for name in (*self.one, *self.many, *self.spans):
            if name not in allowed:
                raise Problem(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)

    @property
    def expand(self) -> Sequence[str]:
        """What is to be expanded."""
        return self.many.get("expand", ())

    def span(self, name: str) -> Span:
        """The range asked for under a name, else all time."""
        return self.spans.get(name, Span())

    def flag(self, name: str) -> bool | None:
        """A boolean parameter. Raises Problem."""
        text = self.one.get(name)
        if text is None:
            return None
        if text not in ("true", "false"):
            raise Problem(400, f"Invalid boolean: {text}", param=name)
        return text == "true"


def read(query: str) -> Question:
    """The parameters of a query string. Raises Problem for a malformed one."""
    one: dict[str, str] = {}
    many: dict[str, list[str]] = {}
    spans: dict[str, Span] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if array := _ARRAY.fullmatch(name):
            many.setdefault(array["name"], []).append(value)
        elif bounds := _RANGE.fullmatch(name):
            spans[bounds["name"]] = _narrowed(spans.get(bounds["name"], Span()), bounds["end"], _whole(name, value))
        elif name == "expand":
            raise Problem(400, "Invalid array", param=name)
        elif name == "created":
            at = _whole(name, value)
            spans[name] = Span(at, at + 1)
        else:
            one[name] = value
    limit = _whole("limit", one.pop("limit", str(_DEFAULT)))
    if not 1 <= limit <= _LARGEST:
        bound = "less than or equal to 100" if limit > _LARGEST else "greater than or equal to 1"
        raise Problem(
            400, f"This value must be {bound} (limit currently is '{limit}').", code="parameter_invalid_integer", param="limit"
        )
    return Question(one, many, spans, limit)


def _whole(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise Problem(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name) from None


def _narrowed(span: Span, end: str, at: int) -> Span:
    match end:
        case "gte":
            return Span(max(span.since, at), span.until)
        case "gt":
            return Span(max(span.since, at + 1), span.until)
        case "lte":
            return Span(span.since, min(span.until, at + 1))
    return Span(span.since, min(span.until, at))
