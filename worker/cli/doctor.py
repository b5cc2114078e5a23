"""`nrr doctor`: one check after another, each with what to do about it. Nothing is changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import typer

from integrations.outgoing import is_loopback
from metrics.money import ratio_text
from worker.cli.common import Config, Context, Json, Now, money, opened, percent, put_json
from worker.cli.exit_codes import Exit, told
from worker.config.addresses import host_of, is_foreign
from worker.config.load import bases

if TYPE_CHECKING:
    from worker.config.settings import Settings
    from worker.health.freshness import Freshness

OK: Final = "ok"
NOTE: Final = "note"
WRONG: Final = "wrong"
STALE_SECONDS: Final = 86_400
SKEW_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, and (unless it is fine) what to do. `code` is what the shell is told of it."""

    name: str
    state: str
    detail: str
    code: Exit = Exit.OK


def doctor(json: Json = False, now: Now = None, config: Config = None) -> None:
    """Check settings, database, Stripe key and permissions, Redis, and how fresh the data is."""
    with opened(json=json, now=now, config=config) as context:
        checks = []
        for check in _all(context):
            checks.append(check)
            if not json:
                sign = {OK: "✓", NOTE: "·", WRONG: "✗"}[check.state]
                context.lines(f"{sign} {check.name}: {check.detail}")
        code = next((check.code for check in checks if check.code != Exit.OK), Exit.OK)
        if json:
            put_json({"ok": code == Exit.OK, "checks": [{"name": c.name, "state": c.state, "detail": c.detail} for c in checks]})
        if code != Exit.OK:
            raise typer.Exit(code)


def _all(context: Context) -> Iterator[Check]:
    yield _settings(context)
    database = _tried("database", lambda: _database(context))
    yield database
    yield from _accounts(context)
    if context.loaded.settings.redis_url is not None:
        yield _tried("redis", lambda: _redis(context))
    yield from _channels(context)
    if database.state != WRONG:
        yield from _data(context)


def _tried(name: str, look: Callable[[], Check]) -> Check:
    try:
        return look()
    except Exception as error:  # noqa: BLE001  # whatever is wrong with one check, the others are still made
        return _failed(name, error)


def _failed(name: str, error: Exception) -> Check:
    fault = told(error)
    return Check(name, WRONG, fault.message if fault else f"{type(error).__name__}: {error}", fault.code if fault else Exit.FAILED)


def _settings(context: Context) -> Check:
    from worker.wiring.setting_faults import setting_faults

    settings = context.loaded.settings
    place = f" from {context.loaded.config}" if context.loaded.config else ", no nrr.toml"
    faults = setting_faults(context.loaded)
    if faults:
        return Check("settings", WRONG, "; ".join(faults), Exit.USAGE)
    policy = settings.chosen_policy().name
    said = f"policy {policy}, time zone {settings.reporting_timezone}{place}{_way_out(settings)}"
    foreign = sorted({host_of(base) for base in bases(settings) if is_foreign(base)})
    if foreign:
        return Check("settings", NOTE, f"{said}; the key travels to {', '.join(foreign)}, which isn't Stripe's")
    return Check("settings", OK, said)


def _way_out(settings: "Settings") -> str:
    """By which proxy other machines are reached."""
    from worker.wiring.outgoing import outgoing

    proxy = outgoing(settings).proxy
    return f", by the proxy {host_of(proxy)}" if proxy else ""


def _database(context: Context) -> Check:
    import sqlite3

    from worker.runs.database import journal_is_safe, require_current, schema_needed

    require_current(context.wiring.engine)
    shown = context.loaded.settings.database_shown
    note = ""
    if shown.startswith("sqlite") and not journal_is_safe(sqlite3.sqlite_version_info):
        note = f"; SQLite {sqlite3.sqlite_version} lacks the fix for its write-ahead log, so the slower safe journal is used"
    if (open_line := unchecked_line(context.loaded.settings.database)) is not None:
        return Check("database", NOTE, f"{shown}, schema {schema_needed()}; {open_line}")
    return Check("database", OK, f"{shown}, schema {schema_needed()}{note}")


