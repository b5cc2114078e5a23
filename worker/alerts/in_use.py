"""Channels that were found dead, and when they are used again by themselves: when their address or their secret is another one since.

A key that was changed under a running worker is read with the next messages; without this a channel that refused the old one would stay out
of use until somebody sent a sample by hand.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from integrations.store.alerts import alerts as store
from integrations.store.alerts import outbox
from integrations.store.work import key_value
from worker.alerts.alerting import Alerting
from worker.execution.log import logger

if TYPE_CHECKING:
    from integrations.notify.delivery import Channel

log = logger(__name__)

RESENT_WITHIN: Final = timedelta(days=3)
"""What a dead channel did not take is sent when it is back, unless it is older, or another channel told it."""


def put_out_of_use(connection: Connection, alerting: Alerting, channel: str, why: str) -> bool:
    """Use a channel no more, and remember (as a digest) what it was reached by; gives whether it was in use until now."""
    salt = secrets.token_hex(16)
    found = _digest(alerting.channels[channel], salt)
    key_value.put(connection, _remembered(channel), None if found is None else {"salt": salt, "digest": found})
    return store.disable(connection, channel, why)


def take_up_again(connection: Connection, alerting: Alerting) -> None:
    """Use those dead channels again that are reached by something else since, and let them send what they didn't take."""
    for name, why in store.disabled_channels(connection).items():
        if name not in alerting.channels or not _is_changed(connection, name, alerting.channels[name]):
            continue
        store.enable(connection, name)
        due = outbox.revive(connection, name, (why, disabled(why)), RESENT_WITHIN)
        log.info("channel_in_use_again", channel=name, why="its address or secret was changed", messages=due)


def disabled(why: str) -> str:
    """What is noted with a message that waited for a channel when it was found dead."""
    return f"the channel is disabled: {why}"


def _is_changed(connection: Connection, name: str, channel: "Channel") -> bool:
    held: Any = key_value.get(connection, _remembered(name))
    if held is None:
        return False  # put out of use by an earlier release, which remembered nothing
    found = _digest(channel, str(held["salt"]))
    return found is not None and not hmac.compare_digest(found, str(held["digest"]))


def _remembered(channel: str) -> str:
    return f"dead_channel:{channel}"


def _digest(channel: "Channel", salt: str) -> str | None:
    """What a channel is reached by, as a digest that costs too much to guess a password from; None for a channel that says nothing of it."""
    target: Any = getattr(channel, "target", None)
    if target is None:
        return None
    text = json.dumps(asdict(target), sort_keys=True, default=str)
    return hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt), n=1 << 14, r=8, p=1).hex()
