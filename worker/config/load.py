"""Where settings come from: flags, the environment, files of secrets and nrr.toml; the only place that looks at any of them.

The first source that says something counts: flag, environment, `…_FILE`, nrr.toml, default. Everything that is wrong is told at once, by
the name under which it was set, and no value of a secret is ever repeated.
"""

import json
import os
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from integrations.bounded_reading import SECRET, read_text_bounded
from integrations.outgoing import is_loopback
from integrations.private_files import others_can_read
from worker.config.addresses import HIDDEN, host_of, is_foreign, passwords
from worker.config.addresses import shown as address_shown
from worker.config.channels import ChannelTable, Part
from worker.config.settings import ADDRESSES, SECRETS, TABLES, AccountTable, BadSettings, Settings, Unreadable
from worker.config.toml import BadToml, load_toml

CONFIG_NAME: Final = "nrr.toml"
EMPTY: Final = "it is empty"
OPTIONAL: Final = frozenset(SECRETS) - {"stripe_api_key", "database_url", "redis_url"}
"""Secrets that an installation may be without: an empty file of one is none, of the others it is a mistake."""


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


def _variables() -> dict[str, str]:
    """What the environment says of each setting, by its field.

    Read here and not by pydantic-settings, which loads clouds' and command lines' worth of other sources: a twentieth of what a command
    takes to start. As there, a name may be written in small letters, and every setting has a name that begins with NRR_; the one that is
    documented counts before these.
    """
    small = {name.lower(): value for name, value in os.environ.items()}
    out: dict[str, str] = {}
    for field in Settings.model_fields:
        documented = environment_name(field)
        value = os.environ.get(documented, small.get(documented.lower(), small.get(f"nrr_{field}")))
        if value is not None:
            out[field] = value
    return out


def _decoded(field: str, text: str) -> Any:
    """What a variable holds. Raises BadSettings for a table that isn't JSON."""
    if field not in TABLES:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadSettings(
            [f"{environment_name(field)} takes JSON, and what it holds is none; a table is easier to write in nrr.toml"]
        ) from None


def load(flags: Mapping[str, Any] | None = None, *, config: Path | None = None) -> Loaded:
    """Read every source. Raises BadSettings with all faults at once."""
    path = _config_path(config)
    try:
        table = load_toml(path) if path else {}
    except BadToml as error:
        raise BadSettings([str(error)]) from None
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    variables = _variables()
    in_environment = {name for name, text in variables.items() if text}
    files = _secret_files({*given, *in_environment})
    # What is in the environment must not be hidden by what only the file says.
    below = {name: value for name, value in table.items() if name not in in_environment and name not in files}
    said = {name: _decoded(name, text) for name, text in variables.items()}
    try:
        settings = Settings(**{**said, **below, **files, **given})
    except ValidationError as error:
        raise BadSettings(_faults(error, path, {**dict.fromkeys(table, "file"), **dict.fromkeys(in_environment, "env")})) from None
    sources = dict.fromkeys(below, path.name if path else CONFIG_NAME)
    sources |= {name: f"environment {environment_name(name)}_FILE" for name in files}
    sources |= {name: f"environment {environment_name(name)}" for name in in_environment}
    sources |= dict.fromkeys(given, "flag")
    if path is not None and (faults := _beyond_trust(settings, sources, path, table)):
        raise BadSettings(faults)
    return Loaded(settings, sources, path)


def _beyond_trust(settings: Settings, sources: Mapping[str, str], path: Path, table: Mapping[str, Any]) -> list[str]:
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
            if is_foreign(address) or (is_loopback(host_of(address)) and _has_live_key(settings))
        ]
    out += _led_astray(settings, sources, from_file, path)
    inline: list[str] = [name for name in SECRETS if _is_secret(name, table.get(name))]  # also one that something else says louder
    inline += [f"accounts.{name}.api_key" for name, each in settings.accounts.items() if each.api_key and "accounts" in from_file]
    inline += [f"channels.{name}" for name, each in settings.channels.items() if each.inline() and "channels" in from_file]
    if inline and others_can_read(path):
        out.append(f"{', '.join(inline)} (in {path}): others on this machine can read that file; run: chmod 600 {path}")
    return out


def bases(settings: Settings) -> tuple[str, ...]:
    """The addresses of Stripe's API that keys travel to."""
    own = tuple(each.api_base for each in settings.accounts.values() if each.api_base)
    return own if settings.accounts and len(own) == len(settings.accounts) else (settings.stripe_api_base, *own)


def _has_live_key(settings: Settings) -> bool:
    """Whether a key of a real business is among those in force. A sandbox on this machine, where anybody may listen, needs none of them."""
    held = [settings.stripe_api_key.get_secret_value()] if settings.stripe_api_key else []
    for name, table in settings.accounts.items():
        with suppress(BadSettings):  # a key that isn't there goes nowhere; whoever asks for it is told
            held.append(account_key(name, table))
    return any("_live_" in key for key in held)