def unchecked_line(database: str) -> str | None:
    """What is unsafe about the connection to a PostgreSQL on another machine: without sslmode=verify-full the server's identity isn't checked."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(database)
    query = parse_qs(parts.query)
    host = (parts.hostname or query.get("host", [""])[-1]).lower()
    if not parts.scheme.startswith("postgres") or not host or host.startswith(("/", "%2f")) or is_loopback(host):
        return None
    mode = query.get("sslmode", ["prefer"])[-1]
    if mode == "verify-full":
        return None
    return f"the connection to {host} has sslmode={mode}, so the server's identity isn't checked: add sslmode=verify-full (and sslrootcert) to DATABASE_URL"


def _accounts(context: Context) -> Iterator[Check]:
    names = context.wiring.sources.names
    if not names:
        yield _tried("stripe", lambda: _keyless(context))
    for name in names:
        yield from _account(context, name)


def _keyless(context: Context) -> Check:
    from worker.wiring.wiring import require_key

    require_key(context.loaded.settings)
    return Check("stripe", OK, "a key is set")


def _account(context: Context, name: str) -> Iterator[Check]:
    title = f"stripe {name}"

    def key() -> Check:
        reader = context.wiring.sources.named(name)
        told_of = reader.account()
        mode = "live" if told_of.livemode else "test"
        said = f"the key is good: {told_of.id}, {mode} mode"
        if not told_of.livemode:
            return Check(title, OK, said)
        state, rights = rights_of_key(secret=reader.key_can_write)
        return Check(title, state, f"{said}; {rights}")

    checked = _tried(title, key)
    yield checked
    if checked.state == WRONG:
        return
    yield _tried(f"{title} clock", lambda: _clock(context, name))
    try:
        probes = context.wiring.sources.named(name).probe()
    except Exception as error:  # noqa: BLE001  # as above
        yield _failed(f"{title} streams", error)
        return
    for probe in probes:
        if probe.problem is None:
            yield Check(f"{title} {probe.stream}", OK, "can be read")
        elif probe.optional:
            yield Check(f"{title} {probe.stream}", NOTE, f"{probe.problem} (not needed)")
        else:
            yield Check(f"{title} {probe.stream}", WRONG, probe.problem, Exit.REFUSED if probe.missing else Exit.FAILED)


def rights_of_key(*, secret: bool) -> tuple[str, str]:
    """How a key of live mode is to be seen, and what to say of what it may do beside reading: trying to write would be no reading."""
    if secret:
        return NOTE, "but it is a secret key (sk_…), which can write: nrr only reads, so make a restricted one"
    return OK, "a restricted key; whether it may write too can't be seen by reading, so look at it in Stripe's dashboard"


def _clock(context: Context, name: str) -> Check:
    from metrics.periods import CLOCKS_AGREE_SECONDS
    from worker.ingest.read import stripe_now

    if context.wiring.pretended is not None:
        return Check(f"stripe {name} clock", NOTE, f"using this as the current time: {context.wiring.pretended.isoformat()}")
    reader = context.wiring.sources.named(name)
    stripe_now(reader)
    skew = reader.clock_apart_seconds
    if abs(skew) > SKEW_SECONDS:
        wrong = abs(skew) > CLOCKS_AGREE_SECONDS and (skew > 0 or reader.is_stripe)
        said = f"Stripe's clock is {_ago(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this machine's; the earlier one counts"
        return Check(f"stripe {name} clock", WRONG if wrong else NOTE, said, *([Exit.FAILED] if wrong else []))
    return Check(f"stripe {name} clock", OK, "agrees with Stripe's")


def _redis(context: Context) -> Check:
    import redis

    url = context.loaded.settings.redis_url
    assert url is not None
    try:
        with redis.Redis.from_url(url.get_secret_value(), socket_timeout=5, socket_connect_timeout=5) as client:
            info: Any = client.info("memory")
            policy = str(info.get("maxmemory_policy"))
    except redis.RedisError as error:
        return Check(
            "redis",
            WRONG,
            f"no answer ({type(error).__name__}); nothing is lost, but workers get no nudges. Check REDIS_URL",
            Exit.FAILED,
        )
    if (open_line := open_redis_line(url.get_secret_value())) is not None:
        return Check("redis", NOTE, f"answers; {open_line}")
    if policy != "noeviction":
        return Check("redis", NOTE, f"answers; maxmemory-policy is {policy}: set noeviction, or nudges are dropped silently")
    return Check("redis", OK, "answers")


def open_redis_line(url: str) -> str | None:
    """What is unsafe about a Redis on another machine that lets everybody in."""
    from urllib.parse import urlsplit

    address = urlsplit(url)
    if address.password is not None or address.scheme == "unix" or is_loopback((address.hostname or "").lower()):
        return None
    return f"but {address.hostname} is another machine and asks for no password: set requirepass"


_KINDS: Final = {"slack": "Slack", "email": "e-mail", "teams": "Teams", "webhook": "webhook"}


def _channels(context: Context) -> Iterator[Check]:
    from worker.config.settings import BadSettings
    from worker.wiring.channels import open_channels

    settings = context.loaded.settings
    try:
        found = open_channels(settings, lambda _seconds: None)
    except BadSettings:
        return  # told with the settings
    if not found:
        yield Check(
            "alerts",
            NOTE,
            "no channel is set: SLACK_WEBHOOK_URL, SMTP_HOST with ALERT_EMAIL_TO, TEAMS_WEBHOOK_URL, or ALERT_WEBHOOK_URL",
        )
        return
    named = [f"{name} ({_KINDS[settings.channels[name].kind]})" if name in settings.channels else _KINDS[name] for name in found]
    yield Check("alerts", OK, f"go to {', '.join(named)}; try: nrr alerts test --channel {next(iter(found))}")


def _data(context: Context) -> Iterator[Check]:
    from worker.queries.freshness import freshness
    from worker.queries.outstanding import outstanding
    from worker.queries.rates import outdated

    found = freshness(context.session)
    yield _fresh(found)
    for sentence in outstanding(context.session).sentences():
        yield Check("figures", NOTE, sentence)
    old_rates = outdated(context.session)
    if old_rates is not None:
        yield Check("exchange rates", NOTE, old_rates)
    yield from _trouble(context, found)
    yield from _unwatched(context)
    yield from _dimensions(context)
    yield from _findings(context)
    yield _tried("billings", lambda: _billings(context))
    yield _tried("proof of billings", lambda: _proof(context))
    if context.loaded.settings.report is not None:
        yield _tried("reports", lambda: _reports(context))


def _unwatched(context: Context) -> Iterator[Check]:
    """Rules on segments that no figure has, which can't fire."""
    from worker.config.alert_rules import BadRules, load_watch
    from worker.queries.alerts import missing_segments

    settings = context.loaded.settings
    try:
        watch = load_watch(
            settings.alerts, context.loaded.config, dimensions=settings.dimensions, channels=tuple(settings.channels)
        )
    except BadRules:
        return  # told with the settings
    for nobody in missing_segments(context.session, watch):
        yield Check(f"rule {nobody.rule}", NOTE, nobody.sentence)


