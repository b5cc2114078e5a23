"""Text as a database takes it, and the bucket that a name falls into."""

import re
import zlib
from typing import Final

from integrations.store.db.columns import BUCKETS
from metrics.keys import bounded

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """`text` as a database takes it."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def is_clean(text: str) -> bool:
    """Whether a database takes `text` as it is."""
    return ("\x00" not in text) if text.isascii() else _UNSTORABLE.search(text) is None


def bucket_of(name: str | None) -> int:
    """The bucket of a customer: the same on every machine and database."""
    return zlib.crc32(bounded(name or "").encode("utf-8", "surrogatepass")) % BUCKETS
