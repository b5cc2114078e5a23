"""Telling people by Slack: an incoming webhook, or a bot that can thread follow-ups and send charts.

Whether a message may be sent again is decided here, by what the other side said. Blocks are made and checked by slack-sdk's classes
(`integrations.notify.slack_blocks`); the talking is `integrations.web`'s, as for every channel.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from integrations.notify.charts import chart_png
from integrations.notify.delivery import Outcome, Parcel, never_raising, tried
from integrations.notify.sanitize import plain, without
from integrations.notify.slack_blocks import slack_message
from integrations.outgoing import is_loopback
from integrations.web import BY_ITSELF, Answer, NoAnswer, NotReached, Web

NAME: Final = "slack"
API: Final = "https://slack.com/api/"
JSON: Final = "application/json"
_LONGEST_WAIT_SECONDS: Final = 3_600.0

_DEAD: Final = frozenset(
    [
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "missing_scope",
        "channel_not_found",
        "is_archived",
        "channel_is_archived",
        "not_in_channel",
        "no_permission",
        "org_login_required",
        "ekm_access_denied",
        "invalid_token",
        "no_service",
        "no_team",
        "team_disabled",
        "action_prohibited",
        "restricted_action",
        "posting_to_general_channel_denied",
        "user_not_found",
        "no_active_hooks",
        "team_access_not_granted",
        "access_denied",
    ]
)
"""Slack's words for a channel, a token or a webhook that will not work again by itself."""
_LATER: Final = frozenset(["ratelimited", "rate_limited", "service_unavailable", "message_limit_exceeded", "team_added_to_org"])
_UNKNOWN: Final = frozenset(["internal_error", "fatal_error", "request_timeout", "rollup_error"])
_SHAPE: Final = frozenset(["invalid_blocks", "invalid_blocks_format", "invalid_payload", "msg_blocks_too_long", "msg_too_long"])

_HOSTS: Final = re.compile(r"(?:[a-z0-9-]+\.)?(?:slack\.com|slack-gov\.com)")
"""Slack's own hosts; its government cloud has a name of its own."""


def _is_slacks(address: str) -> bool:
    """Whether an address is one of Slack's by https, or this very machine's."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
        _ = parts.port
    except ValueError:
        return False
    if parts.username or parts.password:
        return False
    return parts.scheme in ("http", "https") if is_loopback(host) else parts.scheme == "https" and bool(_HOSTS.fullmatch(host))


@dataclass(frozen=True, slots=True)
class SlackTarget:
    """Where messages go: a webhook's address, or a bot's token with the channel's id. Neither shows when it is printed."""

    webhook_url: str | None = field(default=None, repr=False)
    bot_token: str | None = field(default=None, repr=False)
    channel: str | None = None
    api: str = API

    def __post_init__(self) -> None:
        if (self.webhook_url is None) == (self.bot_token is None):
            raise ValueError("Slack takes either a webhook or a bot's token")
        if self.bot_token is not None and not self.channel:
            raise ValueError("a bot needs the channel that it posts to")
        for address in (self.api, *([self.webhook_url] if self.webhook_url is not None else [])):
            if not _is_slacks(address):
                raise ValueError(
                    "SLACK_WEBHOOK_URL is not an address of Slack's: it begins with https://hooks.slack.com/services/; whoever has it can post, "
                    "so it goes nowhere else"
                )


