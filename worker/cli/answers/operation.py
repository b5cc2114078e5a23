"""The documents of reading, deriving, running and setting up."""

from typing import Final

from metrics.columns import Column
from worker.cli.answers.keys import ACCOUNT, DAYS, WINDOW, Key, known, like, many, named, old, one, own, own_money, record

_STREAM: Final = record(
    "FreshStream",
    "A stream of an account",
    known("account stream complete_until"),
    own("age_seconds", "number", "how old that is", unit="seconds"),
)


def _age(name: str, meaning: str) -> Key:
    return own(name, "number", meaning, unit="seconds", null=True)


FRESHNESS: Final = record(
    "Freshness",
    "How fresh everything is; ages are seconds, null is never",
    own("at", "instant", "the present, by the database's clock"),
    many("streams", _STREAM, "of each account"),
    named("workers", "number", "each worker's seconds since its last sign of life"),
    _age("events_age_seconds", "since all events were read to the end"),
    _age("tick_age_seconds", "since the last tick"),
    _age("sync_age_seconds", "since the last good sync"),
    own("nightly_through", "day", "the last day that a nightly run caught up on", null=True),
    named("jobs", "count", "open jobs by status"),
    _age("oldest_due_seconds", "since when the oldest job has been due"),
    own("touched", "count", "customers with news that no figure knows of yet"),
    known("quarantined"),
    own("underived", "count", "customers that can't be derived and are in no figure"),
    named("drift", "count", "what the last audit of each account repaired"),
    Key(Column("drift_by_kind", "object", "the same by kind of object"), named=True),
    own("failed_runs", "count", "among the last twenty runs"),
    named("clock_apart_seconds", "number", "by how much each account's clock is ahead of ours"),
)

# --- reading and deriving -----------------------------------------------------------------------------------------------------

_OBJECTS: Final = named("objects", "count", "objects read of each stream")
_RUN: Final = [*known("run status")]
SYNC: Final = record(
    "Sync",
    "A run that read from Stripe",
    _RUN,
    own("joined", "flag", "it joined a run that was under way"),
    _OBJECTS,
    known("pages quarantined seconds"),
)
_DRIFT: Final = record(
    "Drift",
    "What an audit found different, and repaired",
    ACCOUNT,
    like("subscriptions", "how many subscriptions"),
    own("named", "texts", "some of them"),
    named("counts", "count", "how many of every other kind"),
    named("others", "texts", "some of them"),
)
AUDIT: Final = record("Audit", "An audit", _RUN, many("drift", _DRIFT, "of each account"))
REBUILD: Final = record(
    "Rebuild", "The ledger derived anew", _RUN, known("policy"), like("customers", "customers derived"), known("seconds")
)
ROLLUP: Final = record("Rollup", "Figures brought up to date", _RUN, known("seconds"))
NIGHTLY: Final = record(
    "Nightly",
    "Missed days caught up on",
    like("run", "the run's number; null where no day was missing", null=True),
    known("status"),
    own("first", "day", "the first day that was missing", optional=True),
    own("through", "day", "the last one", optional=True),
    like("seconds", "how long it took", optional=True),
    own("days", "texts", "empty: no day was missing", optional=True),
)
FORGET: Final = record(
    "Forget",
    "What was removed of a customer",
    like("customer", "Stripe's id of the customer"),
    own("names", "count", "names and addresses"),
    own("payloads", "count", "what Stripe sent"),
    own("states", "count", "states without their metadata now"),
    own("elsewhere", "count", "rows of figures, messages and records"),
)
_HELD: Final = record(
    "HeldOfAccount", "What an account holds", known("account"), Key(Column("held", "object", "rows by table, as they are stored"))
)
PERSON: Final = record(
    "Person",
    "All that is held of a customer",
    like("customer", "Stripe's id of the customer"),
    many("accounts", _HELD, "each account"),
)

