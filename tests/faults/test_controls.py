"""The tests of the defences can fail: each defence is switched off in the workers, and what its test looks at goes wrong."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from integrations.sandbox.api.faults import Fault
from tests.faults.broken import SWITCHES
from tests.faults.conftest import Built
from tests.faults.looking import looked_again, passed_over
from tests.faults.plant import Plant, TooLate, differences, until
from tests.faults.test_database import terminate
from tests.faults.test_processes import changed_schema, counted_once

pytestmark = pytest.mark.slow

SOON = 120.0
"""What only a missing defence brings about comes about by then; whoever is through with everything before shows that it doesn't."""


def test_without_the_fence_a_zombie_commits(plant: Built, expected: list[str]) -> None:
    """Pages that another one has read meanwhile are counted a second time."""
    with plant(latency_seconds=0.5, NRR_SHARDS="1", NRR_LEASE_SECONDS="3") as found:
        with pytest.raises(AssertionError) as failed:
            counted_once(found, expected, switch="fence")
        assert not isinstance(failed.value, TooLate)


def test_a_cursor_that_is_committed_by_itself_loses_pages(plant: Built, expected: list[str]) -> None:
    """Killed between the two commits: the page is passed over for good, or what a finished job had still to give out."""
    with plant() as found:
        found.worker(switch="cursor_apart", NRR_TEST_DIE="between:3")
        found.beat()
        until((found.folder / "died").exists, 60, "somebody dies")
        assert [] != passed_over(found, expected)


HELD: Final = {
    # Its lease is over, and nobody takes it: with its defence the next claim does.
    "leases": "SELECT 1 FROM job WHERE status = 'leased' AND lease_until < :past",
    # Nothing is left to be done of it, and it stays open: with its defence the next look closes it.
    "closing": "SELECT 1 FROM run r WHERE status = 'running' AND EXISTS (SELECT 1 FROM job WHERE run_id = r.id) "
    "AND NOT EXISTS (SELECT 1 FROM job WHERE run_id = r.id AND status IN ('due', 'leased'))",
}
"""What is seen of a job or a run that is held for ever, by the switch."""


@pytest.mark.parametrize(("switch", "moment"), [("leases", "within:2"), ("closing", "closing:1")])
def test_what_a_dead_worker_held_is_held_for_ever(plant: Built, switch: str, moment: str) -> None:
    """Without leases its job, without closing its run: nothing is ever done, though workers look again and again."""
    with plant() as found:
        found.worker(switch=switch, NRR_TEST_DIE=moment)
        found.beat()
        until((found.folder / "died").exists, 60, "somebody dies")
        until(lambda: _held(found, switch), 120, "it is held by nobody who lives")
        looked_again(found)
        assert _held(found, switch)


def test_without_stages_a_mark_moves_past_what_was_not_read(plant: Built) -> None:
    """The invoices are refused, and yet everything is said to be complete."""
    with plant() as found:
        found.stripe.faults.add(Fault("forbidden", "/v1/invoices", times=None))
        found.worker(switch="stages")
        found.beat()
        until(lambda: found.query("SELECT 1 FROM cursor WHERE stream = 'invoices'"), 60, "the mark is moved")


def test_without_patience_a_passing_fault_stays(plant: Built) -> None:
    """A connection that was ended once is a job that is parked."""
    with plant(latency_seconds=0.3) as found:
        found.worker(switch="patience")
        found.beat()
        until(lambda: found.pages() >= 2, 60, "pages are stored")

        def put_aside() -> bool:
            terminate(found)
            return bool(found.query("SELECT 1 FROM job WHERE status = 'quarantined'"))

        until(put_aside, SOON, "a job is parked", every=0.3)


def test_a_body_that_does_not_parse_taken_for_the_end_loses_objects(plant: Built, expected: list[str]) -> None:
    """HTML in place of JSON ends a list."""
    with plant() as found:
        found.stripe.faults.add(Fault("html", "/v1/invoices", times=1))
        found.worker(switch="garbled")
        found.beat()
        found.settle()
        assert "" != differences(expected, found.dump())


def test_without_exclusive_runs_two_beats_do_everything_twice(plant: Built) -> None:
    """Each tick opens a run of its own."""
    with plant() as found:
        found.worker(switch="exclusive")
        found.beat()
        found.beat()
        until(lambda: found.runs("sync") > 1, SOON, "there are two syncs")


def test_without_looking_at_the_schema_a_worker_stays(plant: Built) -> None:
    """It goes on working on a schema that it doesn't know."""
    with plant() as found:
        worker = found.worker(switch="schema")
        found.beat()
        found.settle()
        changed_schema(found)
        looked_again(found)
        assert worker.popen.poll() is None, "with its defence it ends at the first look"


def _held(found: Plant, switch: str) -> bool:
    past = datetime.now(UTC) - timedelta(seconds=2)
    return bool(found.query(HELD[switch], **({"past": past} if ":past" in HELD[switch] else {})))


def test_every_switch_has_its_test() -> None:
    """A switch that nobody flips proves nothing."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    flipped = {name for words in re.findall(r'"([a-z_,]+)"', text) for name in words.split(",")}
    assert set() == set(SWITCHES) - flipped
