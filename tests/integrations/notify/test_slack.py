"""Slack over real HTTP: what is sent, and what each answer allows."""

import logging
from collections.abc import Iterator

import pytest

from integrations.notify.slack import Slack, SlackTarget
from integrations.web import Web
from tests.integrations.notify.samples import parcel
from tests.integrations.notify.slack_server import Answer, SlackServer

QUICK = Web(timeout_seconds=(1.0, 1.0))


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A Slack that answers well."""
    with SlackServer() as running:
        yield running


class Waits(list[float]):
    """Sleeps by writing down for how long."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def webhook(server: SlackServer, waits: Waits | None = None) -> Slack:
    """The channel by webhook."""
    return Slack(SlackTarget(webhook_url=server.webhook), waits if waits is not None else Waits(), QUICK)


def bot(server: SlackServer) -> Slack:
    """The channel by bot."""
    return Slack(SlackTarget(bot_token="xoxb-s3cr3t-token", channel="C1", api=server.api), Waits(), QUICK)


def test_a_webhook_takes_a_message(server: SlackServer) -> None:
    """One request with the text for notifications and the blocks."""
    assert "sent" == webhook(server).deliver(parcel()).end
    (message,) = server.messages()
    assert message["text"].startswith("🧪 [SAMPLE] NRR below 100 %")
    assert "header" == message["blocks"][0]["type"]


def test_a_bot_threads_what_follows_and_sends_the_chart_once(server: SlackServer) -> None:
    """The first message is remembered by its timestamp, the chart goes into its thread, the end is posted beneath it."""
    first = bot(server).deliver(parcel())
    assert ("sent", {"ts": "17000.1", "channel": "C1", "chart": True}) == (first.end, dict(first.progress))
    paths = [a.path.rsplit("/", 1)[-1] for a in server.asked]
    assert ["chat.postMessage", "files.getUploadURLExternal", "1", "files.completeUploadExternal"] == paths
    assert server.asked[2].body.startswith(b"\x89PNG")
    assert "17000.1" == server.asked[3].body["thread_ts"]
    bot(server).deliver(parcel(key="nrr||1|resolved:1|", root=first.progress))
    assert "17000.1" == server.messages()[1]["thread_ts"]
    assert "Bearer xoxb-s3cr3t-token" == server.asked[0].token


def test_what_was_taken_already_is_not_posted_again(server: SlackServer) -> None:
    """A message whose timestamp is known was taken; nothing is asked of Slack."""
    assert "sent" == bot(server).deliver(parcel(progress={"ts": "1", "chart": True})).end
    assert [] == server.asked


def test_a_chart_that_fails_does_not_fail_the_message(server: SlackServer) -> None:
    """Slack takes the message and not the picture: sent, and it says without what."""
    server.script = [Answer(body={"ok": True, "ts": "5.5", "channel": "C1"}), Answer(body={"ok": False, "error": "missing_scope"})]
    done = bot(server).deliver(parcel())
    assert ("sent", "sent without its chart: Slack says missing_scope") == (done.end, done.why)


def test_429_is_waited_for_as_long_as_slack_says(server: SlackServer) -> None:
    """Two seconds, then taken; the wait is the server's."""
    server.script = [Answer(429, "rate_limited", {"Retry-After": "2"})]
    waits = Waits()
    assert "sent" == webhook(server, waits).deliver(parcel()).end
    assert [2.0] == waits
    assert 2 == len(server.messages())


def test_a_long_429_is_not_sat_out(server: SlackServer) -> None:
    """Two minutes: it is due again then, and nobody sleeps here."""
    server.script = [Answer(429, "rate_limited", {"Retry-After": "120"})]
    waits = Waits()
    done = webhook(server, waits).deliver(parcel())
    assert ("again", 120.0, []) == (done.end, done.wait_seconds, waits)


def test_a_bot_that_is_asked_to_wait_waits(server: SlackServer) -> None:
    """`ratelimited` of the web API, with its wait."""
    server.script = [Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "33"})]
    done = bot(server).deliver(parcel())
    assert ("again", 33.0) == (done.end, done.wait_seconds)


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (Answer(404, "no_service"), "dead"),
        (Answer(410, "channel_is_archived"), "dead"),
        (Answer(404, "never heard of it"), "dead"),
        (Answer(410, "gone"), "dead"),
        (Answer(403, "invalid_token"), "dead"),
        (Answer(403, "action_prohibited"), "dead"),
        (Answer(400, "no_text"), "failed"),
        (Answer(500, "rollup_error"), "ambiguous"),
        (Answer(502, "bad gateway"), "ambiguous"),
        (Answer(fault="reset"), "ambiguous"),
        (Answer(fault="hang"), "ambiguous"),
    ],
)
def test_what_a_webhook_answers_decides(server: SlackServer, answer: Answer, end: str) -> None:
    """Gone is dead, our own mistake is failed, and whatever may have been taken is a doubt that isn't repeated here."""
    server.script = [answer]
    assert end == webhook(server).deliver(parcel()).end
    if end == "ambiguous":
        assert 1 == len(server.messages()), "repeated blindly"


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("channel_not_found", "dead"),
        ("token_revoked", "dead"),
        ("is_archived", "dead"),
        ("not_in_channel", "dead"),
        ("internal_error", "ambiguous"),
        ("fatal_error", "ambiguous"),
        ("no_text", "failed"),
        ("service_unavailable", "again"),
    ],
)
def test_what_a_bot_is_answered_decides(server: SlackServer, word: str, end: str) -> None:
    """Slack's own words."""
    server.script = [Answer(body={"ok": False, "error": word})] * 5
    assert end == bot(server).deliver(parcel()).end


