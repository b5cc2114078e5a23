"""The one session: what a failure means, what is never followed, and that no address is told of."""

import logging
from collections.abc import Callable

import pytest
import requests
import responses
import urllib3
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from integrations.web import MOST_ANSWERED, Answer, NoAnswer, NotReached, TooLarge, Web

SECRET = "https://hooks.example/services/s3cr3t-path?sig=s3cr3t-sig"
WEB = Web(timeout_seconds=(1.0, 1.0))
POOL = urllib3.HTTPSConnectionPool("hooks.example")


@responses.activate
def test_an_answer_is_given_as_it_came() -> None:
    """Status, headers in lower case, the body; and what was sent."""
    responses.post(SECRET, status=202, body="taken", headers={"Retry-After": "7"})
    answer = WEB.post(SECRET, b'{"a": 1}', {"Content-Type": "application/json"})
    assert (202, "taken", 7.0) == (answer.status, answer.text, answer.retry_after)
    (call,) = responses.calls
    assert (b'{"a": 1}', "application/json", "nrr") == (
        call.request.body,
        call.request.headers["Content-Type"],
        call.request.headers["User-Agent"],
    )


@responses.activate
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    """The address that it leads to is never asked."""
    responses.post(SECRET, status=status, headers={"Location": "https://evil.example/"})
    elsewhere = responses.post("https://evil.example/")
    assert status == WEB.post(SECRET, b"", {}).status
    assert 0 == elsewhere.call_count


@responses.activate
def test_of_an_answer_only_so_much_is_read() -> None:
    """What is posted to may answer at any length; what is fetched must not."""
    responses.post(SECRET, body="x" * 100_000)
    assert MOST_ANSWERED == len(WEB.post(SECRET, b"", {}).body)
    responses.get(SECRET, body="x" * 100_000)
    assert 100_000 == len(WEB.get(SECRET, most=100_000).body)
    with pytest.raises(TooLarge, match=r"^hooks.example answers with more than 99,999 bytes$"):
        WEB.get(SECRET, most=99_999)


def _wrapped(reason: Exception) -> requests.ConnectionError:
    return requests.ConnectionError(MaxRetryError(POOL, SECRET, reason))


@responses.activate
@pytest.mark.parametrize(
    ("error", "taken"),
    [
        (_wrapped(NewConnectionError(None, SECRET)), False),  # type: ignore[arg-type]  # the connection is of no matter
        (requests.ConnectTimeout(MaxRetryError(POOL, SECRET, ConnectTimeoutError(SECRET))), False),
        (requests.exceptions.ProxyError(MaxRetryError(POOL, SECRET)), False),
        (requests.exceptions.SSLError(MaxRetryError(POOL, SECRET)), False),
        (requests.exceptions.InvalidURL(SECRET), False),
        (requests.ReadTimeout(SECRET), True),
        (requests.ConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104))), True),
        (requests.ConnectionError(SECRET), True),
    ],
)
def test_a_failure_tells_whether_anything_can_have_been_taken(error: Exception, taken: bool) -> None:
    """Before the request is out nothing was taken; after that nobody knows. No address is in the words."""
    responses.post(SECRET, body=error)
    with pytest.raises(NoAnswer if taken else NotReached) as raised:
        WEB.post(SECRET, b"", {})
    assert "hooks.example" in str(raised.value)
    assert "s3cr3t" not in f"{raised.value} {raised.value.__cause__}"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "ask", [lambda w: w.post("http://127.0.0.1:9/s3cr3t", b"", {}), lambda w: w.get("http://127.0.0.1:9/s3cr3t", most=9)]
)
def test_nothing_is_logged_of_an_address(ask: Callable[[Web], Answer], caplog: pytest.LogCaptureFixture) -> None:
    """However much is logged: an address may be the secret."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotReached):
        ask(WEB)
    assert "s3cr3t" not in caplog.text
