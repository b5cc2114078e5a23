"""What a person sets: from flags, the environment, files of secrets, and nrr.toml; the only place that looks at any of them.

The first source that says something counts: flag, environment, `…_FILE`, nrr.toml, default. Everything that is wrong is told at once, by
the name under which it was set, and no value of a secret is ever repeated. What is merely missing (a key, say) is told by the command
that needs it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from integrations.private_files import others_can_read
from integrations.store.db.engine import BadDatabaseUrl, open_engine
from integrations.stripe.errors import BadAddress
from integrations.stripe.transport import checked_base
from metrics.ledger.derive import Basis, InternalRule
from metrics.money import THREE_DECIMAL, ZERO_DECIMAL
from metrics.policy import PRESETS, Policy, UnknownChoice, preset
from worker.config.addresses import HIDDEN, host_of, is_foreign, passwords
from worker.config.addresses import shown as address_shown
from worker.config.celery_config import InsecureRedis, celery_settings
from worker.config.toml import BadToml, load_toml

CONFIG_NAME: Final = "nrr.toml"
STRIPE: Final = "https://api.stripe.com"


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
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]


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


class Settings(BaseSettings):
    """Everything that can be set, checked. Secrets don't show when it is printed."""

    model_config = SettingsConfigDict(
        env_prefix="NRR_", extra="forbid", populate_by_name=True, frozen=True, hide_input_in_errors=True
    )

    # Stripe
    stripe_api_key: Secret = Field(None, validation_alias="stripe_api_key", description="the key of the one Stripe account")
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
    redis_url: Secret = Field(None, validation_alias="redis_url", description="where Celery's messages travel")
    # reporting
    reporting_currency: str | None = Field(
        None, validation_alias="reporting_currency", description="the currency of the whole book"
    )
    reporting_timezone: str = Field(
        "UTC", validation_alias="reporting_timezone", description="the time zone that cuts days and months"
    )
    policy: Annotated[Mapping[str, Any], NoDecode] = Field(
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
    rates: str = Field("ecb", description="exchange rates: ecb (bundled), or a CSV file with day, unit, currency, rate")
    freeze_closed_months: bool = Field(False, description="keep closed months as they were and book later news as an adjustment")
    # privacy
    store_names: bool = Field(False, description="keep customers' names and e-mail addresses, for readable alerts")
    keep_payloads: bool = Field(True, description="keep what Stripe sent of subscriptions and events, compressed")
    # work
    tick_seconds: int = Field(30, ge=1, le=3600, description="how often beat nudges the workers")
    sync_minutes: int = Field(5, ge=1, le=1440, description="how often Stripe is asked for news")
    shards: int = Field(16, ge=1, le=256, description="readers of one list at most, and parts of a derivation")
    threads: int = Field(32, ge=1, le=256, description="threads of one process")
    lease_seconds: float = Field(180.0, ge=1, le=3600, description="how long a job is held without a sign of life")
    attempts: int = Field(5, ge=1, le=100, description="claims without progress before a job is put aside")
    lag_seconds: int = Field(
        60, ge=0, le=3600, description="how far behind the present events are read: they settle only after some seconds"
    )
    overlap_seconds: int = Field(600, ge=0, le=86_400, description="how far back events are looked at again")
    redis_prefix: str = Field("nrr", pattern=r"^[A-Za-z0-9_-]+$", description="prefix of every key in Redis")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="how log lines look")
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="the least that is logged")
    # alerts
    slack_webhook_url: Secret = Field(None, validation_alias="slack_webhook_url", description="where Slack takes messages")
    slack_bot_token: Secret = Field(
        None, validation_alias="slack_bot_token", description="instead of the webhook: sends charts too"
    )
    slack_channel: str | None = Field(None, validation_alias="slack_channel", description="the channel for the bot")
    smtp_host: str | None = Field(None, validation_alias="smtp_host", description="the mail server")
    smtp_port: int = Field(587, ge=1, le=65535, validation_alias="smtp_port", description="its port")
    smtp_username: str | None = Field(None, validation_alias="smtp_username", description="who logs in there")
    smtp_password: Secret = Field(None, validation_alias="smtp_password", description="with which password")
    smtp_from: str | None = Field(None, validation_alias="smtp_from", description="the sender's address")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", validation_alias="smtp_tls", description="how the line is secured"
    )
    smtp_ca_file: Path | None = Field(
        None, validation_alias="smtp_ca_file", description="certificates to trust besides the system's"
    )
    alert_email_to: Words = Field((), validation_alias="alert_email_to", description="who gets the mails")
    alerts: Mapping[str, Any] = Field(default_factory=dict, description="[alerts] and [[alerts.rules]]: what is watched")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment; the rest comes in with the flags (see `load_settings`)."""
        return (init_settings, env_settings) if settings_cls is Settings else (init_settings,)

    # --- what can be wrong --------------------------------------------------------------------------------------------------

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            try:
                open_engine(value.get_secret_value()).dispose()
            except BadDatabaseUrl as error:
                raise ValueError(str(error)) from None
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

    @field_validator("reporting_currency")
    @classmethod
    def _currency(cls, value: str | None) -> str | None:
        if value is None or value == "":
            return None
        code = value.lower()
        if code not in _currencies():
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

    @field_validator("rates")
    @classmethod
    def _rates(cls, value: str) -> str:
        if value != "ecb" and not Path(value).expanduser().is_file():
            raise ValueError(f"takes ecb or an existing CSV file; there is no file {value}")
        return value

    @model_validator(mode="after")
    def _together(self) -> Self:
        for address in (self.stripe_api_base, *(each.api_base for each in self.accounts.values() if each.api_base)):
            try:
                checked_base(address, allow_plain_http=self.allow_plain_http)
            except BadAddress as error:
                raise ValueError(str(error)) from None
        if self.accounts and self.stripe_api_key is not None:
            raise ValueError("STRIPE_API_KEY and [accounts.…] can't both be set: which account would the key be of?")
        if self.slack_bot_token is not None and not self.slack_channel:
            raise ValueError("SLACK_BOT_TOKEN needs SLACK_CHANNEL: where should the bot speak?")
        if self.alert_email_to and not self.smtp_host:
            raise ValueError("ALERT_EMAIL_TO needs SMTP_HOST: no server is set that could send mail")
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
    except json.JSONDecodeError:
        raise ValueError("takes the name of a preset, or choices as JSON") from None


def _policy_of(table: Mapping[str, Any]) -> Policy:
    choices = dict(table)
    name = choices.pop("preset", "default")
    if not isinstance(name, str) or name not in PRESETS:
        raise UnknownChoice(f"no policy is called {name!r}; there are {', '.join(PRESETS)}")
    return preset(name, **choices)


def _currencies() -> frozenset[str]:
    from babel import Locale

    return frozenset(str(code).lower() for code in Locale("en").currencies) | ZERO_DECIMAL | THREE_DECIMAL


# --- gathering -----------------------------------------------------------------------------------------------------------------

SECRETS: Final = (
    "stripe_api_key",
    "database_url",
    "redis_url",
    "slack_webhook_url",
    "slack_bot_token",
    "smtp_password",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each that isn't a default comes from, and the file that was read (if there was one)."""

    settings: Settings
    sources: Mapping[str, str]
    config: Path | None


