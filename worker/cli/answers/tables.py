"""The declared columns and keys as tables of Markdown: `deploy/columns.md`."""

from collections.abc import Iterator
from typing import Final

from worker.cli.answers.commands import ANSWERS
from worker.cli.answers.exported import EXPORTS
from worker.cli.answers.keys import Key, Record

_TYPES: Final = {
    "texts": "list of texts",
    "money": "decimal",
    "micros": "integer",
    "count": "integer",
    "rate": "number",
    "flag": "true or false",
}


def tables() -> str:
    """Exports, then the documents of commands, then the objects in them, each with its columns."""
    out = ["## Files that `nrr export` writes", ""]
    for name, each in EXPORTS.items():
        out += [f"### `nrr export {name}`", "", f"{each.about}.", "", *_table(each, "column"), ""]
    out += ["## What commands print with `--json`", ""]
    documents: dict[str, list[str]] = {}
    for command, document in ANSWERS.items():
        documents.setdefault(document.name, []).append(command)
    whole = {document.name: document for document in ANSWERS.values()}
    for name, commands in documents.items():
        title = ", ".join(f"`nrr {command}`" for command in commands)
        out += [f"### {title}", "", f"{whole[name].about}.", "", *_table(whole[name], "key"), ""]
    out += ["## Objects in them", ""]
    for each in sorted(_parts(), key=lambda part: part.name):
        out += [f"### {each.name}", "", f"{each.about}.", "", *_table(each, "key"), ""]
    return "\n".join(out)


def _parts() -> list[Record]:
    found: dict[str, Record] = {}

    def into(each: Record) -> None:
        for key in each.keys:
            if key.of is not None and key.of.name not in found:
                found[key.of.name] = key.of
                into(key.of)

    for document in ANSWERS.values():
        into(document)
    return list(found.values())


def _table(each: Record, head: str) -> Iterator[str]:
    yield f"| {head} | type | unit | what it is |"
    yield "|---|---|---|---|"
    for key in each.keys:
        yield f"| `{key.column.name}` | {_type(key)} | {key.column.unit} | {_meaning(key)} |"


def _type(key: Key) -> str:
    kind = _TYPES.get(key.column.type, key.column.type)
    if key.of is not None:
        link = f"[{key.of.name}](#{key.of.name.lower()})"
        kind = f"list of {link}" if key.many else f"{link} by name" if key.named else link
    elif key.named:
        kind = f"{kind} by name"
    return kind + (" or null" if key.null else "")


def _meaning(key: Key) -> str:
    notes = [
        key.column.meaning,
        *(["not always there"] if key.optional else []),
        *(["goes with the next release"] if key.instead else []),
    ]
    return "; ".join(notes)