_PLANNED: Final = record(
    "PlannedList",
    "A list that would be read",
    known("stream"),
    Key(Column("since", "instant", "objects made from then on; null for the beginning", "UTC"), null=True),
    own("until", "instant", "objects made before; null for now", null=True),
)
_ACCOUNT_PLAN: Final = record(
    "AccountPlan",
    "What a backfill would read of an account",
    known("account account_id"),
    old("stripe_id", "account_id"),
    own("subscriptions_held", "count", "subscriptions that are stored; null where it was never read", null=True),
    named("objects_held", "count", "objects stored of each stream"),
    own("requests", "count", "requests that it takes; null where nothing is known", null=True),
    like("seconds", "how long Stripe's limits make it last", null=True),
    many("lists", _PLANNED, "in their order"),
)
BACKFILL_PLAN: Final = record("BackfillPlan", "What a backfill would read", many("accounts", _ACCOUNT_PLAN, "each account"))
_FIGURE_SIDE: Final = Key(Column("before", "object", "the figures as they are; null for none"), null=True)
_WOULD: Final = record(
    "WindowChange",
    "A window that would change",
    WINDOW,
    old("first", "first_day"),
    Key(Column("until", "day", "the day after last_day"), instead="last_day"),
    own("currency", "text", "the currency, `all:` before that of the whole book"),
    _FIGURE_SIDE,
    Key(Column("after", "object", "as they would be; null for none"), null=True),
)
BACKFILL_RUN: Final = record(
    "BackfillRun",
    "A backfill, or with --dry-run what it would change",
    like("run", "the number of the run", optional=True),
    known("dry_run~ status"),
    _OBJECTS,
    known("pages~ quarantined~ seconds~"),
    many("changes", _WOULD, "windows that would change", optional=True),
)
_STREAM_STATUS: Final = record(
    "BackfillStream",
    "How far a stream is",
    known("stream"),
    own("objects", "count", "objects read"),
    own("share", "rate", "of it that is read"),
    own("ranges_open", "count", "ranges still to read"),
    own("ranges", "count", "ranges in all"),
)
_BACKFILL: Final = record(
    "Backfill",
    "The last backfill",
    known("run status started_at finished_at?"),
    own("objects", "count", "objects read"),
    own("objects_per_second", "number", "how fast", unit="objects a second"),
    own("eta_seconds", "count", "how long it will still take", unit="seconds", null=True),
    many("streams", _STREAM_STATUS, "in their order"),
    named("jobs", "count", "due, leased, aside (parked after failing)"),
    known("quarantined errors"),
)
BACKFILL_STATUS: Final = record(
    "BackfillStatus", "How a backfill stands", one("backfill", _BACKFILL, "the last one; null for none", null=True)
)
BACKFILL_CANCEL: Final = record("BackfillCancel", "A backfill that was canceled", known("run status"))

# --- checks ---------------------------------------------------------------------------------------------------------------------

_CHECK: Final = record(
    "Check",
    "One check",
    own("name", "text", "what was looked at"),
    own("state", "text", "ok, note or wrong"),
    like("detail", "how it is, and what to do"),
)
DOCTOR: Final = record("Doctor", "Every check", known("ok"), many("checks", _CHECK, "in their order"))
HEALTH: Final = record(
    "Health",
    "Whether workers, or with --beat beat, are alive",
    known("ok"),
    own("problems", "texts", "what is wrong, a sentence each"),
    named("workers", "number", "each worker's seconds since its last sign of life", optional=True),
    own("tick_age_seconds", "number", "since the last tick", unit="seconds", null=True, optional=True),
    own("oldest_due_seconds", "number", "since when the oldest job has been due", unit="seconds", null=True, optional=True),
    own("sent_seconds_ago", "number", "since beat sent its last tick", unit="seconds", null=True, optional=True),
)
_UNEXPLAINED: Final = record(
    "Unexplained",
    "A difference without a name",
    known("customer month currency"),
    own_money("billed", "what invoices say"),
    own_money("ledger", "what the ledger says"),
    like("difference$", "billed less ledger"),
)
VERIFY: Final = record(
    "Verify",
    "The derivation repeated and compared; with --billings invoices beside the ledger",
    known("ok policy"),
    like("customers", "customers compared", optional=True),
    like("movements", "movements compared", optional=True),
    own("windows", "count", "windows compared", optional=True),
    known("waiting~"),
    own("ledger", "texts", "differences of the ledger", optional=True),
    own("identity", "texts", "sums that don't add up", optional=True),
    own("figures", "texts", "differences of figures", optional=True),
    known("outdated~"),
    [Key(key.column, optional=True, instead=key.instead) for key in DAYS],
    own("compared", "count", "customers' months compared", optional=True),
    like("differences", "how many differ", optional=True),
    named("by_rule", "count", "differences that each rule explains", optional=True),
    named("unexplained_share", "rate", "of what was billed, by currency; null where nothing was", null=True, optional=True),
    many("unexplained", _UNEXPLAINED, "what no rule explains", optional=True),
)

# --- runs ---------------------------------------------------------------------------------------------------------------------

