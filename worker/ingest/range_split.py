"""Where to cut a range of `created` so that several readers can share it: pure arithmetic, no I/O.

A list comes newest first, so what is left of a range is everything older than the last object read. How many pages that is nobody
says (Stripe gives no counts): the span of time that the pages so far have covered is the estimate, and it corrects itself, because
every page brings a new chance to cut. A cut that turns out to be wrong costs one request that finds an empty range.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from integrations.stripe.limits import ENDPOINT_PER_SECOND
from metrics.evidence import Instant

FLOOR: Final = Instant(1_293_840_000)
"""2011-01-01: nothing in a Stripe account is older. Stands in for the open lower end of a range when it is cut."""

WORTH_CUTTING: Final = 1
"""So many pages a part is worth a reader of its own: one that is free has nothing better to do, and the last pages of a list are waited for."""

MOST_PARTS: Final = 16
"""No more parts at once: the first pages say little about the years before them."""

OLDER_IS_LONGER: Final = 1.5
"""How much longer each part of a list is than the next newer one, where it isn't known when the list begins."""


def readers(answer_seconds: float | None, at_most: int) -> int:
    """How many readers of one list keep its limit busy when a page takes so long: those that wait, and one that works.

    More would only stand in line, and each has a range, a cursor and pages in memory of its own. All that are allowed where nothing
    is known yet.
    """
    if answer_seconds is None:
        return at_most
    return min(at_most, 1 + math.ceil(ENDPOINT_PER_SECOND * answer_seconds))


def cuts(*, since: Instant | None, reached: Instant, page_seconds: float, readers_wanted: int) -> tuple[Instant, ...]:
    """The instants, ascending, at which to cut what is left of a range: [since, reached], read down to `reached`.

    `page_seconds` is the time that one page has covered so far. At most `readers_wanted` parts come off, none when the rest is worth
    fewer than WORTH_CUTTING pages each. The caller keeps the newest part, [last cut, …), and hands the others to other readers.
    """
    bottom = FLOOR if since is None else since
    remaining = reached - bottom
    if readers_wanted < 1 or remaining < 2:
        return ()
    pages = remaining / max(page_seconds, 0.01)
    parts = min(readers_wanted + 1, MOST_PARTS, int(pages / WORTH_CUTTING))
    if parts < 2:
        return ()
    at = _growing(bottom, reached, parts) if since is None else [bottom + remaining * part // parts for part in range(1, parts)]
    return tuple(Instant(cut) for cut in sorted(set(at) - {bottom}))


def _growing(bottom: int, reached: int, parts: int) -> list[int]:
    """Where to cut a list whose beginning nobody knows: each part is longer than the one after it in time.

    An account is younger than Stripe, and busier the nearer to now. Of even parts most would lie before its first day, each at the price of
    a request, and the newest would hold nearly everything.
    """
    whole = OLDER_IS_LONGER**parts - 1
    return [int(reached - (reached - bottom) * (OLDER_IS_LONGER**part - 1) / whole) for part in range(1, parts)]


def pieces(
    since: Instant | None, at: Sequence[Instant], until: Instant | None
) -> tuple[tuple[Instant | None, Instant | None], ...]:
    """[since, until) cut at each of `at` (ascending): half-open ranges that together are the whole, oldest first."""
    edges: list[Instant | None] = [since, *at, until]
    return tuple(pairwise(edges))
