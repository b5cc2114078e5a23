"""What is personal: taken away from one customer everywhere, and from everybody when it is to be kept no longer.

Both work in a transaction of somebody who makes sure that no figures are being made: what those hold in memory would be written after it.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from integrations.store.alerts import outbox
from integrations.store.facts.customers import erase, retention
from integrations.store.facts.customers.erase import Forgotten
from integrations.store.figures import reports
from integrations.store.work import audit_log
from integrations.stripe.decode.sent import unpacked
from metrics.instants import Instant
from worker.config.settings import Settings
from worker.execution.log import logger
from worker.execution.operator import system_user
from worker.report.workbook_archive import mentions

log = logger(__name__)


def as_stripe_sent(body: bytes) -> bytes:
    """What Stripe sent, out of what was kept of it. Raises ValueError."""
    return unpacked(body)


def forget_in(connection: Connection, account: int, customer: str, *, metadata: bool, why: str = "asked for") -> Forgotten:
    """Remove what is personal of a Stripe customer from facts, figures, messages, records and reports, and note who did it; see `erase.forget`."""
    gone = erase.forget(connection, account, customer, metadata=metadata)
    if gone.texts:
        with_them = [number for number, body in reports.bodies(connection) if mentions(body, gone.texts)]
        reports.drop_bodies(connection, with_them)
    audit_log.write(connection, system_user(), "forget", customer, account=account, metadata=metadata, why=why)
    return gone


def keep_to(connection: Connection, settings: Settings, at: datetime) -> None:
    """Remove names, payloads and messages that the settings don't keep (any more), and forget whoever was deleted in Stripe, if so set."""

    def ago(days: int) -> datetime:
        return at - timedelta(days=days)

    gone = {"names": 0, "payloads": 0, "messages": 0, "forgotten": 0}
    if not settings.store_names:
        gone["names"] = retention.drop_names(connection, None)
    elif settings.keep_name_days is not None:
        gone["names"] = retention.drop_names(connection, Instant(int(ago(settings.keep_name_days).timestamp())))
    if settings.keep_payload_days is not None:
        gone["payloads"] = retention.drop_payloads(connection, ago(settings.keep_payload_days))
    if settings.keep_message_days is not None:
        gone["messages"] = outbox.drop_texts(connection, ago(settings.keep_message_days))
    if settings.forget_deleted:
        for account, customer in retention.deleted_in_stripe(connection):
            forget_in(connection, account, customer, metadata=True, why="deleted in Stripe")
            gone["forgotten"] += 1
    if any(gone.values()):
        log.info("kept_no_longer", **gone)
