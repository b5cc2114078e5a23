"""The recorded and published answers of Stripe's that some tests read: real input, kept beside this module with its sources."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent / "recordings"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded JSON object with the file it comes from and the moment it was recorded, where that is known."""

    file: str
    at: int
    body: dict[str, Any]


@cache
def recordings() -> tuple[Recorded, ...]:
    """Every top-level object: bodies of replies, events, and single objects."""
    return tuple(_read())


def _read() -> Iterator[Recorded]:
    for path in sorted(ROOT.glob("*/*.json")):
        content = json.loads(path.read_text())
        name = f"{path.parent.name}/{path.stem}"
        if isinstance(content, list):
            for exchange in content:
                recorded: datetime = parsedate_to_datetime(exchange["recorded_at"])
                yield Recorded(name, int(recorded.timestamp()), exchange["body"])
        else:
            yield Recorded(name, content["created"] if content.get("object") == "event" else 0, content)


def recorded(file: str, index: int = 0) -> dict[str, Any]:
    """The `index`-th object of one file."""
    return [r for r in recordings() if r.file == file][index].body


def inside(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within `value`, itself first."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from inside(inner)


@cache
def samples() -> dict[str, dict[str, Any]]:
    """Stripe's published sample objects by kind."""
    content: dict[str, dict[str, Any]] = json.loads((ROOT / "samples.json").read_text())
    return content


@cache
def openapi() -> dict[str, Any]:
    """Stripe's OpenAPI description of the endpoints that are read."""
    content: dict[str, Any] = json.loads(gzip.decompress((ROOT / "openapi.json.gz").read_bytes()))
    return content
