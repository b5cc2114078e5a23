"""Evidence as bytes and back, with a digest of its content. Two equal values give equal bytes.

A field that a dataclass gained after the first release is written only when it isn't at its default (see `metrics.first_fields`), wherever in a
value it is: so bytes and digests of what is stored stay as they are. Reading, what is missing is at its default and what nobody knows is
passed over, so that a release reads what the ones before and after it wrote.

Text that no database takes (NUL, lone surrogates) is replaced by U+FFFD here too, whatever it was that let it through.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from threading import Lock
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from integrations.store.db.words import clean
from metrics.first_fields.evidence import EVIDENCE, first_fields
from metrics.first_fields.later import is_default, later_fields

T = TypeVar("T")
Shaper = Callable[[Any], Any]
_encoder = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")
_in_given_order = msgspec.msgpack.Encoder(decimal_format="string")
_HEAD: Final = 3
"""The length of a mapping gets so many bytes at most; a zero among them is no text's."""


def encode(value: object, kind: Any = None) -> bytes:
    """The canonical bytes of a value of `metrics.evidence`, or of one of the type `kind`, such as a tuple of such values."""
    shape = _shapers[kind or type(value)]
    if shape is not None:
        value = shape(value)
    try:
        body = (_encoder if shape is None else _in_given_order).encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_cleaned(msgspec.to_builtins(value)))
    # A zero byte is part of some length or number nearly always; in JSON only one within a text is written so.
    if body.find(0, _HEAD) >= 0 and b"\\u0000" in msgspec.json.encode(value):
        return _encoder.encode(_cleaned(msgspec.to_builtins(value)))
    return body


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return clean(value)
        case dict():
            return {_cleaned(k): _cleaned(v) for k, v in value.items()}
        case list() | tuple():
            return [_cleaned(v) for v in value]
    return value


class _Shapers(dict[Any, "Shaper | None"]):
    """What leaves later fields at their default out of a value, by type; None where there are none and values are encoded as they are."""

    def __missing__(self, kind: Any) -> Shaper | None:
        self[kind] = shape = _shaper(kind)
        return shape


_shapers = _Shapers()


def _shaper(hint: Any) -> Shaper | None:
    if is_dataclass(hint) and isinstance(hint, type):
        return _of_dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct) and hint.__struct_config__.array_like:
        parts = [_shaper(each.type) or _as_it_is for each in msgspec.structs.fields(hint)]
        changed = any(part is not _as_it_is for part in parts)
        return (
            (lambda value: [part(each) for part, each in zip(parts, msgspec.structs.astuple(value), strict=True)])
            if changed
            else None
        )
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        of = next((shape for each in args if (shape := _shaper(each)) is not None), None)
        return None if of is None else lambda value: None if value is None else of(value)
    if origin is tuple and args[-1:] == (...,):
        every = _shaper(args[0])
        return None if every is None else lambda value: [every(each) for each in value]
    if origin is tuple:
        parts = [_shaper(each) or _as_it_is for each in args]
        if any(part is not _as_it_is for part in parts):
            return lambda value: [part(each) for part, each in zip(parts, value, strict=True)]
    return None


def _as_it_is(value: Any) -> Any:
    return value


def _of_dataclass(kind: type) -> Shaper | None:
    first = first_fields(kind)
    later = later_fields(kind, first)
    hints = get_type_hints(kind)
    nested = [(name, of) for name in hints if (of := _shaper(hints[name])) is not None]
    if not later and not nested and first == tuple(f.name for f in fields(kind)):
        return None
    return _written(first, later, dict(nested))


def _written(first: tuple[str, ...], later: tuple[tuple[str, Any], ...], nested: dict[str, Shaper]) -> Shaper:
    """A function from the fields of a class to a mapping, written out as `dataclasses` does it: half the time of going through them."""
    known: dict[str, Any] = {"is_default": is_default, **{f"of_{name}": of for name, of in nested.items()}}
    known |= {f"default_{name}": default for name, default in later}

    def part(name: str) -> str:
        return f"v.{name} and of_{name}(v.{name})" if name in nested else f"v.{name}"

    lines = [f"out = {{{', '.join(f'{name!r}: {part(name)}' for name in first)}}}"]
    for name, _ in later:
        lines.append(
            f"if v.{name} is not default_{name} and not is_default(v.{name}, default_{name}): out[{name!r}] = {part(name)}"
        )
    body = "\n ".join([*lines, "return out"])
    exec(f"def shape(v):\n {body}", known)  # noqa: S102  # of names of fields alone
    shape: Shaper = known["shape"]
    return shape


class _Decoders(dict[type, "msgspec.msgpack.Decoder[object]"]):
    """Decoders by type, each made once. Two threads never make one at once: what msgspec knows of a type is built without a lock."""

    def __missing__(self, kind: type) -> "msgspec.msgpack.Decoder[object]":
        with _making:
            if kind not in self:
                self[kind] = msgspec.msgpack.Decoder(kind)
            return self[kind]


_making: Final = Lock()
_decoders = _Decoders()


def prepare(*kinds: Any) -> None:
    """Make what encodes and decodes these types now, on import, before there are threads."""
    for kind in kinds:
        _decoders.__missing__(kind)
        _shapers.__missing__(kind)


prepare(*EVIDENCE)


def decode(body: bytes, kind: type[T]) -> T:
    """The value of type `kind` in `body`."""
    return _decoders[kind].decode(body)  # type: ignore[return-value]  # the decoder was made for this very type


def plain(body: bytes) -> Any:
    """What is in `body`, as plain lists, mappings and texts."""
    return msgspec.msgpack.decode(body)


def digest(body: bytes) -> str:
    """A short digest of encoded bytes."""
    return blake2b(body, digest_size=16).hexdigest()
