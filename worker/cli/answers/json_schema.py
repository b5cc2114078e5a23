"""The declared documents as JSON Schema (draft 2020-12), made by msgspec of the types that the declarations say."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Final

import msgspec

from worker.cli.answers.commands import ANSWERS
from worker.cli.answers.keys import Key, Record
from worker.cli.common import SCHEMA_VERSION

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLACE: Final = "#/$defs/{name}"

_TYPES: Final[Mapping[str, Any]] = {
    "text": str,
    "texts": list[str],
    "day": date,
    "month": Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d{2}(-01)?$")],
    "instant": Annotated[datetime, msgspec.Meta(tz=True)],
    "number": float,
    "count": int,
    "micros": int,
    "money": Annotated[str, msgspec.Meta(pattern=r"^-?\d+(\.\d+)?$")],
    "rate": float,
    "flag": bool,
    "object": Any,
}


def schema_of(command: str) -> dict[str, Any]:
    """The schema of what a command prints. Raises KeyError for one that prints no JSON."""
    answer = _document(ANSWERS[command])
    (reference,), parts = msgspec.json.schema_components([answer], ref_template=_PLACE)
    return {"$schema": DIALECT, "title": f"nrr {command} --json", **reference, "$defs": parts}


def schema_of_all() -> dict[str, Any]:
    """One schema with the documents of all commands: `commands` leads from a command to its own."""
    documents = {command: _document(answer) for command, answer in ANSWERS.items()}
    references, parts = msgspec.json.schema_components(list(documents.values()), ref_template=_PLACE)
    commands = dict(zip(documents, references, strict=True))
    return {"$schema": DIALECT, "title": "nrr --json", "commands": commands, "$defs": parts}


@cache
def _document(answer: Record) -> Any:
    rises = msgspec.Meta(
        description="rises when a key goes or comes to mean something else", extra_json_schema={"const": SCHEMA_VERSION}
    )
    return _struct(answer, [("schema_version", Annotated[int, rises])])


@cache
def _object(each: Record) -> Any:
    return _struct(each, [])


def _struct(each: Record, before: Sequence[Any]) -> Any:
    return msgspec.defstruct(
        each.name, [*before, *(_field(key) for key in each.keys)], kw_only=True, namespace={"__doc__": f"{each.about}."}
    )


def _field(key: Key) -> Any:
    held = _told(key)
    return (key.column.name, held | msgspec.UnsetType, msgspec.UNSET) if key.optional else (key.column.name, held)


def _told(key: Key) -> Any:
    kind: Any = _TYPES[key.column.type] if key.of is None else _object(key.of)
    if key.many:
        kind = list.__class_getitem__(kind)
    if key.named:
        kind = dict.__class_getitem__((str, kind | None if key.null and key.of is None else kind))
    elif key.null:
        kind = kind | None
    more: dict[str, Any] = {"deprecated": True} if key.instead else {}
    if key.column.unit:
        more["x-unit"] = key.column.unit
    return Annotated[kind, msgspec.Meta(description=key.column.meaning, extra_json_schema=more)]
