"""What jobs are given: one dataclass a kind, spelt as ever."""

import ast
import json
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from integrations.store.work.jobs import Job
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from metrics.ledger.stored_basis import UnknownBasis, choices_of
from tests.worker.conftest import Wire
from worker.alerts import evaluate
from worker.alerts.evaluate import Evaluation
from worker.execution.job_data import BadJobData, JobData, Nothing, read_as, stored
from worker.figures import jobs as figures
from worker.figures.jobs import (
    DeriveMark,
    DerivePlan,
    DeriveShard,
    DeriveTouched,
    Outlook,
    RollupPart,
    RollupPlan,
    RollupWork,
)
from worker.ingest import jobs as ingest
from worker.ingest.jobs import BackfillPlanning, Comparison, EventReading, ListReading, MarkPositions, Planning
from worker.report import scheduled
from worker.report.scheduled import ReportRun
from worker.runs import exchange_rates, steps
from worker.runs.removal import cleanup

BASIS = json.dumps(choices_of(Basis()), sort_keys=True)
NOW = Instant(1_760_000_000)
BEGAN = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)
WORK = RollupWork(
    basis=Basis(),
    dimensions=("plan", "country"),
    reporting=None,
    size=(0, 50),
    usage=(0,),
    first=date(2025, 1, 2),
    today=date(2026, 1, 2),
    complete_until=NOW,
)
WORK_STORED = f'"basis": {BASIS}, "complete_until": 1760000000, "dimensions": ["plan", "country"], "first": "2025-01-02", "freeze": false, "reporting": null, '

STORED: list[tuple[JobData, str]] = [
    (Planning("default", "sync"), '{"account": "default", "what": "sync"}'),
    (
        BackfillPlanning("default", "backfill", (), None, Instant(5)),
        '{"account": "default", "since": null, "streams": [], "until": 5, "what": "backfill"}',
    ),
    (ListReading(), "{}"),
    (ListReading(1, BEGAN), '{"audit": 1, "learnt_from": "2026-01-02T03:04:05.000600+00:00"}'),
    (EventReading(), '{"reread_from": 0}'),
    (EventReading(1, BEGAN, NOW), '{"audit": 1, "learnt_from": "2026-01-02T03:04:05.000600+00:00", "reread_from": 1760000000}'),
    (Comparison(NOW, BEGAN), '{"learnt_from": "2026-01-02T03:04:05.000600+00:00", "listed_from": 1760000000}'),
    (MarkPositions(), "{}"),
    (MarkPositions(NOW, {"prices": Instant(7)}), '{"events_until": 1760000000, "listed:prices": 7}'),
    (DerivePlan(), '{"rebuild": false}'),
    (DerivePlan(True, Basis(), NOW), f'{{"basis": {BASIS}, "now": 1760000000, "rebuild": true}}'),
    (DerivePlan(now=NOW, merely_read=True), '{"merely_read": true, "now": 1760000000, "rebuild": false}'),
    (DeriveShard(Basis(), NOW, 4, 3), f'{{"basis": {BASIS}, "now": 1760000000, "shard": 3, "shards": 4}}'),
    (
        DeriveTouched(Basis(), NOW, ("cus_b", "cus_a"), 0),
        f'{{"basis": {BASIS}, "names": ["cus_b", "cus_a"], "now": 1760000000, "part": 0}}',
    ),
    (DeriveMark(("e7776c99211e",), NOW, 3), '{"marks_seen": 3, "now": 1760000000, "versions": ["e7776c99211e"]}'),
    (
        DeriveMark(("e7776c99211e",), NOW, 3, 0),
        '{"marks_seen": 3, "marks_until": 0, "now": 1760000000, "versions": ["e7776c99211e"]}',
    ),
    (
        DeriveMark(("e7776c99211e",), NOW, 3, 0, ("e7776c99211e",)),
        '{"marks_seen": 3, "marks_until": 0, "now": 1760000000, "versions": ["e7776c99211e"], "whole": ["e7776c99211e"]}',
    ),
    (RollupPlan(), '{"whole": false}'),
    (RollupPlan(True, Basis()), f'{{"basis": {BASIS}, "whole": true}}'),
    (
        WORK.part(1, 2),
        f'{{{WORK_STORED}"shard": 1, "shards": 2, "size": [0, 50], "snapshot_months": 13, "today": "2026-01-02", "usage": [0]}}',
    ),
    (
        WORK.sum(whole=False),
        f'{{{WORK_STORED}"size": [0, 50], "snapshot_months": 13, "today": "2026-01-02", "usage": [0], "whole": false}}',
    ),
    (Outlook(Basis(), NOW), f'{{"basis": {BASIS}, "now": 1760000000}}'),
    (Evaluation(), "{}"),
    (Evaluation(NOW), '{"now": 1760000000}'),
    (ReportRun(), "{}"),
    (ReportRun(NOW), '{"now": 1760000000}'),
    (Nothing(), "{}"),
]
"""As jobs have been written down since the first release: these bytes stay."""


