"""Marks: one for all that is new of a customer, and none of it is ever removed unseen."""

import threading

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import marks
from integrations.store.facts.marks import touch


def marked(engine: Engine) -> list[tuple[int, str]]:
    with read(engine) as connection:
        return marks.marked_customers(connection)


def count(engine: Engine) -> int:
    with read(engine) as connection:
        return marks.count_touched(connection)


def test_marks(engine: Engine) -> None:
    """Each customer once, up to the last mark; what is made later stays when those are dropped."""
    with begin(engine) as connection:
        assert not marks.any_touched(connection)
        for names in (["cus_b", "cus_a"], ["cus_a"]):
            touch(connection, 1, names)
        touch(connection, 2, ["cus_a"])
        assert marks.any_touched(connection)
        found, last = marks.planned_customers(connection)
        assert [(1, "cus_a"), (1, "cus_b"), (2, "cus_a")] == found == marks.marked_customers(connection)
        touch(connection, 1, ["cus_c"])
        marks.drop_touched_until(connection, last)
        assert [(1, "cus_c")] == marks.marked_customers(connection)
        marks.drop_touched_until(connection, last + 1)
        assert ([], 0) == (marks.touched_customers(connection)[0], marks.count_touched(connection))


def test_one_mark_does_for_many_pages(engine: Engine) -> None:
    """A customer named on a hundred pages before anything is derived has one mark; another account's customer of that name has its own."""
    for page in range(100):
        with begin(engine) as connection:
            touch(connection, 1 + page % 2, ["cus_a", "cus_a", f"cus_{page % 5}"])
    assert 2 * (1 + 5) == count(engine)


def test_who_is_planned_is_marked_anew(engine: Engine) -> None:
    """What comes after a plan has read the marks leaves a mark that outlives those of the plan; until then one more does for the rest."""
    with begin(engine) as connection:
        touch(connection, 1, ["cus_a", "cus_b"])
        _, last = marks.planned_customers(connection)
    for _ in range(3):
        with begin(engine) as connection:
            touch(connection, 1, ["cus_a"])
    assert 3 == count(engine)
    with begin(engine) as connection:
        marks.drop_touched_until(connection, last)
    assert [(1, "cus_a")] == marked(engine)


def test_a_plan_that_came_to_nothing_keeps_its_marks(engine: Engine) -> None:
    """Marks that were read and never removed are in the next plan, and so is what came since."""
    with begin(engine) as connection:
        touch(connection, 1, ["cus_a"])
        marks.planned_customers(connection)
    with begin(engine) as connection:
        touch(connection, 1, ["cus_b"])
    with begin(engine) as connection:
        found, _ = marks.planned_customers(connection)
    assert [(1, "cus_a"), (1, "cus_b")] == found


def test_a_plan_waits_for_who_relies_on_a_mark(engine: Engine) -> None:
    """Facts whose customer was marked already are stored before a plan that was begun meanwhile reads the marks, or they get a mark of their own."""
    with begin(engine) as connection:
        touch(connection, 1, ["cus_a"])
    plan = threading.Event()
    planned: list[list[tuple[int, str]]] = []

    def read_marks() -> None:
        plan.set()
        with begin(engine) as connection:
            planned.append(marks.planned_customers(connection)[0])

    reader = threading.Thread(target=read_marks, daemon=True)
    with begin(engine) as connection:
        touch(connection, 1, ["cus_a"])  # relies on the mark that is there
        reader.start()
        assert plan.wait(20)
        reader.join(0.3)
        assert not planned
    reader.join(20)
    assert [[(1, "cus_a")]] == planned