def _dimensions(context: Context) -> Iterator[Check]:
    """Dimensions that figures are made by at night, and that tell no two customers apart: one that is misspelt, mostly."""
    from worker.cli.dimensions import meant
    from worker.queries.dimensions import unknown_dimensions

    for part in unknown_dimensions(context.session):
        yield Check(
            "dimensions",
            NOTE,
            f"no customer has {part!r} in its metadata, so by it all are in (none).{meant(context.session, part)}",
        )


def _reports(context: Context) -> Check:
    """Whether the folder of reports can be written, and whether one could not be made."""
    import os

    from metrics.periods import Window
    from worker.queries.reports import reports_failed, reports_made

    table = context.loaded.settings.report
    assert table is not None, "asked only where it is set"
    for each in reports_failed(context.session):
        label = Window(each.kind, each.first, each.until).label
        return Check(
            "reports", WRONG, f"the {each.what} of {label} could not be made: {each.why}; it is tried again by itself", Exit.FAILED
        )
    if not table.folder.is_dir() or not os.access(table.folder, os.W_OK | os.X_OK):
        return Check("reports", WRONG, f"report.folder: {table.folder} is no folder that can be written here", Exit.FAILED)
    last = next(iter(reports_made(context.session, 1)), None)
    made = "none was made yet" if last is None else f"the last is {last.path}"
    return Check("reports", OK, f"{' and '.join(table.schedule)} into {table.folder}; {made}")


def _fresh(found: "Freshness") -> Check:
    from worker.health.freshness import events_age_seconds

    age = events_age_seconds(found)
    if age is None:
        return Check("freshness", NOTE, "nothing was read yet; run: nrr sync")
    state = NOTE if age > STALE_SECONDS else OK
    hint = "; run: nrr sync" if state == NOTE else ""
    return Check("freshness", state, f"last read to the end {_ago(age)} ago{hint}")


