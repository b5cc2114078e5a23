"""Telling people by Slack: an incoming webhook, or a bot that can thread follow-ups and send charts.

slack-sdk does the talking, without its own retries: whether a message may be sent again is decided here, by what the other side said.
Its log lines hold the webhook's address, which is a secret, so they go nowhere.
"""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit

from integrations.notify.charts import chart_png
from integrations.notify.delivery import Outcome, Parcel, never_raising, tried
from integrations.notify.sanitize import plain, without
from integrations.notify.slack_blocks import slack_message
from integrations.outgoing import is_loopback

NAME: Final = "slack"
API: Final = "https://slack.com/api/"
TIMEOUT_SECONDS: Final = 15
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

_WORD: Final = re.compile(r"[a-z0-9_]+")

_HOSTS: Final = re.compile(r"(?:[a-z0-9-]+\.)?(?:slack\.com|slack-gov\.com)")
"""Slack's own hosts; its government cloud has a name of its own."""

_quiet = logging.getLogger("nrr.slack_sdk")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
_quiet.setLevel(logging.CRITICAL)


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
    """The channel. `sleep` waits between tries; `wait` is a test's."""

    target: SlackTarget
    sleep: Callable[[float], None]
    timeout_seconds: int = TIMEOUT_SECONDS

    @property
    def name(self) -> str:
        """What the outbox calls it."""
        return NAME

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
        try:
            if self.target.webhook_url is not None:
                return self._by_webhook(text, blocks)
            return self._by_bot(text, blocks, parcel)
        except URLError as error:
            # urllib wraps what fails before the whole request is out: nothing was taken.
            return Outcome("again", f"Slack can't be reached: {error.reason}")
        except OSError as error:
            return Outcome("ambiguous", f"the connection to Slack ended before it answered: {type(error).__name__}")
        except ValueError as error:
            return Outcome("ambiguous", f"Slack's answer can't be read: {type(error).__name__}")

    def _by_webhook(self, text: str, blocks: list[dict[str, Any]] | None) -> Outcome:
        from slack_sdk.webhook import WebhookClient

        assert self.target.webhook_url is not None
        client = WebhookClient(self.target.webhook_url, timeout=self.timeout_seconds, logger=_quiet, retry_handlers=[])
        answer = client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
        if answer.status_code == 200:
            return Outcome("sent")
        return _by_status(answer.status_code, plain(answer.body, 100), answer.headers)

    def _by_bot(self, text: str, blocks: list[dict[str, Any]] | None, parcel: Parcel) -> Outcome:
        from slack_sdk.errors import SlackApiError, SlackRequestError

        root = parcel.root.get("ts")
        try:
            answer = self._client().chat_postMessage(
                channel=str(self.target.channel),
                text=text,
                blocks=blocks,
                thread_ts=root,
                parse="none",
                link_names=False,
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            word = str(error.response.get("error") or "")
            known = _WORD.fullmatch(word)  # an answer that is no JSON has a whole sentence there
            return (
                _by_word(word, error.response.headers)
                if known
                else _by_status(error.response.status_code, "", error.response.headers)
            )
        except SlackRequestError as error:
            return Outcome("ambiguous", f"Slack's answer can't be read: {type(error).__name__}")
        return Outcome("sent", progress={"ts": answer["ts"], "channel": answer.get("channel")})

    def _client(self) -> Any:
        from slack_sdk import WebClient

        return WebClient(
            self.target.bot_token, base_url=self.target.api, timeout=self.timeout_seconds, logger=_quiet, retry_handlers=[]
        )

    def _with_chart(self, parcel: Parcel, outcome: Outcome) -> Outcome:
        """Put the chart into the message's thread."""
        from slack_sdk.errors import SlackClientError

        png = chart_png(parcel.content.get("chart"))
        if png is None:
            return outcome
        title = plain(parcel.content.get("chart", {}).get("title", "trend"), 100)
        try:
            self._client().files_upload_v2(
                channel=outcome.progress.get("channel") or self.target.channel,
                thread_ts=parcel.root.get("ts") or outcome.progress.get("ts"),
                filename="trend.png",
                title=title,
                alt_txt=title,
                content=png,
            )
        except (SlackClientError, OSError, ValueError) as error:
            why = f"sent without its chart: {type(error).__name__}"
            return Outcome("sent", why, progress=outcome.progress)
        return Outcome("sent", progress={**outcome.progress, "chart": True})


def _by_status(status: int, said: str, headers: Mapping[str, Any]) -> Outcome:
    word = said.strip().lower().replace(" ", "_")
    if status == 429:
        return Outcome("again", "Slack asks us to wait", _retry_after(headers))
    if status in (404, 410) or word in _DEAD or status in (401, 403):
        return Outcome("dead", f"Slack answered {status} {said}".strip())
    if word in _SHAPE:
        return Outcome("failed", word)
    if status == 503:
        return Outcome("again", "Slack answered 503")
    if status >= 500 or status < 300:
        return Outcome("ambiguous", f"Slack answered {status} {said}".strip())
    return Outcome("failed", f"Slack answered {status} {said}".strip())


def _by_word(word: str, headers: Mapping[str, Any]) -> Outcome:
    if word in _LATER:
        return Outcome("again", f"Slack says {word}", _retry_after(headers))
    if word in _DEAD:
        return Outcome("dead", f"Slack says {word}")
    if word in _SHAPE:
        return Outcome("failed", word)
    return Outcome("ambiguous" if word in _UNKNOWN else "failed", f"Slack says {word}")


def _retry_after(headers: Mapping[str, Any]) -> float:
    """Seconds that Slack wants us to wait; without a readable word of it, half a minute."""
    found = next((value for name, value in headers.items() if str(name).lower() == "retry-after"), None)
    value = found[0] if isinstance(found, list) and found else found
    try:
        return min(_LONGEST_WAIT_SECONDS, max(0.0, float(str(value))))
    except ValueError:
        return 30.0
