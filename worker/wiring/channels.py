"""From settings to what alerting works with: the channels that are set up, and what is to be watched. Nothing is sent or read here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from worker.config.channels import ChannelTable
from worker.config.load import channel_secret, current
from worker.config.settings import BadSettings, Settings
from worker.execution.masking import keep_secret
from worker.wiring.outgoing import outgoing

if TYPE_CHECKING:
    from integrations.notify.delivery import Channel
    from integrations.web import Web
    from worker.alerts.alerting import Alerting
    from worker.wiring.wiring import Wiring


def open_channels(settings: Settings, sleep: Callable[[float], None]) -> "dict[str, Channel]":
    """The channels that are set up, by name. Raises BadSettings for those that can't work, all of them at once.

    From then on their addresses, tokens and secrets show in no log line of this process.
    """
    found: dict[str, Channel] = {}
    wrong: list[str] = []
    for name, make in (*_built_in(settings, sleep), *_tables(settings, sleep)):
        try:
            found[name] = make()
        except BadSettings as error:
            wrong += error.faults
        except ValueError as error:
            wrong.append(_with_place(str(error), _SETTINGS[name]) if name in _SETTINGS else f"channels.{name}: {error}")
    if wrong:
        raise BadSettings(list(dict.fromkeys(wrong)))  # several channels of one kind share settings
    return found


_SETTINGS: Final = {
    "slack": ("SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL"),
    "email": ("SMTP_HOST", "SMTP_FROM", "ALERT_EMAIL_TO"),
    "teams": ("TEAMS_WEBHOOK_URL",),
    "webhook": ("ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_SECRET"),
}
"""What each channel with settings of its own is set up by."""


def _with_place(fault: str, settings: Sequence[str]) -> str:
    """A fault with the setting that it is of, unless it names one itself."""
    return fault if any(name in fault for name in settings) else f"{settings[0]}: {fault}"


_Made = Callable[[], "Channel"]


def _built_in(settings: Settings, sleep: Callable[[float], None]) -> "Iterator[tuple[str, _Made]]":
    """The channels that have settings of their own."""
    slack, token = _plain(settings.slack_webhook_url), _plain(settings.slack_bot_token)
    if token is not None or slack is not None:
        target = (None, token, settings.slack_channel) if token is not None else (slack, None, None)
        yield "slack", partial(_slack, settings, sleep, "slack", *target)
    if settings.smtp_host is not None and settings.alert_email_to:
        yield "email", partial(_mail, settings, sleep, "email", settings.alert_email_to)
    if settings.teams_webhook_url is not None:
        yield "teams", partial(_teams, settings, sleep, "teams", _plain(settings.teams_webhook_url))
    if settings.alert_webhook_url is not None:
        yield (
            "webhook",
            partial(
                _webhook, settings, sleep, "webhook", _plain(settings.alert_webhook_url), _plain(settings.alert_webhook_secret)
            ),
        )


def _tables(settings: Settings, sleep: Callable[[float], None]) -> "Iterator[tuple[str, _Made]]":
    """The channels of `[channels.NAME]`."""
    for name, table in settings.channels.items():
        yield name, partial(_of_table, settings, sleep, name, table)


def _of_table(settings: Settings, sleep: Callable[[float], None], name: str, table: ChannelTable) -> "Channel":
    url, token, secret = (channel_secret(name, table, part) for part in ("url", "token", "secret"))
    match table.kind:
        case "slack":
            return _slack(settings, sleep, name, url, token, table.channel)
        case "teams":
            return _teams(settings, sleep, name, url)
        case "webhook":
            return _webhook(settings, sleep, name, url, secret)
        case "email":
            return _mail(settings, sleep, name, table.to)


def _slack(
    settings: Settings, sleep: Callable[[float], None], name: str, url: str | None, token: str | None, channel: str | None
) -> "Channel":
    from integrations.notify.slack import Slack, SlackTarget

    keep_secret(token, *_of_address(url))
    return Slack(SlackTarget(webhook_url=url, bot_token=token, channel=channel), sleep, _web(settings), name)


def _teams(settings: Settings, sleep: Callable[[float], None], name: str, url: str | None) -> "Channel":
    from integrations.notify.teams import Teams, TeamsTarget

    keep_secret(*_of_address(url))
    return Teams(TeamsTarget(url or ""), sleep, _web(settings), name)


def _webhook(settings: Settings, sleep: Callable[[float], None], name: str, url: str | None, secret: str | None) -> "Channel":
    from integrations.notify.webhook import Webhook, WebhookTarget, secret_fault

    keep_secret(secret, *_of_address(url))
    if name == "webhook" and (fault := secret_fault(secret or "")):
        raise BadSettings([f"ALERT_WEBHOOK_SECRET: {fault}"])
    return Webhook(WebhookTarget(url or "", secret or ""), sleep, _web(settings), name)


def _mail(settings: Settings, sleep: Callable[[float], None], name: str, recipients: Sequence[str]) -> "Channel":
    from integrations.notify.email_message import address
    from integrations.notify.mail import Mail, MailTarget, host_fault

    assert settings.smtp_host is not None, "checked with the settings"
    whose = "ALERT_EMAIL_TO" if name == "email" else f"channels.{name}.to"
    addresses = [(whose, each) for each in recipients] + ([("SMTP_FROM", settings.smtp_from)] if settings.smtp_from else [])
    faults = [f"SMTP_HOST: {fault}"] if (fault := host_fault(settings.smtp_host)) else []
    faults += [f"{setting}: {fault}" for setting, text in addresses if (fault := _refused(partial(address, text)))]
    if faults:
        raise BadSettings(faults)
    target = MailTarget(
        host=settings.smtp_host,
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        sender=settings.smtp_from or (settings.alert_email_to or tuple(recipients))[0],
        recipients=tuple(recipients),
        username=settings.smtp_username,
        password=_plain(settings.smtp_password),
        ca_file=None if settings.smtp_ca_file is None else str(settings.smtp_ca_file),
        allow_plain=settings.allow_plain_mail,
    )
    return Mail(target, sleep, outgoing=outgoing(settings), name=name)


def _refused(make: Callable[[], object]) -> str | None:
    """Why it can't be made; None where it can."""
    try:
        make()
    except ValueError as error:
        return str(error)
    return None


