"""Ranges that are shared between readers: nothing read twice, nothing left out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Instant
from worker.ingest.range_split import FLOOR, MOST_PARTS, WORTH_CUTTING, cuts, pieces, readers

DAY = 86_400


@given(
    since=st.none() | st.integers(FLOOR, FLOOR + 4_000 * DAY),
    length=st.integers(0, 5_000 * DAY),
    page_seconds=st.floats(0, 1_000 * DAY),
    wanted=st.integers(-1, 100),
)
def test_pieces_cover_the_range_once(since: int | None, length: int, page_seconds: float, wanted: int) -> None:
    """Whatever is known, the pieces are in order, without overlap or hole, and the first and last keep the outer ends."""
    bottom = None if since is None else Instant(since)
    reached = Instant((since or FLOOR) + length)
    at = cuts(since=bottom, reached=reached, page_seconds=page_seconds, readers_wanted=wanted)
    parts = pieces(bottom, at, None)
    assert (bottom, None) == (parts[0][0], parts[-1][1])
    assert all(older[1] == newer[0] for older, newer in pairwise(parts))
    assert sorted(set(at)) == list(at)
    assert all((since or FLOOR) < cut <= reached for cut in at)
    assert len(at) <= max(0, min(wanted, MOST_PARTS - 1))


@pytest.mark.parametrize(
    ("pages_left", "wanted", "expected"),
    [(1, 8, 0), (WORTH_CUTTING * 2, 8, 1), (WORTH_CUTTING * 4, 8, 3), (1_000, 8, 8), (1_000, 0, 0), (10_000, 50, MOST_PARTS - 1)],
)
def test_cuts_follow_work_and_readers(pages_left: int, wanted: int, expected: int) -> None:
    """As many parts come off as there are readers for, but none that would not be worth its own reader."""
    found = cuts(since=Instant(FLOOR), reached=Instant(FLOOR + pages_left * DAY), page_seconds=DAY, readers_wanted=wanted)
    assert expected == len(found)


def test_a_list_without_a_known_beginning_is_cut_more_finely_near_the_present() -> None:
    """An account of five years among the fifteen of Stripe's: even parts would leave ten of fifteen without an object, growing ones few."""
    now, wanted = Instant(FLOOR + 15 * 365 * DAY), 15
    at = cuts(since=None, reached=now, page_seconds=DAY / 8, readers_wanted=wanted)
    lengths = [newer - older for older, newer in pairwise((FLOOR, *at, now))]
    assert len(lengths) == wanted + 1
    assert lengths == sorted(lengths, reverse=True)
    assert sum(cut < now - 5 * 365 * DAY for cut in at) <= 3
    assert lengths[-1] < 15 * DAY
    even = cuts(since=FLOOR, reached=now, page_seconds=DAY / 8, readers_wanted=wanted)
    assert max(newer - older for older, newer in pairwise((FLOOR, *even, now))) <= 365 * DAY


def test_one_crowded_second_is_not_cut() -> None:
    """A range of a single second can't be shared, however many objects it holds."""
    assert () == cuts(since=Instant(FLOOR), reached=Instant(FLOOR + 1), page_seconds=0.0, readers_wanted=8)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, 16),  # nothing is known yet
        (0.001, 2),  # a host on this machine
        (0.5, 14),  # 25 a second, each waiting for half a second, are thirteen at a time
        (3.0, 16),  # never more than are allowed
    ],
)
def test_as_many_readers_as_keep_the_limit_busy(seconds: float | None, expected: int) -> None:
    """A list gets as many readers as wait for answers when its limit is used up, and one that works meanwhile."""
    assert expected == readers(seconds, 16)