@dataclass(frozen=True, slots=True)
class Slack:
    """The channel, called `name` by rules and the outbox. `sleep` waits between tries."""

    target: SlackTarget
    sleep: Callable[[float], None]
    web: Web = BY_ITSELF
    name: str = NAME

    def deliver(self, parcel: Parcel) -> Outcome:
        """Hand the message over, with its chart if a bot can. Charts that fail don't make a message fail."""
        return never_raising(lambda: self._deliver(parcel), parcel.progress)

    def _deliver(self, parcel: Parcel) -> Outcome:
        text, blocks = slack_message(parcel.content, repeat=parcel.repeat)

        def attempt(progress: Mapping[str, Any]) -> Outcome:
            if progress.get("ts"):
                return Outcome("sent")
            outcome = self._post(text, blocks, parcel)
            # Blocks that Slack won't have are our mistake; the text alone still tells.
            return self._post(text, None, parcel) if outcome.end == "failed" and outcome.why in _SHAPE else outcome

        outcome = tried(attempt, parcel.progress, self.sleep)
        if outcome.end == "sent" and self.target.bot_token is not None and not outcome.progress.get("chart"):
            outcome = self._with_chart(parcel, outcome)
        return Outcome(outcome.end, plain(self._safe(outcome.why)), outcome.wait_seconds, outcome.progress)

    def _safe(self, text: str) -> str:
        return without(text, (self.target.webhook_url, self.target.bot_token))

    def _post(self, text: str, blocks: list[dict[str, Any]] | None, parcel: Parcel) -> Outcome:
        message: dict[str, Any] = {"text": text, "unfurl_links": False, "unfurl_media": False}
        if blocks is not None:
            message["blocks"] = blocks
        try:
            if self.target.webhook_url is not None:
                return self._by_webhook(self.target.webhook_url, message)
            return self._by_bot(message, parcel)
        except NotReached as error:
            return Outcome("dead" if error.untrusted else "again", str(error))
        except NoAnswer as error:
            return Outcome("ambiguous", str(error))

    def _by_webhook(self, address: str, message: Mapping[str, Any]) -> Outcome:
        answer = self.web.post(address, json.dumps(message).encode(), {"Content-Type": JSON})
        return Outcome("sent") if answer.status == 200 else _by_status(answer, plain(answer.text, 100))

    def _by_bot(self, message: Mapping[str, Any], parcel: Parcel) -> Outcome:
        root = parcel.root.get("ts")
        where = {"channel": str(self.target.channel), "parse": "none", "link_names": False, **({"thread_ts": root} if root else {})}
        answer = self._call("chat.postMessage", {**where, **message})
        said = answered(answer)
        if said is None:
            return _by_status(answer, "") if answer.status != 200 else Outcome("ambiguous", "Slack's answer can't be read")
        if said.get("ok") is not True:
            return _by_word(str(said.get("error") or ""), answer)
        return Outcome("sent", progress={"ts": said.get("ts"), "channel": said.get("channel")})

    def _call(self, method: str, body: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": f"{JSON}; charset=utf-8", "Authorization": f"Bearer {self.target.bot_token}"}
        return self.web.post(f"{self.target.api}{method}", json.dumps(body).encode(), headers)

    def _with_chart(self, parcel: Parcel, outcome: Outcome) -> Outcome:
        """Put the chart into the message's thread."""
        png = chart_png(parcel.content.get("chart"))
        if png is None:
            return outcome
        title = plain(parcel.content.get("chart", {}).get("title", "trend"), 100)
        thread = parcel.root.get("ts") or outcome.progress.get("ts")
        try:
            self._upload(png, title, str(outcome.progress.get("channel") or self.target.channel), thread)
        except (_NotUploaded, NotReached, NoAnswer) as error:
            return Outcome("sent", f"sent without its chart: {error}", progress=outcome.progress)
        return Outcome("sent", progress={**outcome.progress, "chart": True})

    def _upload(self, png: bytes, title: str, channel: str, thread: Any) -> None:
        """Ask where to put a file, put it there, and say which message it belongs to. Raises _NotUploaded, NotReached and NoAnswer."""
        form = urlencode({"filename": "trend.png", "length": len(png), "alt_txt": title})
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Bearer {self.target.bot_token}"}
        place = _well(self.web.post(f"{self.target.api}files.getUploadURLExternal", form.encode(), headers))
        address = str(place.get("upload_url"))
        if not _is_slacks(address):
            raise _NotUploaded("Slack names a place for it that isn't Slack's")
        if self.web.post(address, png, {"Content-Type": "image/png"}).status != 200:
            raise _NotUploaded("Slack didn't take the file")
        file = {"id": place.get("file_id"), "title": title}
        body = {"files": [file], "channel_id": channel, **({"thread_ts": thread} if thread else {})}
        _well(self._call("files.completeUploadExternal", body))


class _NotUploaded(RuntimeError):
    """A chart that Slack didn't take."""


def _well(answer: Answer) -> Mapping[str, Any]:
    """What Slack says where all is well. Raises _NotUploaded."""
    said = answered(answer)
    if said is None or said.get("ok") is not True:
        word = str((said or {}).get("error") or f"answer {answer.status}")
        raise _NotUploaded(f"Slack says {plain(word, 60)}")
    return said


def answered(answer: Answer) -> Mapping[str, Any] | None:
    """Slack's answer as data; None for one that is no JSON object."""
    try:
        said = json.loads(answer.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _by_status(answer: Answer, said: str) -> Outcome:
    status = answer.status
    word = said.strip().lower().replace(" ", "_")
    if status == 429:
        return Outcome("again", "Slack asks us to wait", _retry_after(answer))
    if status in (404, 410) or word in _DEAD or status in (401, 403):
        return Outcome("dead", f"Slack answered {status} {said}".strip())
    if word in _SHAPE:
        return Outcome("failed", word)
    if status == 503:
        return Outcome("again", "Slack answered 503")
    if status >= 500 or status < 300:
        return Outcome("ambiguous", f"Slack answered {status} {said}".strip())
    return Outcome("failed", f"Slack answered {status} {said}".strip())


def _by_word(word: str, answer: Answer) -> Outcome:
    if word in _LATER:
        return Outcome("again", f"Slack says {word}", _retry_after(answer))
    if word in _DEAD:
        return Outcome("dead", f"Slack says {word}")
    if word in _SHAPE:
        return Outcome("failed", word)
    return Outcome("ambiguous" if word in _UNKNOWN else "failed", f"Slack says {word}")


def _retry_after(answer: Answer) -> float:
    """Seconds that Slack wants us to wait; without a readable word of it, half a minute."""
    asked = answer.retry_after
    return 30.0 if asked is None else min(_LONGEST_WAIT_SECONDS, asked)
