"""`nrr init`, `nrr db upgrade`, `nrr config show`: from an empty folder to a database with the right schema."""

import json as jsonlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from integrations.private_files import written_privately
from worker.cli.common import Config, Context, Json, opened, put_json
from worker.cli.exit_codes import Exit, Stop
from worker.cli.tables import console, print_table

if TYPE_CHECKING:
    from worker.runs.database import Backup

db = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="The database: schema, backup and restore."
)
config = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="The settings in force.")

TEMPLATE = """\
# Settings of nrr. What is commented out shows the default. Environment variables go before this file, flags before both.
# Secrets are better kept out of it: STRIPE_API_KEY, DATABASE_URL, REDIS_URL, SLACK_WEBHOOK_URL, SMTP_PASSWORD in the environment, or
# each as NAME_FILE with the path of a file. `nrr config show` tells what is in force and where it comes from.

# --- how figures are reported
{currency}
{timezone}

# --- customers by name: in tables, explanations, messages and reports. Names and e-mail addresses then lie in the database; `nrr forget`
# removes a customer's, and switching it off keeps no new ones. Without it people read Stripe's ids, which lead to its dashboard.
store_names = {names}

# --- further choices
# policy = "default"              # default, stripe, chartmogul, profitwell; or a table with single choices:
# [policy]
# preset = "default"
# discounts = "forever_repeating" # none, forever, forever_repeating, all
# grace_days = 1
# dimensions = ["plan", "interval", "currency", "country", "metadata.industry", "plan,country"]
# snapshot_months = 13            # so many month ends are kept per customer, for SQL
# merge_key = "company_id"        # customers with the same value under this metadata key are one customer
# rates = "ecb"                   # fetched by the nightly run; or a CSV file of your own: day,unit,currency,rate
# rates_url = "https://…"         # where from, if not the European Central Bank's own address; "off": nowhere

# --- several Stripe accounts instead of STRIPE_API_KEY
# [accounts.eu]
# api_key_file = "/etc/nrr/secrets/stripe_eu"
# [accounts.us]
# api_key_env = "STRIPE_API_KEY_US"

# --- customers that are the company's own
# [[internal]]
# key = "internal"
# values = ["true"]

# --- reports that are made by themselves
# [report]
# folder = "/srv/reports"         # a folder that is there; a bucket is mounted or copied to
# schedule = ["monthly"]          # monthly, quarterly: as soon as the figures are complete
# what = ["page", "workbook"]
# months = 36                     # of the workbook
# digest = "linked"               # the monthly digest names them; attached: by mail they go along; silent
# url = "https://reports.example.com"   # where the folder is served, for links

# --- further channels of alerts, beside SLACK_WEBHOOK_URL, ALERT_EMAIL_TO, TEAMS_WEBHOOK_URL and ALERT_WEBHOOK_URL; rules send to them by name
# [channels.board-mail]
# kind = "email"                  # slack, email, teams, webhook
# to = ["cfo@example.com", "ceo@example.com"]
# [channels.ops]
# kind = "webhook"                # takes messages as JSON, signed: deploy/alerts.md
# url_file = "/etc/nrr/secrets/ops_webhook_url"
# secret_file = "/etc/nrr/secrets/ops_webhook_secret"

# --- alerts: these rules are on from the start; `nrr alerts list` shows them, the README tells more
{alerts}"""


