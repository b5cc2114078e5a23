"""Evidence as bytes and back, with a digest of its content. Two equal values give equal bytes.

Text that no database takes (NUL, lone surrogates) is replaced by U+FFFD here too, whatever it was that let it through.
"""

import re
import zlib
from hashlib import blake2b
from typing import Any, Final, TypeVar

import msgspec

from integrations.store.columns import BUCKETS

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as a database takes it."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def is_clean(text: str) -> bool:
    """Whether a database takes `text` as it is."""
    return ("\x00" not in text) if text.isascii() else _UNSTORABLE.search(text) is None


def encode(value: object) -> bytes:
    """The canonical bytes of a value of `metrics.evidence`."""
    try:
        body = _encoder.encode(value)
    except UnicodeEncodeError:
        return _encoder.encode(_cleaned(msgspec.to_builtins(value)))
    # A zero byte is part of some length or number nearly always; in JSON only one within a text is written so.
    if b"\x00" in body and b"\\u0000" in msgspec.json.encode(value):
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


class _Decoders(dict[type, "msgspec.msgpack.Decoder[object]"]):
    """Decoders by type, each made once."""

    def __missing__(self, kind: type) -> "msgspec.msgpack.Decoder[object]":
        self[kind] = msgspec.msgpack.Decoder(kind)
        return self[kind]


_decoders = _Decoders()


def decode(body: bytes, kind: type[T]) -> T:
    """The value of type `kind` in `body`."""
    return _decoders[kind].decode(body)  # type: ignore[return-value]  # the decoder was made for this very type


def plain(body: bytes) -> Any:
    """What is in `body`, as plain lists, mappings and texts."""
    return msgspec.msgpack.decode(body)


def digest(body: bytes) -> str:
    """A short digest of encoded bytes."""
    return blake2b(body, digest_size=16).hexdigest()


def bucket_of(name: str | None) -> int:
    """The bucket of a customer: the same on every machine and database."""
    return zlib.crc32((name or "").encode("utf-8", "surrogatepass")) % BUCKETS
