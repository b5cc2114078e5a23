"""The documents of `nrr alerts …`."""

from typing import Final

from metrics.columns import Column
from worker.cli.answers.keys import DAYS, Key, known, like, many, named, own, record

_ALERT: Final = record(
    "Alert",
    "A rule and how it stands",
    known("rule"),
    like("segment", "the segment that it is of; empty for the whole"),
    like("segment_name", "what people call the segment", null=True),
    own("state", "text", "ok, noted, firing, or why there is none"),
    own("value", "text", "the value as messages show it", null=True),
    own("limit", "text", "the limit as messages show it", null=True),
    own("window", "text", "both ends of the window, the second not part of it", null=True),
    own("certainty", "text", "beyond_noise, within_noise or too_few", null=True),
    like("as_of", "the night that it was evaluated for", null=True),
    Key(Column("since", "text", "since when it stands so"), null=True),
    own("quiet", "text", "how it is muted or acknowledged", null=True),
)
_CHANNEL: Final = record(
    "Channel",
    "A way out",
    own("channel", "text", "its name"),
    own("in_use", "flag", "messages leave by it"),
    like("reason", "why it is not in use", null=True),
)
_MISSING: Final = record(
    "MissingSegment",
    "A rule on a segment that no figure has",
    known("rule segment"),
    own("near", "texts", "segments that are called alike"),
)
ALERTS_LIST: Final = record(
    "AlertsList",
    "The rules",
    many("alerts", _ALERT, "rule by rule"),
    many("channels", _CHANNEL, "the ways out"),
    named("outbox", "count", "messages by status"),
    many("missing_segments", _MISSING, "rules that watch nothing"),
)
_TRANSITION: Final = record(
    "Transition",
    "An alert that changed its state",
    known("rule"),
    like("segment", "empty for the whole"),
    own("before", "text", "its state before"),
    own("after", "text", "its state now"),
)
ALERTS_CHECK: Final = record(
    "AlertsCheck",
    "Every rule evaluated now",
    own("night", "day", "for this day"),
    many("transitions", _TRANSITION, "what changed"),
    own("messages", "count", "messages written"),
    own("firing", "count", "alerts that fire"),
    own("sent", "count", "messages sent"),
    own("again", "count", "messages that are tried again later"),
    own("ambiguous", "count", "messages of which nobody knows whether they arrived"),
    own("failed", "count", "messages given up"),
    own("dead", "texts", "channels that take nothing any more"),
    like("waiting", "messages that are to be sent later"),
    own("held", "count", "messages that another process holds"),
    many("missing_segments", _MISSING, "rules that watch nothing"),
)
_END: Final = record(
    "ChannelTest",
    "How a sample ended",
    own("channel", "text", "its name"),
    own("end", "text", "sent, failed or ambiguous"),
    own("why", "text", "why not", null=True),
)
ALERTS_TEST: Final = record("AlertsTest", "A marked sample, sent", many("channels", _END, "each way out"))
ALERTS_MUTE: Final = record(
    "AlertsMute",
    "A rule that is muted",
    known("rule"),
    like("segment", "empty for all"),
    own("until", "instant", "until then; null for ever", null=True),
)
ALERTS_UNMUTE: Final = record(
    "AlertsUnmute",
    "A rule that is muted no more",
    known("rule"),
    like("segment", "empty for all"),
    own("lifted", "flag", "it had been muted"),
)
ALERTS_ACK: Final = record("AlertsAck", "An alert that was acknowledged", known("rule"), like("segment", "empty for all"))
_PAST: Final = record(
    "AlertChange",
    "A change of an alert's state",
    own("at", "instant", "when"),
    known("rule"),
    like("segment", "empty for the whole"),
    own("before", "text", "its state before"),
    own("after", "text", "its state then"),
    own("value", "text", "as messages show it", null=True),
    own("limit", "text", "as messages show it", null=True),
    own("window", "text", "both ends of the window", null=True),
)
_MESSAGE: Final = record(
    "Message",
    "A message",
    own("written", "instant", "when it was written"),
    known("rule"),
    like("segment", "empty for the whole"),
    own("transition", "text", "what it tells of"),
    own("channel", "text", "its way out"),
    known("status"),
    own("attempts", "count", "how often it was tried"),
    own("sent", "instant", "when it left", null=True),
    own("error", "text", "why it didn't", null=True),
)
ALERTS_HISTORY: Final = record(
    "AlertsHistory",
    "Changes of alerts, or with --messages the messages",
    many("history", _PAST, "newest first", optional=True),
    many("messages", _MESSAGE, "newest first", optional=True),
)
_RANG: Final = record(
    "RuleCounts",
    "How often a rule would have rung",
    known("rule"),
    own("alarms", "count", "alarms"),
    own("by_chance", "count", "of these, by chance alone"),
    own("notes", "count", "notes"),
)
_RING: Final = record(
    "Ring",
    "A night on which a rule would have rung",
    own("night", "day", "the night"),
    known("rule"),
    like("segment", "empty for the whole"),
    own("kind", "text", "alarm or note"),
    own("window", "text", "the window", null=True),
    own("value", "text", "as messages show it", null=True),
    Key(Column("change", "text", "as messages show it"), null=True),
    own("limit", "text", "as messages show it", null=True),
    own("certainty", "text", "beyond_noise, within_noise or too_few", null=True),
    own("until", "day", "resolved on this night; null: not yet", null=True),
    own("begun_before", "flag", "it had begun before the first night"),
)
_SUGGESTED: Final = record(
    "SuggestedLimit",
    "A limit that keeps a budget of false alarms",
    known("rule"),
    own("limit", "text", "as it is written in nrr.toml; null: as it is", null=True),
    own("false_now", "number", "false alarms as it is", null=True),
    own("false_then", "number", "false alarms then", null=True),
    own("alarms_then", "count", "alarms then", null=True),
)
ALERTS_BACKTEST: Final = record(
    "AlertsBacktest",
    "When each rule would have rung",
    DAYS,
    many("rules", _RANG, "rule by rule"),
    many("rings", _RING, "in order of night"),
    own("budget", "number", "false alarms a year that were allowed", optional=True),
    many("suggestions", _SUGGESTED, "rule by rule", optional=True),
)
