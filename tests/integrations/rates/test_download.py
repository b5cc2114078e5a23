"""Rates fetched from an address: taken whole when all is well, and not at all otherwise."""

from datetime import date, timedelta

import pytest

from integrations.outgoing import Outgoing
from integrations.rates import download as fetching
from integrations.rates.download import RatesUnavailable, download
from integrations.rates.quotes import BadRates
from integrations.web import Web
from tests.integrations.rates.serving import history, serving

TODAY = date(2026, 11, 30)


def test_a_history_is_taken_packed_or_not() -> None:
    """Exact texts of every day, the missing ones left out."""
    with serving(
        (200, history(TODAY, 30)), (200, b"Date,USD,\n" + b"".join(f"2026-10-{d:02d},1.25,\n".encode() for d in range(1, 31)))
    ) as host:
        quotes = download(host.address, TODAY)
        assert {"usd": 30, "jpy": 30} == dict(quotes.group_by("currency").len().iter_rows())
        assert (TODAY, "eur", "usd", "1.1") in quotes.rows()
        assert 30 == len(download(host.address, TODAY))


def test_what_fails_for_a_moment_is_asked_again() -> None:
    """Twice an error of the server's, then the history."""
    waits: list[float] = []
    with serving((503, b""), (500, b""), (200, history(TODAY))) as host:
        assert 120 == len(download(host.address, TODAY, sleep=waits.append))
        assert (3, [0.5, 1.0]) == (len(host.asked), waits)


def test_what_cannot_be_had_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that stays wrong, a host that isn't there, or one that never ends."""
    waits: list[float] = []
    with serving((404, b"no such page")) as host, pytest.raises(RatesUnavailable, match=r"answered 404.*still count"):
        download(host.address, TODAY, sleep=waits.append)
    assert [] == waits
    with pytest.raises(RatesUnavailable, match=r"127\.0\.0\.1 can't be reached"):
        download("http://127.0.0.1:9/hist.zip", TODAY, sleep=waits.append)
    assert 2 == len(waits)
    monkeypatch.setattr(fetching, "MOST_BYTES", 1_000)
    with serving((200, b"x" * 200_000)) as host, pytest.raises(RatesUnavailable, match="more than a history"):
        download(host.address, TODAY)


def test_a_redirect_is_not_followed() -> None:
    """Whoever answers for the host must not send us elsewhere."""
    with serving((302, b"")) as host, pytest.raises(RatesUnavailable, match="a redirect, which is not followed"):
        download(host.address, TODAY)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>a proxy asks you to log in</html>", "laid out"),
        (history(TODAY)[:200], "no zip file"),
        (history(TODAY, 3), "3 days of dollars"),
        (history(TODAY + timedelta(days=40)), "its last day is 2027-01-09"),
        (history(TODAY, usd="1.1e3"), "plain decimal"),
        (history(TODAY, usd="0.000"), "a rate is 0"),
        (history(TODAY, usd="1.1234567890123"), "plain decimal"),
    ],
)
def test_what_cannot_be_the_history_is_refused(body: bytes, why: str) -> None:
    """Whole: nothing of it is used."""
    with serving((200, body)) as host, pytest.raises(BadRates, match=why):
        download(host.address, TODAY)


def test_a_proxy_is_heeded() -> None:
    """It is asked in the place of the host."""
    with serving((200, history(TODAY))) as proxy:
        web = Web(Outgoing(proxy.address.removesuffix("/hist.zip")))
        assert 120 == len(download("http://rates.example/hist.zip", TODAY, web))
        assert ["http://rates.example/hist.zip"] == proxy.asked
