"""What a value says in fields that came after the first release."""

from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from typing import Any


def later_fields(kind: type, first: tuple[str, ...]) -> tuple[tuple[str, Any], ...]:
    """The other fields of a dataclass, each with its default. Raises TypeError for one that has none: what is stored lacks it."""
    out = []
    for f in fields(kind):
        if f.name in first:
            continue
        if not has_default(f):
            raise TypeError(f"{kind.__name__}.{f.name} was added without a default: what was stored before doesn't have it")
        out.append((f.name, f.default_factory() if f.default_factory is not MISSING else f.default))
    return tuple(out)


def is_default(value: object, default: object) -> bool:
    """Whether a later field says nothing: 0, False and Decimal(0) are three different things."""
    return value is default or (type(value) is type(default) and value == default)


def said_later(value: Any, first: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The later fields of a dataclass that say something, in their order."""
    for name, default in later_fields(type(value), first):
        said = getattr(value, name)
        if not is_default(said, default):
            yield name, said


def has_default(f: Field[Any]) -> bool:
    """Whether a field need not be said."""
    return f.default is not MISSING or f.default_factory is not MISSING
