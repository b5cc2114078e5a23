"""How the numbers came about, in the window: findings, runs and how fresh everything is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from integrations.notify.sanitize import plain
from integrations.report.content import Block, Cell, Document, Field, Link, Section, Table, Terms, Text
from metrics.finding_words import words_of
from metrics.number_words import counted, duration
from worker.queries.figures import restated_by
from worker.queries.findings import findings
from worker.queries.freshness import freshness
from worker.queries.rates import outdated
from worker.queries.runs import Run, jobs_of, latest_runs, run_of
from worker.report import numbers
from worker.report.customers import window_path
from worker.serve.sessions import Sessions, Unknown

ROWS: Final = 200
RUNS: Final = 50


def noted(sessions: Sessions, asked: Mapping[str, str]) -> Document:
    """Findings by reason with what they mean and what to do next, and those of one reason with whom they concern."""
    session = sessions.at(asked.get("policy", ""))
    every = findings(session)
    counts: dict[str, int] = {}
    for each in every:
        counts[each.reason] = counts.get(each.reason, 0) + 1
    ordered = sorted(counts, key=lambda reason: (-counts[reason], reason))
    wanted = asked.get("reason", "")
    blocks: list[Block] = []
    if not wanted:
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (
                Link(r.replace("_", " "), f"/findings?reason={r}"),
                numbers.whole(counts[r]),
                words_of(r).meaning,
                words_of(r).next_step,
            )
            for r in ordered
        )
        columns = ("reason", "how many", "which means", "next step")
        blocks.append(
            Table("reasons", "By reason", columns, rows, frozenset({1})) if rows else Text(("There is nothing to know.",))
        )
    else:
        mine = [each for each in every if each.reason == wanted]
        words = words_of(wanted)
        blocks.append(Text((words.meaning, f"Next: {words.next_step}.")))
        listed: tuple[tuple[Cell, ...], ...] = tuple(
            (
                plain(each.object_id, 90),
                Link(plain(each.customer, 80), window_path(each.customer)) if each.customer else "",
                each.severity,
                plain(each.detail, 400),
            )
            for each in mine[:ROWS]
        )
        more = f"and {len(mine) - ROWS:,} more: nrr show findings --reason {wanted}" if len(mine) > ROWS else ""
        columns = ("object", "customer", "severity", "what")
        shown: Block = Table("findings", wanted.replace("_", " "), columns, listed, more=more) if mine else Text(("None.",))
        blocks.append(shown)
    options = (("", "all of them"), *((r, f"{r.replace('_', ' ')} ({counts[r]:,})") for r in ordered))
    facts = (counted(len(every), "finding", "findings"),)
    form = (Field("reason", "Reason", wanted, options),) if ordered else ()
    heading = "What a reader must know about the data"
    return Document("Findings", "", facts, (Section("findings", heading, tuple(blocks)),), form=form, form_action="/findings")


def runs(sessions: Sessions, _asked: Mapping[str, str]) -> Document:
    """The last runs, and how fresh everything is."""
    session = sessions.at()
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (Link(str(run.id), f"/run?id={run.id}"), run.kind, run.status, _at(run.started_at), _took(run), _what(run))
        for run in latest_runs(session, limit=RUNS)
    )
    columns = ("run", "kind", "status", "began", "took", "about")
    listed: Block = Table("runs", "Newest first", columns, rows, frozenset({4})) if rows else Text(("Nothing ran yet.",))
    return Document("Runs and freshness", "", (), (_fresh(sessions), Section("runs", "Runs", (listed,))))


def _fresh(sessions: Sessions) -> Section:
    found = freshness(sessions.at())
    old_rates = outdated(sessions.at())
    pairs: list[tuple[str, Cell]] = [
        *([("Exchange rates", old_rates)] if old_rates is not None else []),
        ("Last good sync", _ago(found.sync_age_seconds)),
        ("Last night brought up to date", str(found.nightly_through or "never")),
        ("Customers with news not derived yet", numbers.whole(found.touched)),
        ("Objects quarantined", numbers.whole(found.quarantined)),
        ("Customers that can't be derived", numbers.whole(found.underived)),
        ("Failed among the last twenty runs", numbers.whole(found.failed_runs)),
        ("Jobs not finished", ", ".join(f"{n} {status}" for status, n in sorted(found.jobs.items()) if n) or "none"),
    ]
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{plain(each.account, 60)}: {each.stream}", _seconds(each.complete_until), _ago(each.age_seconds))
        for each in found.streams
    )
    workers: tuple[tuple[Cell, ...], ...] = tuple((plain(each.name, 80), _ago(each.age_seconds)) for each in found.workers)
    blocks: list[Block] = [Terms(tuple(pairs))]
    if rows:
        blocks.append(Table("streams", "Lists and events", ("list", "complete until", "read to its end"), rows))
    if workers:
        blocks.append(Table("workers", "Workers", ("worker", "last heard of"), workers))
    return Section("freshness", "How fresh it is", tuple(blocks))


def run(sessions: Sessions, asked: Mapping[str, str]) -> Document:
    """One run: its jobs, its errors, and the figures that it changed. Raises Unknown."""
    session = sessions.at()
    text = asked.get("id", "")
    found = run_of(session, int(text)) if text.isascii() and text.isdigit() and len(text) < 12 else None
    if found is None:
        raise Unknown(f"there is no run {plain(text, 20)}")
    jobs: tuple[tuple[Cell, ...], ...] = tuple(
        (
            str(j.id),
            f"{j.kind} {j.stream}".strip(),
            j.status,
            numbers.whole(j.attempts),
            numbers.whole(j.objects),
            plain(j.last_error or "", 400),
        )
        for j in jobs_of(session, found.id)
    )
    changed = restated_by(session, found.id)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{c.kind.replace('_', ' ')} {c.first} to {c.until}",
            plain(f"{c.dimension}={c.segment}", 80) if c.dimension else "",
            numbers.amount(c.before_opening, c.currency),
            numbers.amount(c.opening, c.currency),
            numbers.amount(c.before_closing, c.currency),
            numbers.amount(c.closing, c.currency),
        )
        for c in changed[:ROWS]
    )
    blocks: list[Block] = [
        Terms(
            (
                ("Status", found.status),
                ("Began", _at(found.started_at)),
                ("Took", _took(found)),
                ("About", _what(found) or "everything"),
            )
        )
    ]
    if jobs:
        columns = ("job", "kind", "status", "attempts", "objects", "last error")
        blocks.append(Table("jobs", "Jobs", columns, jobs, frozenset({3, 4})))
    if rows:
        columns = ("window", "segment", "opening before", "opening", "closing before", "closing")
        more = f"and {len(changed) - ROWS:,} more: nrr runs show {found.id}" if len(changed) > ROWS else ""
        blocks.append(Table("changed", "Figures that it changed", columns, rows, frozenset({2, 3, 4, 5}), more=more))
    return Document(f"Run {found.id}, {found.kind}", "", (), (Section("run", "What it did", tuple(blocks)),))


def _at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def _took(found: Run) -> str:
    return "…" if found.finished_at is None else f"{(found.finished_at - found.started_at).total_seconds():,.1f} s"


def _what(found: Run) -> str:
    parts = [f"{found.params['first']} to {found.params['through']}"] if "through" in found.params else []
    parts += [str(found.result["error"])] if found.result and "error" in found.result else []
    return plain(", ".join(parts), 300)


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(max(0, round(seconds)))} ago"


def _seconds(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