def _ago(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _trouble(context: Context, found: "Freshness") -> Iterator[Check]:
    from worker.health.freshness import drifted as told
    from worker.health.freshness import from_the_future
    from worker.queries.findings import quarantined, underived

    aside = found.jobs.get("quarantined", 0)
    if aside:
        yield Check("jobs", WRONG, f"{aside} jobs are parked after failing; see: nrr runs", Exit.FAILED)
    for sentence in from_the_future(found):
        yield Check("clocks", WRONG, sentence, Exit.FAILED)
    drifted = sum(found.drift.values())
    if drifted:
        yield Check("drift", NOTE, f"the last audit repaired what had changed without an event: {told(found)}")
    if found.quarantined:
        named = quarantined(context.session, limit=5)
        first = "; ".join(f"{q.kind} {q.object_id}: {q.reason} ({q.detail})" for q in named)
        yield Check("quarantine", WRONG, f"{found.quarantined} objects are quarantined: {first}", Exit.QUARANTINED)
    if found.underived:
        whose = "; ".join(f"{customer}: {why}" for customer, why in underived(context.session, limit=5))
        yield Check("derivation", WRONG, f"{found.underived} customers are in no figure: {whose}", Exit.QUARANTINED)


def _findings(context: Context) -> Iterator[Check]:
    from worker.cli.findings import sentence
    from worker.queries.findings import count_by_severity

    counts = count_by_severity(context.session)
    if counts:
        said = sentence(counts).removeprefix("About the data: ").rstrip(".")
        yield Check("findings", NOTE, f"{said}; see: nrr show findings")


def _billings(context: Context) -> Check:
    """What part of what is invoiced nrr sees, by the last month that is over."""
    from metrics.billings.classes import BY_NAME, MARKS, OUTSIDE, UNSEEN, UNSURE
    from metrics.billings.shares import sees, worth_saying
    from metrics.periods import add_months
    from worker.config.alert_rules import load_watch
    from worker.queries.billings import kept, untotalled

    def text(ratio: Fraction) -> str:
        return percent(ratio_text(ratio.numerator, ratio.denominator))

    month = add_months(context.today, -1)
    found = kept(context.session, add_months(month, -1), add_months(month, 1))
    last = [each for each in found if each.first == month and each.share.ratio is not None]
    if not last:
        return Check("billings", OK, f"nothing was invoiced in {month:%Y-%m}, as far as figures know; see: nrr show billings")
    before = {each.currency: each.share for each in found if each.first != month}
    limit = load_watch(context.loaded.settings.alerts, context.loaded.config).outside_share
    loud = any(worth_saying(each.share, before.get(each.currency), limit) for each in last)
    parts = []
    for each in last:
        seen = sees(each.share)
        assert seen is not None
        marks = [m for m in each.marks if m.mark in MARKS and m.micros > 0 and each.amounts.get(OUTSIDE)]
        behind = ", ".join(f"{MARKS[m.mark]} {text(Fraction(m.micros, each.share.everything))}" for m in marks)
        unsure = "".join(
            f", {money(each.amounts[name], each.currency)} {BY_NAME[name].label}" for name in UNSURE if each.amounts.get(name)
        )
        parts.append(f"{text(seen)} in {each.currency.upper()}" + (f" (beside: {behind})" if behind else "") + unsure)
    old = untotalled(context.session, month, add_months(month, 1))
    if old:
        parts.append(f"without the totals of {old} invoices that an older release read; run: nrr backfill run --streams invoices")
    said = f"nrr sees of what you invoiced in {month:%Y-%m}: {'; '.join(parts)}; see: nrr show billings; {UNSEEN}"
    return Check("billings", NOTE if loud else OK, said)


def _proof(context: Context) -> Check:
    """What the last nightly proof left unexplained."""
    from worker.queries.billings import last_proof

    found = last_proof(context.session)
    if found is None:
        return Check("proof of billings", OK, "not made yet; see: nrr verify --billings")
    if not found.shares:
        return Check("proof of billings", OK, f"what was invoiced for {found.month:%Y-%m} explains the ledger's MRR")
    parts = [
        f"{percent(ratio_text(r.numerator, r.denominator))} in {code.upper()}"
        if r is not None
        else f"all that was billed in {code.upper()}, in which the ledger has no MRR"
        for code, r in found.shares.items()
    ]
    named = ", ".join(found.customers[:5])
    said = f"of {found.month:%Y-%m}'s MRR invoices leave unexplained: {', '.join(parts)} ({named}); see: nrr verify --billings"
    return Check("proof of billings", NOTE, said)
