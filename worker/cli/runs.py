"""`nrr runs`: what ran, what failed and why, how fresh everything is, and which figures a run changed."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.common import Config, Context, Json, money, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.lazy import Entry, group_of

if TYPE_CHECKING:
    from worker.queries.figures import Restated

OF_RUNS: Final[Mapping[str, Entry]] = {
    "diff": Entry("runs_diff:diff", "Show which figures changed between two runs, and why."),
    "show": Entry("runs:show", "One run: its jobs, its errors, and the figures that it changed."),
}

app = typer.Typer(
    cls=group_of(OF_RUNS), add_completion=False, rich_markup_mode=None, help="Show runs, freshness, and what a run changed."
)

KINDS: Final = ("sync", "backfill", "audit", "derive", "rollup", "nightly", "report", "alerts", "forget")
STATUSES: Final = ("running", "done", "failed", "canceled")

Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help=f"Only {', '.join(KINDS)}.")]
Status = Annotated[str | None, typer.Option("--status", metavar="STATUS", help=f"Only {', '.join(STATUSES)}.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000, help="At most this many.")]


@app.callback(invoke_without_command=True)
def listed(
    ctx: typer.Context,
    kind: Kind = None,
    status: Status = None,
    limit: Limit = 20,
    audit: Annotated[
        bool, typer.Option("--audit", help="Who did what by hand instead: forget, mute, rates load, rebuild …")
    ] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """The last runs, and how fresh everything is."""
    if ctx.invoked_subcommand is not None:
        return
    if audit:
        _audit_log(limit, json=json, config=config)
        return
    for option, given, allowed in (("--kind", kind, KINDS), ("--status", status, STATUSES)):
        if given is not None and given not in allowed:
            raise Stop(f"{option} takes {', '.join(allowed)}, not {given!r}", Exit.USAGE)
    from worker.health import freshness
    from worker.queries.freshness import freshness as freshness_of
    from worker.queries.outstanding import outstanding
    from worker.queries.runs import latest_runs
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = latest_runs(context.session, kind=kind, status=status, limit=limit)
        fresh = freshness_of(context.session)
        if json:
            put_json({"runs": [_row(context, run) for run in found], "freshness": freshness.told(fresh)})
            return
        context.table(
            ("run", "kind", "status", "began", "took", "what"),
            [(run.id, run.kind, run.status, _at(run.started_at), _took(run), _what(context, run)) for run in found],
            right=("run", "took"),
        )
        context.lines("", *freshness.lines(fresh), *outstanding(context.session).sentences())


def _audit_log(limit: int, *, json: bool, config: Path | None) -> None:
    from worker.queries.runs import audit_log
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = audit_log(context.session, limit=limit)
        if json:
            put_json({"audit": [asdict(each) for each in found]})
            return
        if not found:
            context.lines("nothing was done by hand so far: no forget, mute, rates load, rebuild, upgrade or restore")
            return
        context.table(
            ("when", "who", "did", "to", "how"),
            [(_at(e.at), e.system_user, e.action, e.object, _how(e.detail)) for e in found],
        )


def _how(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items() if value not in (None, "", False))


def show(run: Annotated[int, typer.Argument(help="Its number.")], json: Json = False, config: Config = None) -> None:
    """One run: its jobs, its errors, and the figures that it changed."""
    from worker.queries.figures import restated_by
    from worker.queries.runs import jobs_of, run_of
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = run_of(context.session, run)
        if found is None:
            raise Stop(f"there is no run {run}; run `nrr runs`", Exit.USAGE)
        all_jobs = jobs_of(context.session, run)
        changed = [_changed(each) for each in restated_by(context.session, run)]
        if json:
            put_json(
                {
                    "run": {**_row(context, found), "params": dict(found.params), "result": found.result},
                    "jobs": [_job(context, each) for each in all_jobs],
                    "changed": changed,
                }
            )
            return
        context.lines(f"run {found.id}, {found.kind}: {found.status}, began {_at(found.started_at)}, took {_took(found)}")
        context.table(
            ("job", "kind", "stream", "stage", "status", "attempts", "pages", "objects", "last error"),
            [(j.id, j.kind, j.stream, j.stage, j.status, j.attempts, j.pages, j.objects, j.last_error or "") for j in all_jobs],
            right=("job", "stage", "attempts", "pages", "objects"),
        )
        if changed:
            context.table(
                ("window", "from", "to", "segment", "currency", "opening", "was", "closing", "was"),
                [
                    (
                        c["kind"],
                        c["first_day"],
                        c["last_day"],
                        c["segment"],
                        c["currency"],
                        money(c["opening_micros"], c["currency"]),
                        money(c["opening_before_micros"], c["currency"]),
                        money(c["closing_micros"], c["currency"]),
                        money(c["closing_before_micros"], c["currency"]),
                    )
                    for c in changed
                ],
                title=f"{len(changed)} figures were restated",
                right=("opening", "was", "closing"),
            )


def _changed(each: "Restated") -> dict[str, Any]:
    from metrics.money import BookCurrency
    from worker.cli.json_rows import amounts, code_of, window_row

    return {
        **asdict(each),
        **window_row(each.kind, each.first, each.until),
        "currency": code_of(each.currency),
        "whole_book": BookCurrency.of(each.currency).whole_book,
        **amounts(
            {
                "opening": each.opening,
                "closing": each.closing,
                "opening_before": each.before_opening,
                "closing_before": each.before_closing,
            },
            each.currency,
        ),
    }


def _row(context: Context, run: Any) -> dict[str, Any]:
    return {
        "id": run.id,
        "kind": run.kind,
        **context.account_row(run.account),
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "heartbeat_at": run.heartbeat_at,
    }


def _job(context: Context, job: Any) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        **context.account_row(job.account),
        "stream": job.stream,
        "stage": job.stage,
        "status": job.status,
        "attempts": job.attempts,
        "pages": job.pages,
        "objects": job.objects,
        "last_error": job.last_error,
    }


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def _took(run: Any) -> str:
    if run.finished_at is None:
        return "…"
    return f"{(run.finished_at - run.started_at).total_seconds():,.1f} s"


def _what(context: Context, run: Any) -> str:
    about = [f"account {context.account_row(run.account)['account']}"] if run.account is not None else []
    about += [f"{run.params['first']} to {run.params['through']}"] if "through" in run.params else []
    counts = (run.result or {}).get("jobs") or {}
    about += [f"{count} jobs {status}" for status, count in sorted(counts.items()) if status != "done"]
    about += [str(run.result["error"])] if run.result and "error" in run.result else []
    return ", ".join(about)