def init(
    currency: Annotated[str | None, typer.Option(help="Reporting currency, such as usd.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Reporting time zone, such as Europe/Berlin.")] = None,
    names: Annotated[
        bool | None,
        typer.Option(
            "--names/--no-names", help="Keep customers' names and e-mail addresses, so that people read names. Asked, if neither."
        ),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            "--partitions",
            metavar="N",
            help="Cut the large tables of a new PostgreSQL database into N parts by customers (large accounts).",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write nrr.toml anew if there is one.")] = False,
    json: Json = False,
) -> None:
    """Write nrr.toml into this folder and prepare the database."""
    path = Path("nrr.toml")
    if path.exists() and not force:
        _check({})
        sys.stderr.write("nrr.toml is there already and stays as it is (--force writes it anew)\n")
    else:
        from worker.config.default_alerts import DEFAULT_TOML

        flags = {"reporting_currency": currency, "reporting_timezone": timezone}
        _check(flags)
        with written_privately(path, encoding="utf-8") as file:
            file.write(
                TEMPLATE.format(
                    currency=f'reporting_currency = "{currency.lower()}"' if currency else '# reporting_currency = "usd"',
                    timezone=f'reporting_timezone = "{timezone}"' if timezone else '# reporting_timezone = "UTC"',
                    names="true" if (_ask_for_names() if names is None else names) else "false",
                    alerts=DEFAULT_TOML,
                )
            )
        sys.stderr.write("wrote nrr.toml\n")
    with opened(json=json) as context:
        before, after = _upgrade(context.wiring.engine, partitions)
        shown = context.loaded.settings.database_shown
        has_key = bool(context.loaded.settings.accounts) or context.loaded.settings.stripe_api_key is not None
        if json:
            told = {"config": str(path), "database": shown, "schema_before": before, "schema": after, "has_key": has_key}
            put_json({**told, "partitions": partitions or 0})
            return
        cut = f", large tables in {partitions} parts" if partitions else ""
        context.lines(f"database {shown}: schema {after}" + ("" if before == after else " (new)") + cut)
        context.say(
            "next: nrr doctor" if has_key else "next: set STRIPE_API_KEY (a restricted key with read access), then nrr doctor"
        )


def _ask_for_names() -> bool:
    """Whether customers' names are kept; nobody is asked, and none are, where nobody can answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    sys.stderr.write(
        "Customers can be shown by name in tables, explanations, messages and reports. Their names and e-mail addresses are then kept\n"
        "in your database (`nrr forget` removes a customer's); without them you read Stripe's ids, which lead to its dashboard.\n"
    )
    return typer.confirm("Keep names?", default=False, err=True)


def _check(flags: dict[str, Any]) -> None:
    """Raises BadSettings for what would be refused as soon as the file is used: a key that is none, too."""
    from worker.config.load import load
    from worker.config.settings import BadSettings
    from worker.wiring.setting_faults import key_faults

    if faults := key_faults(load(flags).settings):
        raise BadSettings(faults)


def _upgrade(engine: Any, partitions: int | None = None) -> tuple[str | None, str]:
    from worker.runs import database

    try:
        return database.upgrade(engine, parts=partitions)
    except database.NoPartitions as error:
        raise Stop(str(error), Exit.USAGE) from None


@db.command()
def upgrade(json: Json = False, config: Config = None) -> None:
    """Bring the database to the schema that this version needs. Safe to run again, and by several at once."""
    with opened(json=json, config=config) as context:
        before, after = _upgrade(context.wiring.engine)
        shown = context.loaded.settings.database_shown
        if json:
            put_json({"database": shown, "schema_before": before, "schema": after})
        else:
            context.lines(f"{shown}: schema {after}" + (" already" if before == after else f" (was {before or 'empty'})"))


@db.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; one that is there is replaced.")],
    json: Json = False,
    config: Config = None,
) -> None:
    """Write the whole database, as of one moment, to a file. Only you can read it. Work may go on meanwhile."""
    from worker.runs import database

    with opened(json=json, config=config) as context:
        try:
            made = database.backup(context.wiring.engine, file, context.wiring.clock())
        except OSError as error:
            raise Stop(f"{file} could not be written: {error.strerror}; nothing was left there") from None
        _say_backup(context, made, file, json=json, done="written to")


@db.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `nrr db backup` wrote.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put it in the place of what the database holds.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Restore a backup into an empty database. It is brought to this version's schema. Refused while workers or commands are running."""
    from worker.runs import database

    with opened(json=json, config=config) as context:
        made = database.restore(context.wiring.engine, file, replace=replace)
        _say_backup(context, made, file, json=json, done="restored from")
        context.say("next: nrr sync (reads what came in since), then nrr verify")


def _say_backup(context: Context, made: "Backup", file: Path, *, json: bool, done: str) -> None:
    rows = sum(made.rows.values())
    if json:
        put_json({"file": str(file), "database": made.database, "schema": made.schema, "made_at": made.made_at, "rows": rows})
    else:
        context.lines(f"{context.loaded.settings.database_shown}: {rows:,} rows of schema {made.schema} {done} {file}")


@db.command()
def current(json: Json = False, config: Config = None) -> None:
    """Show the database's schema. Exits 10 if it isn't the one that this version needs."""
    from worker.runs.database import schema, schema_needed

    with opened(json=json, config=config) as context:
        found = schema(context.wiring.engine)
        if json:
            put_json({"database": context.loaded.settings.database_shown, "schema": found, "needed": schema_needed()})
        else:
            context.lines(f"{context.loaded.settings.database_shown}: schema {found or 'none'}, needed {schema_needed()}")
        if found != schema_needed():
            raise Stop("run: nrr db upgrade", Exit.NOT_MIGRATED)


@config.command()
def check(json: Json = False, config: Config = None) -> None:
    """Check everything that is set, without connecting anywhere. What reading, workers or alerts would refuse is told at once; exits 2 then."""
    from worker.config.load import load
    from worker.config.settings import BadSettings
    from worker.wiring.setting_faults import setting_faults

    loaded = load(config=config)
    faults = setting_faults(loaded)
    if json:
        put_json({"config": str(loaded.config) if loaded.config else None, "faults": faults})
    if faults:
        raise BadSettings(faults)
    if not json:
        named = f" of {loaded.config}" if loaded.config else ""
        sys.stdout.write(f"settings{named}: nothing would be refused; nrr doctor tries them out\n")


@config.command()
def show(json: Json = False, config: Config = None) -> None:
    """Show every setting and what it is. With its value (secrets as ***) and its source."""
    from worker.config.load import load, shown

    loaded = load(config=config)
    rows = shown(loaded)
    if json:
        put_json({"config": str(loaded.config) if loaded.config else None, "settings": rows})
        return
    if loaded.config:
        sys.stderr.write(f"settings file: {loaded.config}\n")
    shown_on = console()
    if shown_on.is_terminal:
        sys.stdout.write("\n".join(settings_lines(rows, shown_on.width)) + "\n")
        return
    print_table(
        ("setting", "value", "from", "environment", "what it is"),
        [(r["name"], _value(r["value"]), r["source"], r["environment"], r["about"]) for r in rows],
    )


def _value(value: Any) -> str:
    """A setting's value as nrr.toml has it; nothing for none."""
    return "" if value is None else value if isinstance(value, str) else jsonlib.dumps(value, ensure_ascii=False)


def settings_lines(rows: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Each setting with its value, and below it what it is, in lines that break between words."""
    from textwrap import wrap

    out = []
    for row in rows:
        value = "not set" if row["value"] is None else _value(row["value"])
        source = "" if row["source"] == "default" else f"  ({row['source']})"
        about = wrap(f"{row['about']} [{row['environment']}]", width - 4, break_long_words=False, break_on_hyphens=False)
        out += [f"{row['name']} = {value}{source}", *(f"    {line}" for line in about)]
    return out
