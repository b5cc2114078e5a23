"""Rolling up: ledger → figures of every window and segment, day totals and month-end snapshots, as jobs.

`rollup_plan` decides what has to be added up. From zero, each shard of the customers is a `rollup_part`, for any worker to do, and
`rollup_sum` adds the parts up; afterwards a night's `rollup_sum` alone lets the changed customers take their own place. No job waits for
another in a worker's hands: stages hold them back. How sums are made is in `worker.figures.incremental`, what they mean in `metrics`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Engine

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.figures import labels, partials, restatements, rollup_frames, rollups, snapshots
from integrations.store.figures.rollups import Span, Written
from integrations.store.ledger import previous, totals
from integrations.store.ledger import read as read_ledger
from integrations.store.ledger.previous import Marks
from integrations.store.work import jobs, key_value
from integrations.store.work.jobs import Job
from metrics.exchange_rates import QUOTES
from metrics.ledger.basis import Basis
from metrics.periods import Window, add_months, day_of
from metrics.retention import aggregate, segments
from metrics.retention.figure_rows import figure_rows, identities_broken
from metrics.window_kinds import TO_DATE
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, read_as, stored
from worker.execution.log import logger
from worker.execution.stop import Stop
from worker.figures import addable, billings, incremental
from worker.figures.adhoc import quotes_until, shard_count
from worker.figures.derived import complete_until, derived_until
from worker.figures.exchange_rates import refresh
from worker.figures.incremental import Asked, Night, Sums
from worker.figures.jobs import SNAPSHOT_MONTHS, Outlook, RollupPart, RollupPlan, RollupSum, RollupWork
from worker.figures.labels import words_of
from worker.figures.outstanding import rollup_remembered
from worker.figures.upcoming import do_outlook

log = logger(__name__)

KINDS: Final = ("rollup_plan", "rollup_part", "rollup_sum", "outlook", billings.KIND)
BREAKS_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Rolling:
    """What rolling up needs, and what figures are made for."""

    engine: Engine
    stop: Stop
    basis: Basis
    kept: tuple[Basis, ...] = ()
    """Further bases whose figures are kept up to date."""
    dimensions: tuple[str, ...] = segments.DEFAULT_DIMENSIONS
    reporting_currency: str | None = None
    bands: segments.Bands = segments.BANDS
    rates: str | None = None
    """Where exchange rates come from: `ecb`, or a file; None leaves those that are stored."""
    freeze_closed: bool = False
    """Whether figures of months that are over stay as they are, and later news is booked as an adjustment."""
    snapshot_months: int = SNAPSHOT_MONTHS
    """For how many months back MRR per customer is kept as rows of its own; of any day it can be read off the ledger."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the last roll-up of a basis came to. `breaks` are identities that don't hold, in words (the first ones of `broken`).

    `without_rate`: currencies that had no exchange rate when one was needed, with the number of windows that leave them out.
    """

    run_id: int
    at: datetime
    whole: bool
    windows: int
    customers: int
    written: Written
    restated: int
    broken: int
    breaks: tuple[str, ...]
    without_rate: Mapping[str, int] = field(default_factory=dict)


def handlers(rolling: Rolling) -> dict[str, Handler]:
    """The kinds of jobs that roll up."""
    return {
        "rollup_plan": partial(do_plan, rolling),
        "rollup_part": partial(do_part, rolling),
        "rollup_sum": partial(do_sum, rolling),
        "outlook": partial(do_outlook, rolling.engine, rolling.stop.check),
        billings.KIND: partial(billings.do_billings, rolling.engine, rolling.basis, rolling.stop.check),
    }


def first_job(*, stage: int = 0, whole: bool = False, basis: Basis | None = None, dedupe_key: str | None = None) -> Job:
    """The job that a roll-up begins with, of the basis that is set (and those kept) or of another one; `whole` makes it from zero."""
    return Job("rollup_plan", 0, stage=stage, stream="figures", data=stored(RollupPlan(whole, basis)), dedupe_key=dedupe_key)


def outcome(connection: Connection, basis: Basis) -> Outcome | None:
    """What the last roll-up of a basis came to; None before the first one."""
    found = key_value.get(connection, _remembered(basis))
    if found is None:
        return None
    written = Written(**_known(Written, found.pop("written")))
    return Outcome(
        **{
            **_known(Outcome, found),
            "at": datetime.fromisoformat(found["at"]),
            "written": written,
            "breaks": tuple(found["breaks"]),
        }
    )


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of values that another release may have remembered those that this one has a place for."""
    return {f.name: values[f.name] for f in fields(kind) if f.name in values}


def _remembered(basis: Basis) -> str:
    return rollup_remembered(basis.version)


# --- planning -----------------------------------------------------------------------------------------------------------------


