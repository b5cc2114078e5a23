"""Names that are stored, sent or typed, and look like code: they outlive every rename of what bears them.

A test here that fails says that a database, a message on its way or somebody's script would not be understood any more.
"""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from typing import get_args

import jinja2
from sqlalchemy import Engine, select

from integrations.notify.email_message import message_id
from integrations.store import migrate
from integrations.store.db.engine import begin
from integrations.store.work.schema import cursor, job, run, setting
from metrics.alerts.grouping import thread_of
from metrics.alerts.states import Alert
from metrics.evidence import Source
from metrics.policy import PRESETS, preset
from tests.worker.conftest import Wire
from tests.worker.stripe_fake import FakeStripe
from worker.alerts import evaluate as evaluate_alerts
from worker.cli.commands import COMMANDS
from worker.cli.exit_codes import Exit
from worker.config.celery_config import QUEUE, SEEN, TICK, WORK
from worker.config.reports import What
from worker.figures import derive, rollup
from worker.ingest import plan
from worker.report import scheduled
from worker.runs import nightly, steps

POLICY = {
    "name",
    "discounts",
    "churn_at",
    "past_due_out_after_days",
    "paused_counts",
    "netting",
    "grace_days",
    "same_month_left_out",
    "weeks",
    "days",
    "metered",
    "reactivation",
    "reactivation_days",
    "reactivation_in_net_flow",
    "start_at_booking",
    "tax_inclusive_gross",
    "grr_by",
}
BASIS = {"policy", "timezone", "merge_key", "internal", "migration_key"}
ROLLING = {"basis", "dimensions", "reporting", "size", "usage", "first", "today", "complete_until", "freeze", "snapshot_months"}
LISTED = {
    f"listed:{stream}" for stream in ("products", "prices", "coupons", "customers", "subscriptions", "subscriptions_canceled")
}
JOBS: dict[str, set[str]] = {
    "plan": {"account", "what"},
    "list": {"learnt_from", "audit"},
    "events": {"reread_from"},
    "mark": {"events_until", *LISTED, "listed:invoices"},
    "derive_plan": {"rebuild", "now"},
    "derive_shard": {"basis", "now", "shards", "shard"},
    "derive_touched": {"basis", "now", "names", "part"},
    "derive_mark": {"versions", "now", "marks_seen", "marks_until"},
    "rollup_plan": {"whole"},
    "rollup_part": {*ROLLING, "shards", "shard"},
    "rollup_sum": {*ROLLING, "whole"},
    "outlook": {"basis", "now"},
    "tidy": set(),
}
"""Kinds of jobs and the keys of what they are given: a job that was written down before an update is done after it. There may be more; every
kind is in `tests.worker.execution.test_job_data`."""


def test_what_a_night_writes_down(engine: Engine, wire: Wire) -> None:
    """Kinds of runs and jobs, keys of their data, marks, and names under which things are remembered."""
    stripe = FakeStripe()
    stripe.fill(12)
    nightly.run(wire(default=stripe))
    stripe.change(3, 9)
    stripe.now += 90_000  # type: ignore[assignment]  # an instant
    nightly.run(wire(default=stripe))
    with begin(engine) as connection:
        jobs: dict[str, set[str]] = {}
        for kind, data in connection.execute(select(job.c.kind, job.c.data)):
            jobs.setdefault(kind, set()).update(json.loads(data))
        bases = [
            json.loads(d)["basis"] for d in connection.execute(select(job.c.data).where(job.c.kind == "derive_touched")).scalars()
        ]
        marks = set(connection.execute(select(cursor.c.stream)).scalars())
        names = set(connection.execute(select(setting.c.name)).scalars())
        runs = set(connection.execute(select(run.c.kind)).scalars())
    assert {} == {kind: keys - jobs.get(kind, {"no such kind"}) for kind, keys in JOBS.items() if not keys <= jobs.get(kind, set())}
    assert {(frozenset(BASIS), frozenset(POLICY))} == {(frozenset(each), frozenset(each["policy"])) for each in bases}
    assert {
        "events",
        "audit",
        "products",
        "prices",
        "coupons",
        "customers",
        "subscriptions",
        "subscriptions_canceled",
        "invoices",
        "credit_notes",
    } == marks
    assert {"derive:dropped", "rollup:e7776c99211e", "billings"} <= names
    assert {"nightly", "sync"} >= runs


