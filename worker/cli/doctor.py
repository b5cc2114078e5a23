"""`nrr doctor`: one check after another, each with what to do about it. Nothing is changed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import typer

from integrations.outgoing import is_loopback
from worker.cli.common import Config, Context, Json, Now, opened, put_json
from worker.cli.doctor_checks import NOTE, OK, WRONG, Check, ago, failed, tried
from worker.cli.doctor_data import data_checks
from worker.cli.exit_codes import Exit
from worker.config.addresses import host_of, is_foreign
from worker.config.load import bases

if TYPE_CHECKING:
    from worker.config.settings import Settings

SKEW_SECONDS: Final = 120


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
    database = tried("database", lambda: _database(context))
    yield database
    yield from _accounts(context)
    if context.loaded.settings.redis_url is not None:
        yield tried("redis", lambda: _redis(context))
    yield from _channels(context)
    if database.state != WRONG:
        yield from data_checks(context)


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
        yield tried("stripe", lambda: _keyless(context))
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

    checked = tried(title, key)
    yield checked
    if checked.state == WRONG:
        return
    yield tried(f"{title} clock", lambda: _clock(context, name))
    try:
        probes = context.wiring.sources.named(name).probe()
    except Exception as error:  # noqa: BLE001  # as above
        yield failed(f"{title} streams", error)
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
        said = f"Stripe's clock is {ago(abs(skew))} {'ahead of' if skew > 0 else 'behind'} this machine's; the earlier one counts"
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