def job_with(text: str) -> Job:
    """A job that was written down with this text."""
    return Job("kind", 1, id=7, data=json.loads(text))


@pytest.mark.parametrize(("data", "text"), STORED, ids=lambda each: type(each).__name__ if not isinstance(each, str) else "")
def test_each_kind_is_stored_as_ever_and_read_again(data: JobData, text: str) -> None:
    """To the byte, both ways."""
    assert text == json.dumps(stored(data), sort_keys=True)
    assert data == read_as(type(data), job_with(text))


def test_every_kind_of_job_says_what_it_is_given(wire: Wire) -> None:
    """There is no job whose data nobody declares."""
    declared = {**ingest.JOBS, **figures.JOBS, **evaluate.JOBS, **cleanup.JOBS, **exchange_rates.JOBS, **scheduled.JOBS}
    assert set(steps.kinds_of(wire())) | {*evaluate.KINDS, scheduled.KIND} == set(declared)
    assert {type(data) for data, _ in STORED} >= set(declared.values())


def test_nobody_else_looks_into_what_a_job_was_given() -> None:
    """A key that is spelt in two places goes apart in one of them."""
    root = Path(__file__).parents[3]
    allowed = {root / "worker/execution/job_data.py"}
    found = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in sorted((root / "worker").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "data" and isinstance(node.value, ast.Name) and node.value.id == "job"
        if path not in allowed
    ]
    assert [] == found


def test_what_is_missing_or_no_such_value_is_named() -> None:
    """With the job, and nothing is done."""
    with pytest.raises(BadJobData, match=r"job 7 \(kind\) can't be read: shards: it is missing"):
        read_as(DeriveShard, job_with(f'{{"basis": {BASIS}, "now": 5}}'))
    with pytest.raises(BadJobData, match="now: 'soon' is no int"):
        read_as(Outlook, job_with(f'{{"basis": {BASIS}, "now": "soon"}}'))
    with pytest.raises(BadJobData, match="what: 'look' is none of sync, audit, backfill"):
        read_as(Planning, job_with('{"account": "default", "what": "look"}'))
    with pytest.raises(UnknownBasis, match="rounding"):
        read_as(Outlook, job_with('{"basis": {"policy": {"rounding": "up"}}, "now": 5}'))


def test_an_older_release_said_less_and_a_newer_one_says_more() -> None:
    """What is not there is at its default, what isn't known is passed over."""
    older = json.loads(f'{{{WORK_STORED}"shard": 1, "shards": 2, "size": [0, 50], "today": "2026-01-02", "usage": [0]}}')
    del older["freeze"]
    assert WORK.part(1, 2) == read_as(RollupPart, Job("kind", 1, data={**older, "later": [1]}))


@dataclass(frozen=True, slots=True)
class Grown(Outlook):
    """A kind with a field that came later."""

    ahead_days: int | None = None


def test_a_field_that_comes_later_changes_nothing_that_waits() -> None:
    """Neither what is stored while it isn't said, nor what is read of it."""
    assert stored(Outlook(Basis(), NOW)) == stored(Grown(Basis(), NOW))
    assert Grown(Basis(), NOW) == read_as(Grown, Job("outlook", 1, data=stored(Outlook(Basis(), NOW))))
    assert "ahead_days" in {each.name for each in fields(Grown)}
