"""From settings to what alerting works with: the channels that are set up, and what is to be watched. Nothing is sent or read here."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from worker.config.load import current
from worker.config.settings import BadSettings, Settings
from worker.wiring.outgoing import outgoing

if TYPE_CHECKING:
    from integrations.notify.delivery import Channel
    from worker.alerts.alerting import Alerting
    from worker.wiring.wiring import Wiring


def open_channels(settings: Settings, sleep: Callable[[float], None]) -> "dict[str, Channel]":
    """The channels that are set up, by name. Raises BadSettings for one that can't work."""
    found: dict[str, Channel] = {}
    try:
        if settings.slack_bot_token is not None or settings.slack_webhook_url is not None:
            found["slack"] = _slack(settings, sleep)
        if settings.smtp_host is not None and settings.alert_email_to:
            from integrations.notify.mail import Mail, MailTarget

            mail = MailTarget(
                host=settings.smtp_host,
                port=settings.smtp_port,
                tls=settings.smtp_tls,
                sender=settings.smtp_from or settings.alert_email_to[0],
                recipients=settings.alert_email_to,
                username=settings.smtp_username,
                password=None if settings.smtp_password is None else settings.smtp_password.get_secret_value(),
                ca_file=None if settings.smtp_ca_file is None else str(settings.smtp_ca_file),
                allow_plain=settings.allow_plain_mail,
            )
            found["email"] = Mail(mail, sleep, outgoing=outgoing(settings))
    except ValueError as error:
        raise BadSettings([str(error)]) from None
    return found


def _slack(settings: Settings, sleep: Callable[[float], None]) -> "Channel":
    from integrations.notify.slack import Slack, SlackTarget

    if settings.slack_bot_token is not None:
        return Slack(SlackTarget(bot_token=settings.slack_bot_token.get_secret_value(), channel=settings.slack_channel), sleep)
    assert settings.slack_webhook_url is not None, "one of the two is there"
    return Slack(SlackTarget(webhook_url=settings.slack_webhook_url.get_secret_value()), sleep)


def open_alerting(
    wiring: "Wiring", settings: Settings, *, config: Path | None = None, dimensions: Sequence[str] | None = None
) -> "Alerting":
    """What alerting needs, for this process. Raises BadRules and BadSettings."""
    from worker.alerts.alerting import Alerting
    from worker.config.alert_rules import load_watch
    from worker.wiring.reporting_currency import reporting_currency

    watch = load_watch(settings.alerts, config, dimensions=settings.dimensions if dimensions is None else dimensions)
    if settings.store_names and "names" not in settings.alerts:
        watch = replace(watch, names=True)
    pretended = wiring.pretended
    clock = wiring.clock if pretended is None else (lambda: pretended)
    channels = open_channels(current(settings), wiring.stop.sleep)
    return Alerting(wiring.engine, wiring.basis, watch, clock, channels, reporting_currency(wiring), settings.report)