def _is_secret(name: str, written: Any) -> bool:
    """Whether what a file says of a setting is something that somebody could log in with: of addresses, only those with a password are."""
    return isinstance(written, str) and bool(written) and (name not in ADDRESSES or bool(passwords(written)))


def _led_astray(settings: Settings, sources: Mapping[str, str], from_file: set[str], path: Path) -> list[str]:
    """Other secrets of the environment that a file would lead to a host of its choosing, by naming the host or whom to trust.

    This machine is such a host as well: anybody who has an account on it may listen at a port.
    """
    out = []
    if "ca_file" in from_file:
        out.append(
            f"ca_file (in {path.name}): whoever may write that file could vouch for any host; it counts only as NRR_CA_FILE in the environment"
        )
    if (
        settings.smtp_password is not None and "smtp_password" not in from_file and sources.get("smtp_password") != "flag"
    ):  # where from
        out += [
            f"{name} (in {path.name}): SMTP_PASSWORD of the environment would travel where that file says; set {name.upper()} in the "
            "environment, too"
            for name in ("smtp_host", "smtp_ca_file")
            if name in from_file
        ]
    if "database_url" in from_file and _environment("PGPASSWORD") is not None:
        host = host_of(settings.database)
        if host and not passwords(settings.database):
            out.append(
                f"database_url (in {path.name}): PGPASSWORD of the environment would travel to {host}; set DATABASE_URL in the environment, too"
            )
    return out


class Isolated(Settings):
    """Settings of which only what is handed in counts: for the demo, which must not touch what is set for real."""

    model_config = ConfigDict(defer_build=True)  # what every command loads and the demo alone uses


def set_in_environment(fields: Iterable[str]) -> list[str]:
    """The variables of the environment that say something of these settings, or where nrr.toml is: they count before a file that lies at hand."""
    variables = _variables()
    names = ["NRR_CONFIG"] if _environment("NRR_CONFIG") is not None else []
    for field in fields:
        name = environment_name(field)
        names += [name] if variables.get(field) else []
        names += [f"{name}_FILE"] if _environment(f"{name}_FILE") is not None else []
    return names


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
    found = _secret_of(f"accounts.{name}.api_key", table.api_key, table.api_key_file, table.api_key_env)
    assert found is not None, "one of the three is there"
    return found


def channel_secret(name: str, table: ChannelTable, part: Part) -> str | None:
    """The address, the token or the secret of a channel; None for one without. Raises BadSettings as `account_key` does."""
    inline, file, variable = (getattr(table, key) for key in (part, f"{part}_file", f"{part}_env"))
    return _secret_of(f"channels.{name}.{part}", inline, file, variable)


def _secret_of(where: str, inline: SecretStr | None, file: Path | None, variable: str | None) -> str | None:
    """A secret that stands in a table, in a file or in a variable of one's choice. Raises BadSettings."""
    if inline is not None:
        return inline.get_secret_value()
    if variable is not None:
        value = _environment(variable)
        if value is None:
            raise BadSettings([f"{where}_env: the environment has no {variable}"])
        return value
    if file is None:
        return None
    found = _read_secret(str(file.expanduser()))
    if isinstance(found, Unreadable):
        raise BadSettings([f"{where}_file: {found.path} could not be read: {found.reason}"])
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


def _secret_files(told: Container[str]) -> dict[str, Any]:
    """The secrets that files hold, but for those that are told already."""
    out: dict[str, Any] = {}
    for name in SECRETS:
        path = _environment(f"{environment_name(name)}_FILE")
        if path is not None and name not in told:
            value = _read_secret(path)
            # Compose and systemd mount what is named, whether it is used or not: an empty file says that there is none.
            if not (name in OPTIONAL and isinstance(value, Unreadable) and value.reason == EMPTY):
                out[name] = value
    return out


def _read_secret(path: str) -> str | Unreadable:
    try:
        value = read_text_bounded(Path(path), SECRET).strip()
    except (OSError, UnicodeDecodeError) as error:
        return Unreadable(path, getattr(error, "strerror", None) or type(error).__name__)
    return value or Unreadable(path, EMPTY)


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
    """Every setting with its value (secrets as ***), where it comes from and what it is, in order of the fields."""
    out = []
    for name in Settings.model_fields:
        value = getattr(loaded.settings, name)
        if name == "database_url":
            value = loaded.settings.database_shown
        elif name in ADDRESSES and isinstance(value, SecretStr):
            value = address_shown(value.get_secret_value())
        out.append(
            {
                "name": name,
                "environment": environment_name(name),
                "value": plain(value),
                "source": loaded.sources.get(name, "default"),
                "about": Settings.model_fields[name].description or "",
            }
        )
    return out


def plain(value: Any) -> Any:
    """A setting's value as it may be shown: secrets as ***, addresses without what one could log in with."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, str) and "://" in value:
        return address_shown(value)
    return value if isinstance(value, int | float | bool) or value is None else str(value)