def test_kinds_of_jobs(wire: Wire) -> None:
    """A worker does all of them; those of alerts where there are settings."""
    assert {*JOBS, "open_invoices", "drift"} <= set(steps.kinds_of(wire()))
    assert ("derive_plan", "derive_shard", "derive_touched", "derive_mark") == derive.KINDS
    assert ("rollup_plan", "rollup_part", "rollup_sum", "outlook", "billings") == rollup.KINDS
    assert ("alerts_evaluate", "alerts_send") == evaluate_alerts.KINDS
    assert ("report", ("page", "workbook")) == (scheduled.KIND, get_args(What))


def test_streams_and_sources() -> None:
    """Marks and states are stored under these."""
    names = ("products", "prices", "coupons", "customers", "subscriptions", "subscriptions_canceled", "invoices", "events")
    assert (*names, "credit_notes") == plan.STREAMS
    assert {"EVENT_BEFORE": 1, "EVENT": 2, "SNAPSHOT": 3} == {each.name: each.value for each in Source}


def test_what_is_remembered() -> None:
    """The names under which an installation remembers something of itself."""
    from integrations.store.facts import marks
    from integrations.store.facts.customers import customer_merge
    from integrations.store.figures import reports
    from worker.figures import addable, billings, proof
    from worker.ingest import clocks
    from worker.runs import settings_log, tick

    assert ("derive:dropped", "members:rule", "health_watched") == (derive._DROPPED, customer_merge._RULE, tick.WATCHED)
    assert ("derive:planned", "reports_failed", "clock_apart") == (marks._PLANNED, reports._FAILED, clocks._APART)
    assert ("billings", "billings:proof", "settings:held") == (billings.MADE, proof.REMEMBERED, settings_log._HELD)
    assert "addable:b" == addable._name("b")


def test_alert_threads_and_message_ids() -> None:
    """An alert goes on in the thread that its first message began, before an update or after it."""
    assert "nrr_low|plan gold|3" == thread_of(Alert("nrr_low", "plan gold", episode=3))
    assert "<nrr.832862caf762c62449cda1a2e7f94fc8@nrr.example>" == message_id("nrr_low|plan gold|3", "nrr.example")
    body = Alert("nrr_low", "").body()
    names = (
        "episode",
        "nights",
        "fired_window",
        "told",
        "thread",
        "family",
        "last_night",
        "since",
        "fired_on",
        "fired_until",
        "resolved_on",
        "reminded_on",
        "judged",
        "shown",
    )
    assert set(names) <= set(body)


def test_celery_names() -> None:
    """Messages on their way name their tasks; `celery -A worker.app` finds them."""
    assert ("nrr.tick", "nrr.work", "nrr.seen", "nrr") == (TICK, WORK, SEEN, QUEUE)
    asked = (
        "from worker.app import app; app.loader.import_default_modules(); print(app.main, *app.conf.include, *sorted(app.tasks))"
    )
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0"}
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=environment)
    main, include, *tasks = shown.stdout.split()
    assert ("nrr", "worker.tasks") == (main, include)
    assert {"nrr.tick", "nrr.work", "nrr.seen"} <= set(tasks)


def test_places_that_others_know() -> None:
    """The entry point, `celery -A`, alembic's scripts, the templates, and the sandbox as a module."""
    [found] = entry_points(group="console_scripts", name="nrr")
    assert "worker.cli.main:run" == found.value
    assert migrate._config().get_main_option("script_location", "").endswith("integrations/store/migrations")
    assert "html.j2" in "".join(jinja2.PackageLoader("integrations.notify", "templates").list_templates())
    shown = subprocess.run([sys.executable, "-m", "integrations.sandbox", "--help"], capture_output=True, text=True, check=True)
    assert "python -m integrations.sandbox" in shown.stdout


def test_commands() -> None:
    """Scripts and crontabs name them."""
    names = (
        "demo init doctor config db sync backfill audit rebuild rollup verify export rates forget show explain compare alerts runs nightly "
        "worker beat exporter health"
    )
    assert set(names.split()) <= set(COMMANDS)


def test_exit_codes() -> None:
    """What the shell is told. Which error means which is a matter of classes, whatever they are called."""
    codes = {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "QUARANTINED": 3,
        "ALERT_FIRING": 4,
        "MISMATCH": 5,
        "NOT_MIGRATED": 10,
        "LOCKED": 11,
        "REFUSED": 12,
        "INTERRUPTED": 130,
    }
    assert codes.items() <= {each.name: each.value for each in Exit}.items()


def test_a_policy_is_chosen_by_the_same_words() -> None:
    """Settings files name presets and choices."""
    assert "chartmogul+" == preset("chartmogul", grace_days=2).name
    assert {"default", "stripe", "chartmogul", "profitwell"} <= set(PRESETS)
