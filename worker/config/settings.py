"""What can be set, and what is wrong with a value. Where values come from is `worker.config.load`.

Whatever is wrong names the setting; a secret's value is never repeated. What is merely missing (a key, say) is told by the command that
needs it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from platformdirs import user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator

from integrations.outgoing import is_loopback
from integrations.stripe.credentials import checked_base
from integrations.stripe.errors import BadAddress
from metrics.ledger.basis import Basis, InternalRule
from metrics.policy import PRESETS, Policy, UnknownChoice, preset
from worker.config.addresses import certificates_fault, database_fault, host_of, passwords, proxy_fault
from worker.config.addresses import shown as address_shown
from worker.config.celery_config import InsecureRedis, celery_settings
from worker.config.channels import BUILT_IN, NAMES, ChannelTable
from worker.config.currencies import is_currency
from worker.config.reports import ReportTable

STRIPE: Final = "https://api.stripe.com"
SECRETS: Final = (
    "stripe_api_key",
    "database_url",
    "redis_url",
    "slack_webhook_url",
    "slack_bot_token",
    "teams_webhook_url",
    "alert_webhook_url",
    "alert_webhook_secret",
    "smtp_password",
    "serve_token",
    "proxy",
)
ADDRESSES: Final = ("database_url", "redis_url", "proxy")
"""Secrets that are addresses: shown without what could log in, and secret only where there is such a thing in them."""
TABLES: Final = ("accounts", "internal", "channels", "alerts", "report")
"""Settings that are tables, or lists of them: the environment has them as JSON."""


class BadSettings(ValueError):
    """Settings that can't be used; `faults` names each with where it was set and what it takes."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("these settings can't be used; nothing was done:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file of a secret that could not be read, in the place of its value."""

    path: str
    reason: str


def _secret(value: Any) -> Any:
    if isinstance(value, Unreadable):
        raise ValueError(f"the file {value.path} could not be read: {value.reason}")  # noqa: TRY004  # pydantic reports ValueErrors
    return value


def _words(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Secret = Annotated[SecretStr | None, BeforeValidator(_secret)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class AccountTable(BaseModel):
    """`[accounts.NAME]`: one Stripe account of several. Its key comes from a file or from an environment variable of your choice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    api_key_env: str | None = None
    stripe_id: str | None = None
    api_base: str | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        given = [name for name in ("api_key", "api_key_file", "api_key_env") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("takes exactly one of api_key_file, api_key_env and api_key")
        return self


class InternalTable(BaseModel):
    """`[[internal]]`: customers with this metadata are the company's own, and left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    values: tuple[str, ...] = ()


class Settings(BaseModel):
    """Everything that can be set, checked. Secrets don't show when it is printed."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, frozen=True, hide_input_in_errors=True, validate_default=True)

    # Stripe
    stripe_api_key: Secret = Field(None, validation_alias="stripe_api_key", description="API key of the one Stripe account")
    stripe_api_base: str = Field(STRIPE, validation_alias="stripe_api_base", description="where Stripe's API is")
    allow_foreign_base: bool = Field(
        False, description="let nrr.toml name an address of Stripe's API that isn't Stripe's: only outside of any file"
    )
    allow_plain_http: bool = Field(False, description="let the key travel unencrypted to an address that isn't this machine")
    accounts: Mapping[str, AccountTable] = Field(
        default_factory=dict, description="several Stripe accounts, as tables [accounts.NAME]"
    )
    requests_per_second: float | None = Field(
        None, gt=0, description="the most requests a second to one account; default: Stripe's limits"
    )
    # places
    database_url: Secret = Field(None, validation_alias="database_url", description="sqlite:///FILE or postgresql://…")
    redis_url: Secret = Field(None, validation_alias="redis_url", description="Redis for Celery's messages")
    # the way out
    proxy: Secret = Field(
        None, description="http://HOST:PORT that everything outside is reached by: Stripe, Slack, mail, webhooks, exchange rates"
    )
    ca_file: Path | None = Field(
        None, description="certificates to trust besides the system's, wherever one is checked; only outside of any file"
    )
    # reporting
    reporting_currency: str | None = Field(
        None, validation_alias="reporting_currency", description="the currency of the whole book"
    )
    reporting_timezone: str = Field(
        "UTC", validation_alias="reporting_timezone", description="the time zone that cuts days and months"
    )
    policy: Mapping[str, Any] = Field(
        default_factory=lambda: {"preset": "default"}, description="[policy]: a preset and single choices"
    )
    kept_policies: Words = Field((), description="further presets whose figures are kept up to date, not only made when asked for")
    dimensions: Words = Field(
        ("plan", "interval", "currency", "country"), description="segments that the nightly figures are made for"
    )
    snapshot_months: int = Field(
        13,
        ge=1,
        le=1200,
        description="months back whose closings are kept per customer as rows; any day can be read off the ledger",
    )
    merge_key: str | None = Field(None, description="metadata key by which several Stripe customers are one")
    migration_key: str = Field("migrated_from", description="metadata key by which a subscription names the one that it continues")
    internal: tuple[InternalTable, ...] = Field((), description="[[internal]]: customers that are left out")
    rates: str = Field(
        "ecb", description="exchange rates: ecb (fetched at night, else bundled), or a CSV file with day, unit, currency, rate"
    )
    rates_url: str = Field(
        "https://www.ecb.europa.eu/stats/eurofxref/eurofxref-hist.zip",
        description="where the nightly run fetches the European Central Bank's rates; off: nowhere, the bundled ones count",
    )
    freeze_closed_months: bool = Field(False, description="keep closed months as they were and book later news as an adjustment")
    # privacy
    serve_token: Secret = Field(None, description="what nrr serve asks for, before anything is shown")
    store_names: bool = Field(False, description="keep customers' names and e-mail addresses, for readable alerts")
    keep_payloads: bool = Field(True, description="keep what Stripe sent of subscriptions and events, compressed")
    keep_payload_days: int | None = Field(None, ge=1, description="for how many days it is kept; default: for ever")
    keep_name_days: int | None = Field(
        None, ge=1, description="for how many days a name is kept that Stripe doesn't show again; default: for ever"
    )
    keep_message_days: int | None = Field(
        None, ge=1, description="for how many days the text of messages is kept that were sent; default: for ever"
    )
    forget_deleted: bool = Field(False, description="forget a customer that was deleted in Stripe, its metadata too")
    # work
    tick_seconds: int = Field(30, ge=1, le=3600, description="how often beat nudges the workers")
    sync_minutes: int = Field(5, ge=1, le=1440, description="how often Stripe is polled for news")
    shards: int = Field(24, ge=1, le=256, description="readers of one list at most")
    threads: int = Field(32, ge=1, le=256, description="threads of one process")
    processes: int = Field(0, ge=0, le=64, description="processes that work for one command; 0: one a core, 8 at most")
    lease_seconds: float = Field(180.0, ge=1, le=3600, description="how long a job's lease lasts without a heartbeat")
    attempts: int = Field(5, ge=1, le=100, description="claims without progress before a job is parked")
    lag_seconds: int = Field(
        60, ge=0, le=3600, description="how far behind the present events are read: they settle only after some seconds"
    )
    overlap_seconds: int = Field(600, ge=0, le=86_400, description="how far back events are looked at again")
    redis_prefix: str = Field("nrr", pattern=r"^[A-Za-z0-9_-]+$", description="prefix of every key in Redis")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="how log lines look")
    log_level: Literal["auto", "debug", "info", "warning", "error"] = Field(
        "auto", description="the lowest level that is logged; auto: info in workers and beat, warning in commands"
    )
    # alerts
    slack_webhook_url: Secret = Field(None, validation_alias="slack_webhook_url", description="Slack's incoming webhook")
    slack_bot_token: Secret = Field(
        None, validation_alias="slack_bot_token", description="instead of the webhook: sends charts too"
    )
    slack_channel: str | None = Field(None, validation_alias="slack_channel", description="the channel for the bot")
    teams_webhook_url: Secret = Field(
        None, validation_alias="teams_webhook_url", description="address of a workflow of Microsoft Teams that posts cards"
    )
    alert_webhook_url: Secret = Field(
        None, validation_alias="alert_webhook_url", description="a program of your own that takes alerts as JSON"
    )
    alert_webhook_secret: Secret = Field(None, validation_alias="alert_webhook_secret", description="what they are signed with")
    smtp_host: str | None = Field(None, validation_alias="smtp_host", description="the mail server")
    smtp_port: int = Field(587, ge=1, le=65535, validation_alias="smtp_port", description="its port")
    smtp_username: str | None = Field(None, validation_alias="smtp_username", description="user name for it")
    smtp_password: Secret = Field(None, validation_alias="smtp_password", description="password for it")
    smtp_from: str | None = Field(None, validation_alias="smtp_from", description="the sender's address")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", validation_alias="smtp_tls", description="how the connection is secured"
    )
    smtp_ca_file: Path | None = Field(
        None, validation_alias="smtp_ca_file", description="certificates to trust besides the system's, for mail alone"
    )
    allow_plain_mail: bool = Field(False, description="let mails travel unencrypted to a server that isn't this machine")
    alert_email_to: Words = Field((), validation_alias="alert_email_to", description="recipients of the mails")
    channels: Mapping[str, ChannelTable] = Field(
        default_factory=dict, description="further channels, as tables [channels.NAME]: other recipients, other webhooks"
    )
    alerts: Mapping[str, Any] = Field(default_factory=dict, description="[alerts] and [[alerts.rules]]: the rules")
    report: ReportTable | None = Field(None, description="[report]: where reports are put on schedule, and when")

    # --- what can be wrong --------------------------------------------------------------------------------------------------

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (fault := database_fault(value.get_secret_value())):
            raise ValueError(fault)
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            address = value.get_secret_value()
            if not address.startswith(("redis://", "rediss://", "unix://")):
                raise ValueError("must look like redis://HOST:PORT/0, rediss://… or unix://…")
            try:
                celery_settings(address, prefix="nrr", tick_seconds=30)
            except InsecureRedis as error:
                raise ValueError(str(error)) from None
        return value

    @field_validator("proxy")
    @classmethod
    def _proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (fault := proxy_fault(value.get_secret_value())):
            raise ValueError(fault)
        return value

    @field_validator("ca_file", "smtp_ca_file")
    @classmethod
    def _certificates(cls, value: Path | None) -> Path | None:
        if value is not None and (fault := certificates_fault(value.expanduser())):
            raise ValueError(fault)
        return None if value is None else value.expanduser()

    @field_validator("reporting_currency")
    @classmethod
    def _currency(cls, value: str | None) -> str | None:
        if value is None or value == "":
            return None
        code = value.lower()
        if not is_currency(code):
            raise ValueError(f"{value!r} is no currency's code; it takes one such as usd")
        return code

    @field_validator("reporting_timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; it takes one such as UTC or Europe/Berlin") from None
        return value

    @field_validator("policy", mode="before")
    @classmethod
    def _policy(cls, value: Any) -> Any:
        table = _table(value) if isinstance(value, str) else value
        if not isinstance(table, Mapping):
            raise ValueError("takes the name of a preset or a table of choices")  # noqa: TRY004  # pydantic reports ValueErrors
        try:
            _policy_of(table)
        except UnknownChoice as error:
            raise ValueError(str(error)) from None
        return dict(table)

    @field_validator("kept_policies")
    @classmethod
    def _kept(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in PRESETS]
        if unknown:
            raise ValueError(f"no policy is called {', '.join(unknown)}; there are {', '.join(PRESETS)}")
        return value

    @field_validator("rates_url")
    @classmethod
    def _rates_url(cls, value: str) -> str:
        host = host_of(value)
        encrypted = value.startswith("https://") and host != ""
        if value != "off" and not encrypted and not (value.startswith("http://") and is_loopback(host)):
            raise ValueError(f"takes an address that begins with https://, or off, not {value!r}")
        return value

    @field_validator("rates")
    @classmethod
    def _rates(cls, value: str) -> str:
        if value != "ecb" and not Path(value).expanduser().is_file():
            raise ValueError(f"takes ecb or an existing CSV file; there is no file {value}")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        addresses = {"STRIPE_API_BASE": self.stripe_api_base}
        addresses |= {f"accounts.{name}.api_base": each.api_base for name, each in self.accounts.items() if each.api_base}
        for setting, address in addresses.items():
            try:
                checked_base(address, allow_plain_http=self.allow_plain_http)
            except BadAddress as error:
                raise ValueError(str(error).replace("STRIPE_API_BASE", setting)) from None
        if self.accounts and self.stripe_api_key is not None:
            raise ValueError("STRIPE_API_KEY and [accounts.…] can't both be set: which account would the key be of?")
        if self.slack_bot_token is not None and not self.slack_channel:
            raise ValueError("SLACK_BOT_TOKEN needs SLACK_CHANNEL: which channel should the bot post to?")
        if self.alert_email_to and not self.smtp_host:
            raise ValueError("ALERT_EMAIL_TO needs SMTP_HOST: no server is set that could send mail")
        if (self.alert_webhook_url is None) != (self.alert_webhook_secret is None):
            raise ValueError("ALERT_WEBHOOK_URL and ALERT_WEBHOOK_SECRET go together: what is posted is signed with the secret")
        for name, table in self.channels.items():
            if name in BUILT_IN or not NAMES.fullmatch(name):
                raise ValueError(
                    f"channels.{name}: a channel's name is made of letters, digits, dots, dashes and underscores, and none of {', '.join(BUILT_IN)}"
                )
            if table.kind == "email" and not self.smtp_host:
                raise ValueError(f"channels.{name} needs SMTP_HOST: no server is set that could send mail")
            for part in ("url_env", "token_env", "secret_env"):
                variable = getattr(table, part)
                if variable is not None and variable.upper().removeprefix("NRR_").removesuffix("_FILE").lower() in SECRETS:
                    raise ValueError(
                        f"channels.{name}.{part}: {variable} is another setting's secret, and goes nowhere else; take a variable of its own"
                    )
        return self

    # --- what follows from it -----------------------------------------------------------------------------------------------

    @property
    def database(self) -> str:
        """The database's address: the one that is set, or a SQLite file in the user's data directory."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{user_data_path('nrr', appauthor=False) / 'nrr.sqlite3'}"

    @property
    def database_shown(self) -> str:
        """The same without its password."""
        return address_shown(self.database)

    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set, passwords inside addresses too: what must show nowhere."""
        held = [getattr(self, name) for name in SECRETS] + [each.api_key for each in self.accounts.values()]
        held += [each for table in self.channels.values() for each in table.inline()]
        values = [each.get_secret_value() for each in held if isinstance(each, SecretStr)]
        return tuple(dict.fromkeys([*values, *(part for value in values for part in passwords(value))]))

    def chosen_policy(self) -> Policy:
        """The policy that figures are made under."""
        return _policy_of(self.policy)

    def basis(self, policy: str | None = None) -> Basis:
        """What figures rest on; `policy` names another preset than the one that is set. Raises UnknownChoice."""
        return Basis(
            policy=self.chosen_policy() if policy is None else preset(policy),
            timezone=self.reporting_timezone,
            merge_key=self.merge_key,
            internal=tuple(InternalRule(each.key, each.values) for each in self.internal),
            migration_key=self.migration_key,
        )


def _table(text: str) -> Any:
    """A policy as one word of the environment: the name of a preset, or JSON of choices."""
    if not text.lstrip().startswith("{"):
        return {"preset": text}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("takes the name of a preset, or choices as JSON") from None


def _policy_of(table: Mapping[str, Any]) -> Policy:
    choices = dict(table)
    name = choices.pop("preset", "default")
    if not isinstance(name, str) or name not in PRESETS:
        raise UnknownChoice(f"no policy is called {name!r}; there are {', '.join(PRESETS)}")
    return preset(name, **choices)