def _web(settings: Settings) -> "Web":
    from integrations.web import Web

    return Web(outgoing(settings))


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


_LONG: Final = 16
"""A path or a parameter of fewer characters is no secret, and masking it would mask words."""


def _of_address(address: str | None) -> tuple[str, ...]:
    """An address with the parts of it that may be the secret."""
    if address is None:
        return ()
    try:
        parts = urlsplit(address)
    except ValueError:
        return (address,)
    return (address, *(part for part in (parts.path, parts.query) if len(part) >= _LONG))


def open_alerting(
    wiring: "Wiring", settings: Settings, *, config: Path | None = None, dimensions: Sequence[str] | None = None
) -> "Alerting":
    """What alerting needs, for this process. Raises BadRules and BadSettings."""
    from worker.alerts.alerting import Alerting
    from worker.config.alert_rules import load_watch
    from worker.wiring.reporting_currency import reporting_currency

    watch = load_watch(
        settings.alerts,
        config,
        dimensions=settings.dimensions if dimensions is None else dimensions,
        channels=tuple(settings.channels),
    )
    if settings.store_names and "names" not in settings.alerts:
        watch = replace(watch, names=True)
    pretended = wiring.pretended
    clock = wiring.clock if pretended is None else (lambda: pretended)
    channels = open_channels(current(settings), wiring.stop.sleep)
    return Alerting(wiring.engine, wiring.basis, watch, clock, channels, reporting_currency(wiring), settings.report)
