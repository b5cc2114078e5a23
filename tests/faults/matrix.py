# a table: one row a line
"""The fault matrix: what is broken on purpose, what must hold then, and the tests that do it. `make evidence` runs and prints it."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Row:
    """One fault. `controls` are tests in which a defence is taken away and the fault does harm: they show that the others can fail."""

    fault: str
    holds: str
    tests: tuple[str, ...]
    controls: tuple[str, ...] = ()


_FAULTS: Final = "tests/faults"
_CONTROLS: Final = f"{_FAULTS}/test_controls.py"
_STORE: Final = f"{_FAULTS}/test_store_controls.py"

ROWS: Final = (
    Row("a worker killed at any moment, again and again", "nothing lost, nothing twice", (f"{_FAULTS}/test_processes.py::test_killed_at_the_border_of_a_page", f"{_FAULTS}/test_processes.py::test_killed_again_and_again"), (f"{_CONTROLS}::test_what_a_dead_worker_held_is_held_for_ever", f"{_CONTROLS}::test_a_cursor_that_is_committed_by_itself_loses_pages")),
    Row("a worker stopped for twice its lease and woken", "what it held is refused", (f"{_FAULTS}/test_processes.py::test_stopped_for_twice_the_lease_and_woken",), (f"{_CONTROLS}::test_without_the_fence_a_zombie_commits",)),
    Row("commits that the database lost", "what was lost is read again", (f"{_FAULTS}/test_lost_commits.py::test_what_was_lost_is_read_again", "tests/worker/execution/test_lost_commits.py"), (f"{_FAULTS}/test_lost_commits.py::test_a_reader_that_trusts_its_memory_loses_what_the_database_lost",)),
    Row("a failover to a real standby that lacks the last commits", "what was lost is read again", (f"{_FAULTS}/test_failover.py",), (f"{_FAULTS}/test_failover.py::test_a_reader_that_trusts_its_memory_loses_what_the_standby_lacks",)),
    Row("any of these at random, a failover each time, twenty seeds", "the same to the byte", (f"{_FAULTS}/test_chaos.py",)),
    Row("a date of another time in an answer", "no mark moves past the present", ("tests/integrations/stripe/test_client.py::test_no_answer_is_dated_after_our_own_clock", "tests/worker/ingest/test_clocks.py::test_an_answer_from_the_future_moves_no_mark_past_the_present")),
    Row("a present that is pretended or was ahead", "marks go back, no night is lost", ("tests/worker/ingest/test_clocks.py::test_a_mark_ahead_of_the_present_is_taken_back_to_the_last_good_place", "tests/worker/ingest/test_clocks.py::test_the_present_is_the_earlier_of_two_clocks_that_disagree")),
    Row("clocks set back", "nobody waits for a day", ("tests/worker/ingest/test_clocks.py::test_nobody_waits_for_a_clock_that_was_set_back", "tests/integrations/stripe/test_limits.py::test_a_clock_of_redis_that_was_set_back_makes_nobody_wait", f"{_FAULTS}/test_processes.py::test_a_clock_that_is_a_day_off")),
    Row("keys and passwords changed under a worker", "read again, once", ("tests/worker/test_keys_renewed.py",)),
    Row("errors that look like an outage and are none", "told by SQLSTATE, never tried for ever", ("tests/integrations/store/db/test_outage.py", "tests/integrations/store/db/test_long_keys.py")),
    Row("evidence that comes late", "put in its place", ("tests/lives/test_late.py", f"{_STORE}::test_an_event_that_comes_late_lies_in_the_overlap"), (f"{_STORE}::test_an_event_that_comes_late_lies_in_the_overlap",)),
    Row("a listing that lags behind events", "asked for again", ("tests/worker/ingest/test_lagging.py",)),
    Row("the same page again, and in another order", "each fact once", (f"{_STORE}::test_what_is_read_twice_is_held_once", f"{_FAULTS}/test_stripe.py::test_pages_that_are_given_out_of_order_lose_nothing"), (f"{_STORE}::test_without_natural_keys_it_is_held_twice",)),
    Row("two that write to SQLite at once", "one waits", (f"{_STORE}::test_who_writes_waits_for_whoever_began_before", f"{_FAULTS}/test_database.py::test_four_processes_write_into_one_sqlite_file_at_once"), (f"{_STORE}::test_without_begin_immediate_one_is_refused_or_lost",)),
    Row("a change that is told of again", "one message", (f"{_STORE}::test_a_change_is_told_of_once",), (f"{_STORE}::test_without_the_outboxs_uniqueness_it_is_told_of_twice",)),
    Row("PostgreSQL crashed, its backends ended, refusing", "gone on with when it is back", (f"{_FAULTS}/test_database.py::test_a_backend_is_terminated_again_and_again", f"{_FAULTS}/test_database.py::test_the_server_crashes_at_once", f"{_FAULTS}/test_database.py::test_the_database_refuses_for_a_while", f"{_FAULTS}/test_database.py::test_locks_in_a_circle"), (f"{_CONTROLS}::test_without_patience_a_passing_fault_stays",)),
    Row("Redis killed, emptied, frozen, cut off, full", "no work is lost with it", (f"{_FAULTS}/test_redis.py",)),
    Row("workers that see two different Redis at once", "nothing lost, nothing twice", (f"{_FAULTS}/test_split_redis.py",), (f"{_FAULTS}/test_split_redis.py::test_with_jobs_held_in_redis_they_are_done_twice",)),
    Row("Stripe refuses, limits, answers rubbish", "asked again, or told", (f"{_FAULTS}/test_stripe.py",), (f"{_CONTROLS}::test_a_body_that_does_not_parse_taken_for_the_end_loses_objects", f"{_CONTROLS}::test_without_stages_a_mark_moves_past_what_was_not_read")),
    Row("a host that pages in a circle, drips, never ends, or can't be found", "left in bounded time and memory", ("tests/integrations/stripe/test_hostile.py",)),
    Row("a page, an object or an event of the other mode", "refused whole, exit 12", ("tests/integrations/stripe/test_modes.py", "tests/worker/ingest/test_modes.py")),
    Row("a subscription, an invoice or a credit note that moves to another customer", "counted once, for the last; told", ("tests/integrations/store/facts/customers/test_moved.py", "tests/worker/figures/test_moved.py")),
    Row("settings, rates, files and places that can't be", "a sentence", ("tests/worker/cli/test_bad_input.py", "tests/integrations/test_bounded_reading.py")),
    Row("SQLite's file replaced or removed under a process", "the one under its name counts; none is made anew", ("tests/integrations/store/db/test_replaced.py",)),
    Row("a settings file that somebody put into a folder", "no secret goes where it says", ("tests/worker/test_trust.py",)),
    Row("a reader of SQLite who looks for longer than a wait", "whoever writes waits on", ("tests/integrations/store/db/test_outage.py",)),
    Row("two beats, two syncs, two backfills", "one does it", (f"{_FAULTS}/test_processes.py::test_workers_and_two_beats_come_to_what_the_command_line_comes_to", f"{_FAULTS}/test_processes.py::test_two_backfills_at_the_same_time"), (f"{_CONTROLS}::test_without_exclusive_runs_two_beats_do_everything_twice",)),
    Row("beat dead for days; a worker that is stuck", "caught up; noticed", (f"{_FAULTS}/test_processes.py::test_beat_was_dead_for_three_days", f"{_FAULTS}/test_processes.py::test_a_worker_that_is_alive_but_stuck_is_noticed")),
    Row("Ctrl-C, SIGTERM", "the page is finished and saved", (f"{_FAULTS}/test_processes.py::test_sigterm_finishes_the_page_and_gives_the_rest_back", f"{_FAULTS}/test_processes.py::test_ctrl_c_finishes_the_page_and_saves")),
    Row("a schema that changes under a worker", "it ends with its own exit code", (f"{_FAULTS}/test_processes.py::test_a_schema_that_changes_under_a_worker_ends_it_with_its_own_exit_code",), (f"{_CONTROLS}::test_without_looking_at_the_schema_a_worker_stays",)),
    Row("an upgrade from earlier releases, killed in each migration, with others at work", "every figure as it was", ("tests/releases",), ("tests/releases/test_interrupted.py::test_the_killed_one_was_really_killed",)),
    Row("a backup restored, also under running workers", "all or nothing; refused", ("tests/integrations/store/test_backup.py",)),
    Row("amounts at the border of 64 bits", "left out by name", ("tests/worker/figures/test_underived.py",)),
    Row("a customer that was forgotten", "in no column of any table", ("tests/worker/runs/test_forget.py",)),
    Row("a year of nights", "alerts once each; what is passing is removed", ("tests/worker/alerts/test_nights.py", "tests/integrations/store/figures/test_tidy.py")),
    Row("a disk that is full", "told; nothing half written", ("tests/worker/ingest/test_full_disk.py",)),
)  # fmt: skip

NOT_COVERED: Final = (
    "every night of a year in one go: a year was lived with a look once a week (`python -m tests.stories.nights`; sizes in deploy/scale.md), months night by night",
    "two machines that really lie apart: workers, databases and Redis of these tests are processes of one machine",
    "disks that lie about what they wrote; memory that flips bits",
    "an account of Stripe's own in live mode: everything is against the sandbox and recorded answers",
)
"""What nobody has tried."""