def do_plan(rolling: Rolling, job: Job) -> None:
    """Decide for each basis whether it is added up from zero, and write it down as jobs of the same run in the stages after this one."""
    plan = read_as(RollupPlan, job)
    wanted = [plan.basis] if plan.basis is not None else [rolling.basis, *rolling.kept]
    with begin(rolling.engine) as connection:
        for basis in wanted:
            if rolling.rates is not None and rolling.reporting_currency is not None:
                refresh(connection, basis.version, rolling.rates, rolling.reporting_currency, database_now(connection))
            asked = _asked(connection, rolling, basis)
            work = _work(asked, rolling)
            whole = plan.whole or not incremental.fits(partials.kept(connection, basis.version, ["about"]), asked)
            addable.leave_out(connection, basis.version, asked.reporting_currency, whole=whole)
            if whole or _many_changed(connection, basis.version):
                shards = shard_count(connection, basis.version)
                partials.begin(connection, basis.version, job.run_id, {"quotes": _quotes(connection, asked)})
                made = [_job(job, 1, "rollup_part", work.part(shard, shards), basis, shard) for shard in range(shards)]
                jobs.add(connection, [*made, _job(job, 2, "rollup_sum", work.sum(whole=True), basis)])
            else:
                jobs.add(connection, [_job(job, 2, "rollup_sum", work.sum(whole=False), basis)])
            jobs.add(connection, [_job(job, 2, "outlook", Outlook(basis, derived_until(connection, basis)), basis)])
        if plan.basis is None:
            key = f"{job.run_id}:{job.id}:{billings.KIND}"
            jobs.add(connection, [Job(billings.KIND, job.run_id, stage=job.stage + 1, stream="figures", dedupe_key=key)])
        jobs.finish(connection, job)


def _many_changed(connection: Connection, basis: str) -> bool:
    """Whether so many customers were derived again that it is less work to read everybody once."""
    changed = len(previous.marks(connection, basis).times)
    return changed > incremental.CUSTOMERS_AT_ONCE and changed * 8 > totals.standings_held(connection, basis)


def _job(after: Job, stage: int, kind: str, data: JobData, basis: Basis, shard: int = 0) -> Job:
    key = f"{after.run_id}:{after.id}:{kind}:{basis.version}:{shard}"
    return Job(kind, after.run_id, stage=after.stage + stage, stream="figures", data=stored(data), dedupe_key=key)


def _asked(connection: Connection, rolling: Rolling, basis: Basis) -> Asked:
    """What is to be made. Raises NothingDerived while there is no complete ledger."""
    today = day_of(derived_until(connection, basis), basis.timezone)
    moved = totals.span(connection, basis.version)
    return Asked(
        basis,
        rolling.dimensions,
        rolling.reporting_currency.lower() if rolling.reporting_currency else None,
        rolling.bands,
        moved[0] if moved else today,
        today,
        complete_until(connection, basis),
    )


def _work(asked: Asked, rolling: Rolling) -> RollupWork:
    """What is asked, as jobs keep it."""
    return RollupWork(
        basis=asked.basis,
        dimensions=tuple(asked.dimensions),
        reporting=asked.reporting_currency,
        size=tuple(asked.bands.size),
        usage=tuple(asked.bands.usage),
        first=asked.first,
        today=asked.today,
        complete_until=asked.complete_until,
        freeze=rolling.freeze_closed,
        snapshot_months=rolling.snapshot_months,
    )


def _quotes(connection: Connection, asked: Asked) -> Any:
    return quotes_until(connection, asked.today) if asked.reporting_currency is not None else pl.DataFrame(schema=QUOTES)


# --- adding up ----------------------------------------------------------------------------------------------------------------


def do_part(rolling: Rolling, job: Job) -> None:
    """Add up one shard of the customers, and keep their latest month ends."""
    part = read_as(RollupPart, job)
    asked, version, shard = part.asked, part.basis.version, (part.shard, part.shards)
    rolling.stop.check()
    with read(rolling.engine) as connection:
        quotes = partials.begun(connection, version, job.run_id)["quotes"]
        seen = previous.marks(connection, version, shard)
        some = read_ledger.book(connection, version, shard=shard, keys=asked.keys)
    made = incremental.of_shard(some, asked, quotes)
    rolling.stop.check()
    with begin(rolling.engine) as connection:
        jobs.hold(connection, job)
        partials.begun(connection, version, job.run_id)
        previous.settle(connection, version, seen)
        partials.put(connection, version, job.run_id, shard[0], made.frames())
        snapshots.put_month_ends(connection, version, _month_ends(part), shard=shard)
        jobs.progressed(connection, job, objects=some.standings["customer"].n_unique())
        jobs.finish(connection, job)


def do_sum(rolling: Rolling, job: Job) -> None:
    """Make the figures: of the parts of this run, or of what is kept and the customers that changed since."""
    work = read_as(RollupSum, job)
    rolling.stop.check()
    if work.whole:
        _sum_of_parts(rolling, job, work)
    else:
        _sum_of_changes(rolling, job, work)