def environment_name(field: str) -> str:
    """The environment variable of a setting."""
    info = Settings.model_fields[field]
    return field.upper() if info.validation_alias else f"NRR_{field.upper()}"


def load(flags: Mapping[str, Any] | None = None, *, config: Path | None = None) -> Loaded:
    """Read every source. Raises BadSettings with all faults at once."""
    path = _config_path(config)
    try:
        table = load_toml(path) if path else {}
    except BadToml as error:
        raise BadSettings([str(error)]) from None
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    files = _secret_files(given)
    in_environment = {name for name in Settings.model_fields if _environment(environment_name(name)) is not None}
    # What is in the environment must not be hidden by what only the file says.
    below = {name: value for name, value in table.items() if name not in in_environment and name not in files}
    try:
        settings = Settings(**{**below, **files, **given})
    except ValidationError as error:
        raise BadSettings(_faults(error, path, {**dict.fromkeys(table, "file"), **dict.fromkeys(in_environment, "env")})) from None
    sources = dict.fromkeys(below, path.name if path else CONFIG_NAME)
    sources |= {name: f"environment {environment_name(name)}_FILE" for name in files}
    sources |= {name: f"environment {environment_name(name)}" for name in in_environment}
    sources |= dict.fromkeys(given, "flag")
    if path is not None and (faults := _beyond_trust(settings, sources, path)):
        raise BadSettings(faults)
    return Loaded(settings, sources, path)


def _beyond_trust(settings: Settings, sources: Mapping[str, str], path: Path) -> list[str]:
    """What a file must not decide: where the key travels to, and who else may read a key that stands in it."""
    out = []
    from_file = {name for name, source in sources.items() if source == path.name}
    if "allow_foreign_base" in from_file:
        out.append(f"allow_foreign_base (in {path.name}): counts only as NRR_ALLOW_FOREIGN_BASE in the environment")
    elif not settings.allow_foreign_base:
        named = {"stripe_api_base": settings.stripe_api_base} if "stripe_api_base" in from_file else {}
        if "accounts" in from_file:
            named |= {f"accounts.{name}.api_base": each.api_base for name, each in settings.accounts.items() if each.api_base}
        out += [
            f"{name} (in {path.name}): the key would travel to {host_of(address) or 'an unknown host'}, which isn't Stripe's; if that is "
            "meant, set NRR_ALLOW_FOREIGN_BASE=true in the environment"
            for name, address in named.items()
            if is_foreign(address)
        ]
    inline: list[str] = [name for name in SECRETS if name in from_file and getattr(settings, name) is not None]
    inline += [f"accounts.{name}.api_key" for name, each in settings.accounts.items() if each.api_key and "accounts" in from_file]
    if inline and others_can_read(path):
        out.append(f"{', '.join(inline)} (in {path}): others on this machine can read that file; run: chmod 600 {path}")
    return out


