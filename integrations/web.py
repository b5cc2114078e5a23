"""The one session by which anything is posted or fetched beside Stripe's lists: Slack, Teams, webhooks, exchange rates.

It goes by the proxy and trusts the certificates that are set (`integrations.outgoing`), waits for so long and no longer, follows no
redirect, and reads no more of an answer than was asked for. Which tries may be repeated is its callers' to say: here a failure tells
only whether anything can have been taken. An address may be a secret, so none is in an error or a log line.
"""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from integrations.outgoing import DIRECT, Outgoing

if TYPE_CHECKING:
    from requests import Response

TIMEOUT_SECONDS: Final = (10.0, 20.0)
"""To connect, and between two parts of the answer."""
MOST_ANSWERED: Final = 20_000
"""Bytes of an answer to what is posted: what is beyond is cut off."""
_AGENT: Final = "nrr"

# Their lines name the path, which may be the secret. Requests are told by whoever makes them.
for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class NotReached(RuntimeError):
    """Nothing was taken: there was no connection, or one whose certificate can't be trusted (`untrusted`)."""

    def __init__(self, why: str, *, untrusted: bool = False) -> None:
        super().__init__(why)
        self.untrusted = untrusted


class NoAnswer(RuntimeError):
    """The connection ended before there was an answer: nobody knows whether anything was taken."""


class TooLarge(RuntimeError):
    """The answer is larger than was asked for; nothing of it is given."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host answered: its status, headers by name in lower case, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as text, whatever it holds."""
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> float | None:
        """Seconds that the host wants to be left alone; None where it says nothing readable."""
        try:
            return max(0.0, float(self.headers.get("retry-after", "")))
        except ValueError:
            return None


@cache
def _trusting() -> type[Any]:
    """An adapter that trusts what `Outgoing` trusts, behind a proxy too, and tries once. Made when it is needed: requests is heavy."""
    from requests.adapters import HTTPAdapter

    class Trusting(HTTPAdapter):
        def __init__(self, outgoing: Outgoing) -> None:
            self._context = outgoing.context()
            super().__init__(max_retries=0)

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            return super().proxy_manager_for(proxy, **kwargs, ssl_context=self._context)

    return Trusting


@dataclass(frozen=True, slots=True)
class Web:
    """How this installation reaches the world beside Stripe."""

    outgoing: Outgoing = DIRECT
    timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS

    def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once. Raises NotReached and NoAnswer."""
        return self._ask("POST", address, headers, body, most=MOST_ANSWERED, cut=True)

    def get(self, address: str, *, most: int) -> Answer:
        """Fetch once, at most so many bytes. Raises NotReached, NoAnswer and TooLarge."""
        return self._ask("GET", address, {}, None, most=most, cut=False)

    def _ask(self, verb: str, address: str, headers: Mapping[str, str], body: bytes | None, *, most: int, cut: bool) -> Answer:
        import requests
        import urllib3

        host = urlsplit(address).hostname or ""
        with requests.Session() as session:
            session.trust_env = False
            adapter = _trusting()(self.outgoing)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            proxy = self.outgoing.proxy_for(host)
            try:
                answer = session.request(
                    verb,
                    address,
                    data=body,
                    headers={"User-Agent": _AGENT, **headers},
                    proxies={} if proxy is None else {"http": proxy, "https": proxy},
                    timeout=self.timeout_seconds,
                    allow_redirects=False,
                    stream=True,
                )
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise _failure(error, host) from None
            with answer:
                return Answer(
                    answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, _read(answer, host, most, cut=cut)
                )


BY_ITSELF: Final = Web()
"""Without a proxy, trusting the system's authorities."""


def _read(answer: "Response", host: str, most: int, *, cut: bool) -> bytes:
    """The body. Of what was posted the status is what counts: a body that breaks off is given as far as it came."""
    import requests
    import urllib3

    data = bytearray()
    try:
        for part in answer.iter_content(65_536):
            data += part
            if len(data) > most:
                if cut:
                    return bytes(data[:most])
                raise TooLarge(f"{host} answers with more than {most:,} bytes")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        if not cut:
            raise NoAnswer(f"the answer of {host} broke off ({type(error).__name__})") from None
    return bytes(data)


def _failure(error: Exception, host: str) -> NotReached | NoAnswer:
    """What an error means. It is told by its kind alone: its text has the address in it."""
    import requests
    import urllib3

    causes = list(_causes(error))
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
        return NotReached(f"the certificate of {host} can't be trusted", untrusted=True)
    before = (
        requests.ConnectTimeout,
        requests.exceptions.ProxyError,
        requests.exceptions.SSLError,
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidProxyURL,
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
        urllib3.exceptions.SSLError,
        urllib3.exceptions.LocationParseError,
    )
    if any(isinstance(each, before) for each in causes):
        through = " through its proxy" if any(isinstance(each, requests.exceptions.ProxyError) for each in causes) else ""
        return NotReached(f"{host} can't be reached{through} ({type(error).__name__})")
    return NoAnswer(f"the connection to {host} ended before it answered ({type(error).__name__})")


def _causes(error: BaseException) -> list[BaseException]:
    """The error with what it was made of: libraries wrap the one that tells in others."""
    out: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, BaseException) and each not in out:
            out.append(each)
            waiting += [*each.args, getattr(each, "reason", None), each.__cause__]
    return out
