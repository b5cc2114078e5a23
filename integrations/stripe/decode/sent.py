"""What Stripe sent, made small to be kept: every release reads what any release before it kept.

Subscriptions and their events are alike but for ids, dates and amounts, so a dictionary of what they have in common leaves a quarter of what
zlib does, at a tenth of its work. The dictionary is part of what is stored: `sent.dict` never changes, and a better one gets a file and a
number of its own. It was made of simulated objects and holds nobody's data. What an older release kept is zlib's.
"""

import threading
import zlib
from functools import cache
from pathlib import Path
from typing import Final

import zstandard

_LEVEL: Final = 3
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""How everything begins that zstd made."""
_LARGEST: Final = 64 << 20
_of_thread: Final = threading.local()


def packed(raw: bytes | memoryview) -> bytes:
    """`raw` as it is kept."""
    packer: zstandard.ZstdCompressor | None = getattr(_of_thread, "packer", None)
    if packer is None:  # one a thread: it can't be shared
        packer = _of_thread.packer = zstandard.ZstdCompressor(level=_LEVEL, dict_data=_dictionary())
    return packer.compress(raw)


def unpacked(body: bytes) -> bytes:
    """What `packed` was given, or what an older release kept. Raises ValueError for anything else."""
    try:
        if body.startswith(_ZSTD):
            return zstandard.ZstdDecompressor(dict_data=_dictionary()).decompress(body, max_output_size=_LARGEST)
        return zlib.decompress(body)
    except (zstandard.ZstdError, zlib.error) as error:
        raise ValueError(f"this is nothing that was kept of what Stripe sent: {error}") from error


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(Path(__file__).with_name("sent.dict").read_bytes())