class Isolated(Settings):
    """Settings of which only what is handed in counts: for the demo, which must not touch what is set for real."""


def isolated(values: Mapping[str, Any]) -> Loaded:
    """Settings from `values` alone. Raises BadSettings."""
    try:
        return Loaded(Isolated(**values), dict.fromkeys(values, "demo"), None)
    except ValidationError as error:
        raise BadSettings(_faults(error, None, {})) from None


def load_settings(flags: Mapping[str, Any] | None = None, *, config: Path | None = None) -> Settings:
    """The settings alone. Raises BadSettings with all faults at once."""
    return load(flags, config=config).settings


def current(settings: Settings) -> Settings:
    """The same settings with every secret as its file says now: a key that was changed under a running process is in force without a restart.

    A file that can't be read, as in the moment in which it is written, leaves what was held; what the environment says never changes.
    """
    if isinstance(settings, Isolated):
        return settings
    fresh: dict[str, Any] = {}
    for name, value in _secret_files({}).items():
        held = getattr(settings, name)
        if isinstance(value, str) and (held is None or held.get_secret_value() != value):
            fresh[name] = SecretStr(value)
    return settings.model_copy(update=fresh) if fresh else settings


def account_key(name: str, table: AccountTable) -> str:
    """The key of one of several accounts. Raises BadSettings when its file or its variable isn't there."""
    if table.api_key is not None:
        return table.api_key.get_secret_value()
    if table.api_key_env is not None:
        value = _environment(table.api_key_env)
        if value is None:
            raise BadSettings([f"accounts.{name}.api_key_env: the environment has no {table.api_key_env}"])
        return value
    assert table.api_key_file is not None, "one of the three is there"
    found = _read_secret(str(table.api_key_file.expanduser()))
    if isinstance(found, Unreadable):
        raise BadSettings([f"accounts.{name}.api_key_file: {found.path} could not be read: {found.reason}"])
    return found


def _config_path(config: Path | None) -> Path | None:
    if config is None:
        named = _environment("NRR_CONFIG")
        config = Path(named).expanduser() if named else None
    if config is not None:
        if not config.is_file():
            raise BadSettings([f"there is no file {config}, which --config or NRR_CONFIG names"])
        return config
    candidates = (Path(CONFIG_NAME), user_config_path("nrr", appauthor=False) / CONFIG_NAME)
    return next((path for path in candidates if path.is_file()), None)


def _secret_files(given: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in SECRETS:
        path = _environment(f"{environment_name(name)}_FILE")
        if path is not None and name not in given and _environment(environment_name(name)) is None:
            out[name] = _read_secret(path)
    return out


def _read_secret(path: str) -> str | Unreadable:
    try:
        value = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        return Unreadable(path, getattr(error, "strerror", None) or type(error).__name__)
    return value or Unreadable(path, "it is empty")


def _environment(name: str) -> str | None:
    """A variable that is set to something: an empty one is how compose files say that there is none."""
    return os.environ.get(name) or None


def _faults(error: ValidationError, path: Path | None, where: Mapping[str, str]) -> list[str]:
    out = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in each["loc"])
        field = str(each["loc"][0]) if each["loc"] else ""
        said = each["msg"].removeprefix("Value error, ")
        if each["type"] == "extra_forbidden":
            out.append(f"{place} (in {path.name if path else 'the flags'}): there is no such setting{_meant(field)}")
        elif not field:
            out.append(said)
        elif where.get(field) == "env":
            out.append(f"{environment_name(field)} (from the environment): {said}")
        elif where.get(field) == "file":
            out.append(f"{place} (in {path.name if path else CONFIG_NAME}): {said}")
        else:
            out.append(f"{environment_name(field)}: {said}")
    return out


def _meant(field: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(field, [*Settings.model_fields], n=1)
    return f"; did you mean {close[0]}?" if close else ""


# --- showing -------------------------------------------------------------------------------------------------------------------


def shown(loaded: Loaded) -> list[dict[str, Any]]:
    """Every setting with its value (secrets as ***) and where it comes from, in order of the fields."""
    out = []
    for name in Settings.model_fields:
        value = getattr(loaded.settings, name)
        if name == "database_url":
            value = loaded.settings.database_shown
        out.append(
            {
                "name": name,
                "environment": environment_name(name),
                "value": _plain(value),
                "source": loaded.sources.get(name, "default"),
            }
        )
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, str) and "://" in value:
        return address_shown(value)
    return value if isinstance(value, int | float | bool) or value is None else str(value)