def test_an_answer_that_is_no_json_is_a_doubt(server: SlackServer) -> None:
    """A proxy answers in HTML with 200: nobody knows."""
    server.script = [Answer(200, "<html>welcome</html>")]
    assert "ambiguous" == bot(server).deliver(parcel()).end


def test_503_is_tried_again_at_once_a_few_times(server: SlackServer) -> None:
    """Slack is away for a moment: three tries, then it is due again later."""
    server.script = [Answer(503)] * 5
    waits = Waits()
    assert "again" == webhook(server, waits).deliver(parcel()).end
    assert (3, 2) == (len(server.messages()), len(waits))


def test_a_slack_that_cannot_be_reached_has_taken_nothing() -> None:
    """The port is closed: to be tried again, without a doubt."""
    with SlackServer() as gone:
        target = SlackTarget(webhook_url=gone.webhook)
    done = Slack(target, Waits(), QUICK).deliver(parcel())
    assert "again" == done.end


def test_blocks_that_slack_refuses_are_left_out(server: SlackServer) -> None:
    """invalid_blocks: the text alone is sent, so the alert is told in any case."""
    server.script = [Answer(400, "invalid_blocks")]
    assert "sent" == webhook(server).deliver(parcel()).end
    assert [True, False] == ["blocks" in m and bool(m["blocks"]) for m in server.messages()]


@pytest.mark.parametrize("answer", [Answer(404, "no_service"), Answer(fault="reset"), Answer(500, "x"), Answer(429, "x")])
def test_secrets_are_in_no_error_and_no_log(server: SlackServer, answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the webhook's path nor the token shows anywhere, whatever goes wrong and however much is logged."""
    caplog.set_level(logging.DEBUG)
    server.script = [answer] * 3
    done = webhook(server).deliver(parcel())
    server.script = [answer] * 3
    other = bot(server).deliver(parcel())
    said = f"{done} {other} {caplog.text} {webhook(server)} {bot(server)}"
    assert "s3cr3t" not in said


def test_a_message_that_may_be_a_repeat_says_so(server: SlackServer) -> None:
    """The reader can tell that it isn't a second alert."""
    webhook(server).deliver(parcel(repeat=True))
    assert "This may be a repeat" in str(server.messages()[0]["blocks"])


def test_a_target_that_cannot_work_is_refused() -> None:
    """Neither webhook nor bot, both, or a bot without a channel."""
    for wrong in ({}, {"webhook_url": "https://x", "bot_token": "y"}, {"bot_token": "y"}):
        with pytest.raises(ValueError, match=r"takes either|needs the channel"):
            SlackTarget(**wrong)


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://hooks.slack.com/services/T0/B0/x", True),
        ("https://hooks.slack-gov.com/services/T0/B0/x", True),
        ("http://127.0.0.1:8080/services/x", True),
        ("http://hooks.slack.com/services/T0/B0/x", False),
        ("https://hooks.slack.com.attacker.example/services/x", False),
        ("https://attackerslack.com/services/x", False),
        ("https://attacker.example/services/x", False),
        ("https://nrr:x@hooks.slack.com/services/x", False),
        ("https://hooks.slack.com@attacker.example/services/x", False),
        ("hooks.slack.com/services/x", False),
        ("https://hooks.slack.com:x/services/x", False),
    ],
)
def test_what_is_for_slack_goes_to_slack_alone(address: str, good: bool) -> None:
    """By https, to one of its own hosts; the sentence doesn't repeat the address, which is a secret."""
    if good:
        SlackTarget(webhook_url=address)
        return
    with pytest.raises(ValueError, match=r"hooks\.slack\.com") as raised:
        SlackTarget(webhook_url=address)
    assert "attacker" not in str(raised.value)


def test_a_content_that_nobody_foresaw_is_a_message_that_failed() -> None:
    """Nothing is raised, so the other messages go on."""
    channel = Slack(SlackTarget(webhook_url="http://127.0.0.1:1/x"), lambda _seconds: None)
    assert "failed" == channel.deliver(parcel(content={"facts": 5, "customers": [[]], "bridge": 7, "kind": []})).end