_RUN_KEYS: Final = [
    own("id", "count", "the run's number"),
    own("kind", "text", "sync, backfill, audit, derive, rollup, nightly, report, alerts, forget"),
    *ACCOUNT,
    *known("status started_at finished_at?"),
    own("heartbeat_at", "instant", "its last sign of life", null=True),
]
_RUN_ROW: Final = record("Run", "A run", _RUN_KEYS)
_RUN_WHOLE: Final = record(
    "RunWhole",
    "A run with what it was given and what came of it",
    _RUN_KEYS,
    Key(Column("params", "object", "what it was given")),
    Key(Column("result", "object", "what came of it; null while it runs"), null=True),
)
_JOB: Final = record(
    "Job",
    "A job of a run",
    own("id", "count", "the job's number"),
    own("kind", "text", "what it does"),
    ACCOUNT,
    like("stream", "the list that it reads, empty for none", null=True),
    own("stage", "count", "jobs of a stage wait for those before"),
    known("status"),
    own("attempts", "count", "how often it was tried"),
    known("pages"),
    own("objects", "count", "objects read or customers derived"),
    own("last_error", "text", "why it failed last; null if it didn't", null=True),
)
_RESTATED: Final = record(
    "Restated",
    "A figure that a run changed",
    WINDOW,
    old("first", "first_day"),
    Key(Column("until", "day", "the day after last_day"), instead="last_day"),
    known("dimension segment currency whole_book version opening$ closing$ opening_before$ closing_before$"),
    old("before_opening", "opening_before_micros"),
    old("before_closing", "closing_before_micros"),
)
_AUDITED: Final = record(
    "Audited",
    "Something that somebody did by hand",
    own("id", "count", "its number"),
    own("at", "instant", "when"),
    own("system_user", "text", "who: the system's user"),
    own("action", "text", "what was done"),
    own("object", "text", "to what", null=True),
    Key(Column("detail", "object", "how")),
)
RUNS: Final = record(
    "Runs",
    "The last runs and how fresh everything is; with --audit what was done by hand",
    many("runs", _RUN_ROW, "newest first", optional=True),
    one("freshness", FRESHNESS, "how fresh everything is", optional=True),
    many("audit", _AUDITED, "newest first", optional=True),
)
RUNS_SHOW: Final = record(
    "RunsShow",
    "One run",
    one("run", _RUN_WHOLE, "the run"),
    many("jobs", _JOB, "its jobs"),
    many("changed", _RESTATED, "figures that it changed"),
)

# --- settings and the database --------------------------------------------------------------------------------------------------

_SETTING: Final = record(
    "Setting",
    "A setting",
    own("name", "text", "its name in nrr.toml"),
    own("environment", "text", "its environment variable"),
    Key(Column("value", "object", "its value, secrets as ***")),
    own("source", "text", "where it comes from"),
    own("about", "text", "what it is"),
)
_CONFIG: Final = own("config", "text", "the settings file; null for none", null=True)
CONFIG_SHOW: Final = record("ConfigShow", "The settings in force", _CONFIG, many("settings", _SETTING, "in their order"))
CONFIG_CHECK: Final = record("ConfigCheck", "What would be refused", _CONFIG, own("faults", "texts", "a sentence each"))
_DATABASE: Final = own("database", "text", "its address, without secrets")
_SCHEMA: Final = own("schema", "text", "the schema that it is at; null for an empty one", null=True)
_BEFORE: Final = own("schema_before", "text", "the schema that it was at; null for an empty one", null=True)
INIT: Final = record(
    "Init",
    "An installation",
    own("config", "text", "the settings file"),
    _DATABASE,
    _BEFORE,
    _SCHEMA,
    own("has_key", "flag", "an API key is set"),
    own("partitions", "count", "how many parts the large tables were asked to be cut into; 0: they weren't"),
)
DB_UPGRADE: Final = record("DbUpgrade", "A migrated database", _DATABASE, _BEFORE, _SCHEMA)
DB_CURRENT: Final = record(
    "DbCurrent", "A database's schema", _DATABASE, _SCHEMA, own("needed", "text", "the schema that this version needs")
)
DB_BACKUP: Final = record(
    "DbBackup",
    "A backup",
    own("file", "text", "the file"),
    _DATABASE,
    _SCHEMA,
    known("made_at"),
    own("rows", "count", "how many rows"),
)

_PAIR: Final = record(
    "RatePair",
    "A pair of currencies",
    known("unit currency"),
    own("first", "day", "the first day with a rate"),
    own("last", "day", "the last one"),
    own("rates", "count", "how many are held"),
    like("rate", "what one unit is worth, on the last day"),
)
RATES_SHOW: Final = record("RatesShow", "Exchange rates that are held", many("pairs", _PAIR, "in order of unit and currency"))
RATES_LOAD: Final = record(
    "RatesLoad",
    "Rates of a file",
    own("file", "text", "the file"),
    own("rates", "count", "rates in it"),
    own("changed", "count", "of them new or different"),
)
RATES_FETCH: Final = record(
    "RatesFetch",
    "The European Central Bank's rates",
    own("changed", "count", "rates new or different"),
    own("through", "day", "the last day; null where none is needed", null=True),
    own("rates_outdated", "text", "what is wrong with them; null if nothing", null=True),
    Key(Column("outdated", "text", "older name of rates_outdated"), null=True, instead="rates_outdated"),
)
