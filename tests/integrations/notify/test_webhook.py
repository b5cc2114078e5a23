"""A webhook of one's own: what is posted, how it is signed, what each answer allows."""

import hashlib
import hmac
import json
from collections.abc import Iterator

import pytest

from integrations.notify.webhook import Webhook, WebhookTarget, message_number, payload, signature
from integrations.web import Web
from tests.integrations.notify.samples import AT, HOSTILE, hostile, parcel
from tests.integrations.notify.slack_server import Answer, SlackServer

SECRET = "s3cr3t-0123456789abcdef"
SECONDS = int(AT.timestamp())


@pytest.fixture
def server() -> Iterator[SlackServer]:
    """A program that takes what it is posted."""
    with SlackServer() as running:
        yield running


class Waits(list[float]):
    """Sleeps by writing down for how long."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def channel(server: SlackServer, waits: Waits | None = None) -> Webhook:
    """The channel."""
    target = WebhookTarget(server.webhook, SECRET)
    return Webhook(target, waits if waits is not None else Waits(), Web(timeout_seconds=(1.0, 1.0)), "ops")


def test_a_message_is_signed_with_its_moment(server: SlackServer) -> None:
    """Whoever knows the secret can tell that the body is ours and when it was sent: HMAC-SHA256 over `seconds.body`."""
    assert "sent" == channel(server).deliver(parcel()).end
    (asked,) = server.asked
    told = hmac.new(SECRET.encode(), f"{SECONDS}.".encode() + asked.raw, hashlib.sha256).hexdigest()
    assert f"t={SECONDS},v1={told}" == asked.headers["NRR-Signature"]
    assert asked.body["id"] == asked.headers["NRR-Message"]
    assert "application/json; charset=utf-8" == asked.headers["Content-Type"]


def test_the_signature_by_hand() -> None:
    """What `openssl dgst -sha256 -hmac` says of `1.{}`, so that a program written against it goes on working."""
    assert "t=1,v1=2af693cb" == signature("0123456789abcdef", 1, b"{}")[:15]


def test_what_is_posted() -> None:
    """Version, id, kind, title, the text of a mail and the whole content; a follow-up names the message that it belongs under."""
    first, later = payload(parcel()), payload(parcel(key="nrr||1|resolved:1|", thread="nrr||1", repeat=True))
    assert ["content", "follows", "id", "kind", "repeat", "text", "title", "version"] == sorted(first)
    assert (1, None, False, "sample") == (first["version"], first["follows"], first["repeat"], first["kind"])
    assert (first["id"], True) == (later["follows"], later["repeat"])
    assert first["id"] == message_number("nrr||1") != later["id"]
    assert first["title"] in first["text"]
    json.dumps(first)


def test_what_comes_from_outside_is_one_harmless_line_each() -> None:
    """No control characters and no line ends in any text of the content."""
    said = payload(parcel(content=hostile()))
    assert "\r" not in json.dumps(said["content"], ensure_ascii=False)
    assert "\\u0000" not in json.dumps(said["content"])
    assert HOSTILE not in str(said["content"])


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (Answer(204, ""), "sent"),
        (Answer(202, "later"), "sent"),
        (Answer(302, "", {"Location": "https://evil.example"}), "dead"),
        (Answer(401, "who are you"), "dead"),
        (Answer(404, "gone"), "dead"),
        (Answer(410, "gone"), "dead"),
        (Answer(400, "no"), "failed"),
        (Answer(413, "too much"), "failed"),
        (Answer(429, "slow"), "again"),
        (Answer(500, "x"), "again"),
        (Answer(fault="reset"), "again"),
        (Answer(fault="hang"), "again"),
    ],
)
def test_what_is_answered_decides(server: SlackServer, answer: Answer, end: str) -> None:
    """It can tell a message that it had by its id, so doubts are repeated; what isn't there any more is dead."""
    server.script = [answer] * 3
    done = channel(server).deliver(parcel())
    assert end == done.end
    assert len({a.headers["NRR-Message"] for a in server.asked}) == 1
    assert "s3cr3t" not in str(done)


def test_it_is_waited_for_as_long_as_is_asked(server: SlackServer) -> None:
    """Two seconds are sat out, ten minutes aren't."""
    waits = Waits()
    server.script = [Answer(503, "", {"Retry-After": "2"})]
    assert "sent" == channel(server, waits).deliver(parcel()).end
    server.script = [Answer(429, "", {"Retry-After": "600"})]
    done = channel(server, waits).deliver(parcel())
    assert ("again", 600.0, [2.0]) == (done.end, done.wait_seconds, waits)


@pytest.mark.parametrize(
    ("url", "secret", "why"),
    [
        ("http://hooks.example/x", SECRET, "anybody on the way"),
        ("ftp://hooks.example/x", SECRET, "https"),
        ("https://me:pw@hooks.example/x", SECRET, "user or a password"),
        ("https://hooks.example:x/", SECRET, "can be read"),
        ("hooks.example", SECRET, "https"),
        ("https://hooks.example/x", "short", "16 characters"),
    ],
)
def test_a_target_that_cannot_work_is_refused(url: str, secret: str, why: str) -> None:
    """Nothing unencrypted, nothing unsigned; the refusal repeats neither address nor secret."""
    with pytest.raises(ValueError, match=why) as refused:
        WebhookTarget(url, secret)
    assert "hooks.example" not in str(refused.value)


def test_a_target_shows_nothing() -> None:
    """Neither address nor secret."""
    shown = str(WebhookTarget("https://hooks.example/x", SECRET))
    assert "hooks" not in shown
    assert "s3cr3t" not in shown
