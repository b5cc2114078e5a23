"""What a run reads: every case of what is known, and that nothing between two runs is left out."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Instant
from worker.ingest import plan
from worker.ingest.jobs import EventReading, ListReading, MarkPositions
from worker.ingest.pace import Pace
from worker.ingest.plan import CATALOG, DAY, EVENTS_KEPT_SECONDS, LISTS, STREAMS, Known, Plan, Planned

NOW = Instant(1_760_000_000)
PACE = Pace(lag_seconds=60, overlap_seconds=600)


def listed(at: int) -> dict[str, Instant]:
    """Every list complete at `at`."""
    return {stream: Instant(at) for stream in (*CATALOG, *LISTS)}


def streams(jobs: Plan, kind: str) -> dict[str, int]:
    """The stage of each stream's job of that kind."""
    return {job.stream: job.stage for job in jobs.jobs if job.kind == kind}


def the(jobs: Plan, kind: str) -> Planned:
    """The only job of that kind."""
    [job] = [job for job in jobs.jobs if job.kind == kind]
    return job


def test_first_sync_lists_everything_before_the_events() -> None:
    """Nothing known: the catalog, then every list from its beginning, then thirty days of events, then the marks."""
    first = plan.sync(Known(), NOW, PACE)
    assert "first" == first.reason
    assert dict.fromkeys(CATALOG, 0) | dict.fromkeys((*LISTS, "pending_items"), 1) == streams(first, "list")
    assert all((None, None) == (job.since, job.until) for job in first.jobs if job.kind == "list")
    events = the(first, "events")
    assert (2, NOW - EVENTS_KEPT_SECONDS, NOW - 60) == (events.stage, events.since, events.until)
    assert MarkPositions(Instant(NOW - 60), dict.fromkeys((*CATALOG, *LISTS), NOW)) == the(first, "mark").data
    assert max(job.stage for job in first.jobs) == the(first, "mark").stage


def test_a_first_sync_cut_short_is_begun_again() -> None:
    """Without the mark of every list there is no ground to go on from events alone."""
    partly = {key: at for key, at in listed(NOW - DAY).items() if key != "invoices"}
    assert "first" == plan.sync(Known(Instant(NOW - DAY), partly), NOW, PACE).reason


def test_incremental_sync_reads_events_with_overlap_and_new_prices() -> None:
    """From the last mark less the overlap to the present less the lag; prices and credit notes by when they were created."""
    known = Known(Instant(NOW - 3_600), listed(NOW - 3_540))
    later = plan.sync(known, NOW, PACE)
    assert "incremental" == later.reason
    assert (NOW - 4_200, NOW - 60) == (the(later, "events").since, the(later, "events").until)
    assert {"products", "prices", "coupons", "credit_notes"} == set(streams(later, "list"))
    assert {NOW - 4_140} == {job.since for job in later.jobs if job.kind == "list"}
    assert MarkPositions(Instant(NOW - 60), dict.fromkeys((*CATALOG, "credit_notes"), NOW)) == the(later, "mark").data


def test_away_for_longer_than_events_are_kept() -> None:
    """The hole is read from lists: all that can have changed, and the invoices that were open before it one by one."""
    position = Instant(NOW - EVENTS_KEPT_SECONDS - DAY)
    hole = plan.sync(Known(position, listed(position)), NOW, PACE)
    assert "hole" == hole.reason
    assert set(LISTS) | set(CATALOG) | {"pending_items"} == set(streams(hole, "list"))
    [invoices] = [job for job in hole.jobs if job.kind == "list" and job.stream == "invoices"]
    assert invoices.since is not None
    assert invoices.since < position
    assert invoices.since == the(hole, "open_invoices").until
    assert NOW - EVENTS_KEPT_SECONDS == the(hole, "events").since


@given(gaps=st.lists(st.integers(-7_200, 70 * DAY), min_size=1, max_size=8))
def test_runs_leave_no_event_between_them(gaps: list[int]) -> None:
    """Each run begins reading events at or before the mark of the last one, or lists the hole; the mark never goes back."""
    known = Known()
    now = NOW
    for gap in gaps:
        now = Instant(now + gap)
        run = plan.sync(known, now, PACE)
        events, marks = the(run, "events"), the(run, "mark").data
        assert isinstance(marks, MarkPositions)
        upto = marks.events_until
        assert upto is not None
        assert events.until == upto
        if known.events_until is not None:
            assert upto >= known.events_until
            assert events.since is not None
            assert events.since <= known.events_until or run.reason == "hole"
        known = Known(upto, {**known.listed, **marks.listed})


def test_backfill_of_a_part_moves_no_mark() -> None:
    """What was read for a part of the time says nothing about the rest."""
    part = plan.backfill(["invoices", "events"], Instant(NOW - 90 * DAY), Instant(NOW - 60 * DAY), NOW, PACE)
    assert MarkPositions() == the(part, "mark").data
    assert {"invoices": 1} == streams(part, "list")
    assert [] == [job for job in part.jobs if job.kind == "events"], "no event of that time is kept"


def test_backfill_of_everything_is_as_good_as_a_first_sync() -> None:
    """It ends with the same marks."""
    whole = plan.backfill(STREAMS, None, None, NOW, PACE)
    assert the(plan.sync(Known(), NOW, PACE), "mark").data == the(whole, "mark").data


def test_an_audit_reads_every_kind_again() -> None:
    """Events of three days with all that they name, every list but of old invoices, then single objects, then the count."""
    position = NOW - 3_600
    plan_of_night = plan.audit(NOW, Known(Instant(position), listed(position)), PACE)
    assert dict.fromkeys(CATALOG, 0) | dict.fromkeys(
        ("subscriptions", "customers", "invoices", "credit_notes", "pending_items"), 1
    ) == streams(plan_of_night, "list")
    events = the(plan_of_night, "events")
    assert (NOW - 3 * DAY, NOW - 60) == (events.since, events.until)
    assert EventReading(audit=1, reread_from=Instant(0)) == events.data
    assert {"subscriptions": 2, "customers": 2} == streams(plan_of_night, "missing")
    assert NOW - 3 * DAY == the(plan_of_night, "open_invoices").until, "younger ones are in the list"
    assert (3, position - 600) == (the(plan_of_night, "drift").stage, the(plan_of_night, "drift").since)
    waiting_for = [job.kind for job in plan_of_night.jobs if not (isinstance(job.data, ListReading) and job.data.audit)]
    assert ["drift"] == waiting_for, "all the rest leaves most of the limit to others"


def test_a_list_that_came_later_is_listed_whole_by_itself() -> None:
    """An account that an older release read isn't read anew for a list that a sync can go on without: that list alone is, and gets its mark."""
    before = {key: at for key, at in listed(NOW - 3_600).items() if key != "credit_notes"}
    night = plan.sync(Known(Instant(NOW - 3_600), before), NOW, PACE)
    assert ("incremental", {"credit_notes": 0}) == (night.reason, {s: n for s, n in streams(night, "list").items() if s in LISTS})
    marks = the(night, "mark").data
    assert isinstance(marks, MarkPositions)
    assert NOW == marks.listed["credit_notes"]
    [whole] = [job for job in night.jobs if job.stream == "credit_notes"]
    after = plan.sync(Known(Instant(NOW - 3_600), listed(NOW - 3_600)), NOW, PACE)
    [news] = [job for job in after.jobs if job.stream == "credit_notes"]
    assert (None, NOW - 3_600 - PACE.overlap_seconds) == (whole.since, news.since)
