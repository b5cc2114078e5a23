"""Cursors move by compare-and-set; who comes second with an old position changes nothing."""

import threading

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.work import cursors
from integrations.store.work.cursors import CursorMoved


def test_a_cursor_keeps_what_it_was_given(engine: Engine) -> None:
    """Position and data by account and stream; moving without data drops the old ones."""
    with begin(engine) as connection:
        cursors.move(connection, 1, "events", None, 10, {"seen": ["a"]})
        cursors.move(connection, 2, "events", None, 5)
        cursors.move(connection, 1, "customers", None, 7)
    with read(engine) as connection:
        assert [(1, "customers", 7), (1, "events", 10), (2, "events", 5)] == [
            (c.account, c.stream, c.position) for c in cursors.everything(connection)
        ]
        found = cursors.of_account(connection, 1)
    assert ({"events", "customers"}, {"seen": ["a"]}) == (set(found), found["events"].data)
    assert found["events"].updated_at.tzinfo is not None
    with begin(engine) as connection:
        cursors.move(connection, 1, "events", 10, 9)
        assert (9, {}) == (cursors.of_account(connection, 1)["events"].position, cursors.of_account(connection, 1)["events"].data)


def test_a_refused_move_leaves_the_transaction_usable(engine: Engine) -> None:
    """Who was too late may still do something else, and what it had done before isn't lost."""
    with begin(engine) as connection:
        cursors.move(connection, 1, "events", None, 10)
        for expected in (None, 9):
            with pytest.raises(CursorMoved, match="events"):
                cursors.move(connection, 1, "events", expected, 20)
        cursors.move(connection, 1, "events", 10, 11)
    with read(engine) as connection:
        assert 11 == cursors.of_account(connection, 1)["events"].position


def test_of_two_movers_one_is_refused(engine: Engine) -> None:
    """Both saw the same position; only one moves it."""
    with begin(engine) as connection:
        cursors.move(connection, 1, "events", None, 0)
    ready, moved, late = threading.Barrier(2), [], []

    def go(to: int) -> None:
        ready.wait()
        try:
            with begin(engine) as connection:
                cursors.move(connection, 1, "events", 0, to)
            moved.append(to)
        except CursorMoved:
            late.append(to)

    threads = [threading.Thread(target=go, args=(to,)) for to in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, 1) == (len(moved), len(late))
    with read(engine) as connection:
        assert moved == [cursors.of_account(connection, 1)["events"].position]
