"""Keeping the memory, the collector and the threads of a process that works for long quiet: three habits of the interpreter that don't fit the work.

Pages of evidence go through by the thousand and hold no circles of references, so looking for circles among them over and over costs
a fifth of the time. And the C library gives each thread a heap of its own, none of which returns what a page of half a megabyte once
needed: with a lock around the interpreter one or two heaps serve all threads as well. And two dozen threads take the interpreter from one another
every five milliseconds, each time for data that has to be fetched from memory anew: a tenth of the time of reading. Nothing here changes what is
computed.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

SELDOM: Final = (20_000, 20, 100)
"""Allocations between two looks at the youngest objects; and how many looks at those come before one at the older."""

SWITCH_SECONDS: Final = 0.02
"""So long a thread may compute before another one may: a request that waits for its turn is no later than Stripe's answers vary."""

_M_ARENA_MAX: Final = -8
_HEAPS: Final = 2


def share_heaps() -> None:
    """Let all threads that start from now on use the same few heaps, where the C library is one that can be told."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def collect_seldom() -> tuple[int, int, int]:
    """Look for circles of garbage seldom from now on; gives how often it was done before, for `gc.set_threshold`."""
    before = gc.get_threshold()
    gc.set_threshold(*SELDOM)
    return before


@contextmanager
def tuned() -> Iterator[None]:
    """Collect garbage and switch threads seldom for as long as the block lasts."""
    switched = sys.getswitchinterval()
    collected = collect_seldom()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(switched)
        gc.set_threshold(*collected)
