"""How documents are declared: keys by their names in `metrics.columns`, those that only one document has with what they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from metrics.columns import COLUMNS, UNITS, Column, Type


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a document: what it is, whether it may be null, and whether it may be left out.

    `of` is what an object, or each of `many`, consists of; with `named` the object's own keys are names (of currencies, streams …), and each
    has such a value. `instead` is the name that takes the place of this older one, which is kept for one release.
    """

    column: Column
    null: bool = False
    optional: bool = False
    of: "Record | None" = None
    many: bool = False
    named: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """An object: its name in the schema, what it is, and its keys."""

    name: str
    about: str
    keys: tuple[Key, ...]


def record(name: str, about: str, *keys: "Key | Sequence[Key]") -> Record:
    """An object of keys and of groups of them, in their order."""
    flat = [key for each in keys for key in ([each] if isinstance(each, Key) else each)]
    return Record(name, about, tuple(flat))


def known(names: str) -> list[Key]:
    """Keys by their names, divided by spaces: `mrr$` is the amount and its micros, `reason?` may be null, `run~` may be left out."""
    return [key for each in names.split() for key in _known(each)]


def _known(text: str) -> list[Key]:
    name = text.rstrip("?~$")
    marks = text[len(name) :]
    both = (name, f"{name}_micros") if "$" in marks else (name,)
    return [Key(COLUMNS[each], "?" in marks, "~" in marks) for each in both]


def like(name: str, meaning: str, *, null: bool = False, optional: bool = False) -> list[Key]:
    """A known key, or with `$` both of an amount, with the sentence that fits its place."""
    return [replace(key, column=key.column.meaning_here(meaning), null=null, optional=optional) for key in _known(name)]


def own(name: str, kind: Type, meaning: str, *, unit: str = "", null: bool = False, optional: bool = False) -> Key:
    """A key that no other document has."""
    return Key(Column(name, kind, meaning, unit or UNITS.get(kind, "")), null, optional)


def own_money(name: str, meaning: str, *, null: bool = False, optional: bool = False) -> list[Key]:
    """An amount that no other document has, and its micros."""
    micros = own(f"{name}_micros", "micros", f"{meaning}, in micros", null=null, optional=optional)
    return [own(name, "money", meaning, null=null, optional=optional), micros]


def old(name: str, instead: str, kind: Type | None = None, *, null: bool = False) -> Key:
    """An older name of a key, kept for one release; of its type unless `kind` says another."""
    kind = kind or COLUMNS[instead].type
    return Key(Column(name, kind, f"older name of {instead}", UNITS.get(kind, "")), null, instead=instead)


def one(name: str, of: Record, meaning: str, *, null: bool = False, optional: bool = False) -> Key:
    """A key whose value is an object."""
    return Key(Column(name, "object", meaning), null, optional, of)


def many(name: str, of: Record, meaning: str, *, optional: bool = False) -> Key:
    """A key whose value is a list of objects."""
    return Key(Column(name, "object", meaning), optional=optional, of=of, many=True)


def named(name: str, of: "Record | Type", meaning: str, *, null: bool = False, optional: bool = False) -> Key:
    """A key whose value is an object with names for keys, each with an object of one kind or a value of one type."""
    if isinstance(of, Record):
        return Key(Column(name, "object", meaning), null, optional, of, named=True)
    return Key(Column(name, of, meaning, UNITS.get(of, "")), null, optional, named=True)


DAYS = [*known("first_day last_day"), old("from", "first_day"), old("to", "last_day")]
WINDOW = [*known("window_kind"), *DAYS, old("kind", "window_kind")]
OUTSTANDING = known("waiting outdated")
ACCOUNT = known("account? account_number?")