def _sum_of_parts(rolling: Rolling, job: Job, work: RollupSum) -> None:
    asked, version = work.asked, work.basis.version
    with read(rolling.engine) as connection:
        words = words_of(connection)
        quotes = partials.begun(connection, version, job.run_id)["quotes"]
        made = incremental.together(map(incremental.sums_of, partials.of_run(connection, version, job.run_id)), quotes, asked)
    figures = _figures(made, asked, asked.windows)
    with begin(rolling.engine) as connection:
        jobs.hold(connection, job)
        partials.begun(connection, version, job.run_id)
        snapshots.replace_day_totals(connection, version, made.totals)
        snapshots.drop_month_ends(connection, version, _month_ends(work))
        partials.remove(connection, version, job.run_id)
        known = rollups.windows(connection, version)
        _conclude(connection, job, work, made, figures, asked.windows, words, known)


def _sum_of_changes(rolling: Rolling, job: Job, work: RollupSum) -> None:
    asked, version = work.asked, work.basis.version
    with read(rolling.engine) as connection:
        words = words_of(connection)
        held = partials.kept(connection, version)
        if not held:
            raise partials.NotAddingUp(job.run_id)
        before = incremental.sums_of(held)
        found = incremental.night(connection, before, asked, _quotes(connection, asked))
        ends = snapshots.month_ends_kept(connection, version)
    figures = _figures(found.sums, asked, found.different)
    rolling.stop.check()
    with begin(rolling.engine) as connection:
        jobs.hold(connection, job)
        previous.settle(connection, version, found.seen)
        snapshots.replace_day_totals(connection, version, found.sums.totals, first=found.totals_from)
        _keep_month_ends(connection, _month_ends(work), asked.basis.version, ends, found.seen)
        jobs.progressed(connection, job, objects=len(found.seen.times))
        known = {_span(window) for window in before.partials.windows}
        _conclude(connection, job, work, found.sums, figures, found.different, words, known, held, found)


def _figures(made: Sums, asked: Asked, windows: Sequence[Window]) -> pl.DataFrame:
    some = aggregate.of_windows(made.partials, windows)
    return figure_rows(some, asked.basis.policy, complete_until=asked.complete_until, timezone=asked.basis.timezone)


def _conclude(
    connection: Connection,
    job: Job,
    work: RollupSum,
    made: Sums,
    figures: pl.DataFrame,
    windows: Sequence[Window],
    words: Mapping[tuple[str, str], str],
    known: Collection[Span],
    held: Mapping[str, pl.DataFrame] | None = None,
    night: Night | None = None,
) -> None:
    """Write figures as versions, keep what they were made of, say what came of it, and finish the job.

    `known` are the windows that there are figures of, `held` what was read of the sums that are kept.
    """
    asked, version, learnt_at = work.asked, work.basis.version, database_now(connection)
    outdated = {span for span in known if span[0] != TO_DATE.name} - set(map(_span, asked.windows))
    written = rollup_frames.put(
        connection,
        version,
        figures,
        learnt_at,
        job.run_id,
        whole=[*map(_span, windows), *sorted(outdated)],
        frozen_until=asked.today if work.freeze else None,
        booked=add_months(asked.today, 0),
    )
    partials.keep(connection, version, made.frames(), held)
    labels.put(connection, words)
    restated = 0
    if night is not None:
        restated = restatements.put(connection, version, job.run_id, night.restated, learnt_at)
    broken = [*made.breaks, *identities_broken(figures, asked.basis.policy)]
    apart = made.partials.apart["currency"].value_counts().sort("currency")
    said = {
        "run_id": job.run_id,
        "at": learnt_at.isoformat(),
        "whole": night is None,
        "windows": len(windows),
        "customers": len(night.seen.times) if night else made.about["customers"],
        "restated": restated,
        "broken": len(broken),
        "breaks": broken[:BREAKS_KEPT],
        "without_rate": dict(apart.iter_rows()),
        "written": {
            "new": written.new,
            "changed": written.changed,
            "gone": written.gone,
            "same": written.same,
            "adjusted": written.adjusted,
        },
    }
    key_value.put(connection, _remembered(asked.basis), said)
    log.info("rolled_up", run=job.run_id, basis=version, **{k: said[k] for k in ("whole", "windows", "broken", "restated")})
    jobs.finish(connection, job)


def _span(window: Window) -> Span:
    return window.kind, window.first, window.until


def _month_ends(work: RollupWork) -> list[date]:
    """The last days of the latest months that are over, as many as are kept."""
    firsts = [add_months(work.today, -back) for back in range(work.snapshot_months)]
    return sorted(first - timedelta(days=1) for first in firsts if first > work.first)


def _keep_month_ends(connection: Connection, wanted: Sequence[date], version: str, held: Sequence[date], seen: Marks) -> None:
    snapshots.put_month_ends(connection, version, [d for d in wanted if d not in held])
    snapshots.put_month_ends(connection, version, [d for d in wanted if d in held], customers=sorted(seen.times))
    snapshots.drop_month_ends(connection, version, wanted)
