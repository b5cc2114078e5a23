"""Evidence as bytes and back, with a digest of its content. Two equal values give equal bytes."""

import zlib
from hashlib import blake2b
from typing import TypeVar

import msgspec

from integrations.store.schema import BUCKETS

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder(decimal_format="string", order="deterministic")


def encode(value: object) -> bytes:
    """The canonical bytes of a value of `metrics.evidence`."""
    return _encoder.encode(value)


class Decoder(dict[type, "msgspec.msgpack.Decoder[object]"]):
    """Decoders by type, each made once."""

    def __missing__(self, kind: type) -> "msgspec.msgpack.Decoder[object]":
        self[kind] = msgspec.msgpack.Decoder(kind)
        return self[kind]


_decoders = Decoder()


def decode(body: bytes, kind: type[T]) -> T:
    """The value of type `kind` in `body`."""
    return _decoders[kind].decode(body)  # type: ignore[return-value]  # the decoder was made for this very type


def digest(body: bytes) -> str:
    """A short digest of encoded bytes."""
    return blake2b(body, digest_size=16).hexdigest()


def bucket_of(name: str | None) -> int:
    """The bucket of a customer: the same on every machine and database."""
    return zlib.crc32((name or "").encode("utf-8", "surrogatepass")) % BUCKETS
