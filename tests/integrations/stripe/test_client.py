"""One question to Stripe: which faults are asked again, which are told, and that the key shows nowhere."""

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import stripe
import trustme

from integrations.outgoing import Outgoing
from integrations.stripe.client import API_VERSION, DEFAULT_BASE, Asked, Client, Patience
from integrations.stripe.credentials import checked_base
from integrations.stripe.decode.parsing import parse_list
from integrations.stripe.errors import (
    BadAddress,
    BadRequest,
    Gone,
    NotAllowed,
    ReadError,
    Refused,
    Transient,
    UnknownEndpoint,
    Unreachable,
)
from integrations.stripe.transport import Seconds
from tests.integrations.stripe.host import NOW, Host, Reply, Request, failing, listing, serving

KEY = "sk_test_51Abcdefghijklmnop"
PRODUCT = {"id": "prod_1", "object": "product", "created": 5, "name": "A thing"}
ASKED = Asked("products", "/v1/products", "Products: Read")
YEARS = 3 * 365 * 86_400
QUICK = Patience(attempts=4, first_wait_seconds=0.001, longest_wait_seconds=0.002, seconds=Seconds(1.0, 0.2, 0.3))


class Turns:
    """A limiter that only keeps what it is told."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.sendings: list[str] = []
        self.refusals: list[tuple[str, str | None, float | None]] = []

    def acquire(self, endpoint: str) -> float:
        """Every turn is free."""
        self.taken.append(endpoint)
        return 0.0

    def sent(self, endpoint: str) -> None:
        """Kept for the test, in the order of the turns."""
        self.sendings.append(endpoint)

    def background(self) -> float:
        """Every turn is free."""
        return 0.0

    def throttled(self, endpoint: str, reason: str | None, retry_after_seconds: float | None = None) -> None:
        """Kept for the test."""
        self.refusals.append((endpoint, reason, retry_after_seconds))


@contextmanager
def asking(*replies: Reply, patience: Patience = QUICK, **options: Any) -> Iterator[tuple[Client, Host, Turns, list[float]]]:
    """A client of a host that gives those replies, its limiter, and the pauses it took."""
    turns, pauses = Turns(), list[float]()
    with serving(*replies) as host:
        client = Client(KEY, base=host.address, limiter=turns, patience=patience, sleep=pauses.append, **options)
        try:
            yield client, host, turns, pauses
        finally:
            client.close()


def ids(client: Client) -> list[str]:
    """The ids of a list of products."""
    return [
        o.id for o in client.get(ASKED, "/v1/products", [("limit", "3")], lambda body: parse_list("product", body)).value.objects
    ]


# --- good answers -------------------------------------------------------------------------------------------------------------


def test_a_request_stands_on_the_sdk() -> None:
    """The address, the version and the key go out as the SDK has them, gzip is taken, and the answer is dated by Stripe's clock."""
    assert ("https://api.stripe.com", stripe.api_version) == (DEFAULT_BASE, API_VERSION)
    with asking(Reply(listing(PRODUCT).body, zipped=True)) as (client, host, turns, _):
        answer = client.get(ASKED, "/v1/products", [("limit", "3"), ("expand[]", "data.a")], lambda b: parse_list("product", b))
        assert (["prod_1"], NOW) == ([o.id for o in answer.value.objects], answer.at)
        sent = host.requests[0]
        assert (f"Bearer {KEY}", API_VERSION, "gzip") == tuple(
            sent.headers[name] for name in ("Authorization", "Stripe-Version", "Accept-Encoding")
        )
        assert {"limit": ["3"], "expand[]": ["data.a"]} == sent.params()
        assert ["/v1/products"] == turns.taken


def test_without_a_date_our_own_clock_dates_the_answer() -> None:
    """A host that gives no Date leaves this machine's time."""
    with asking(Reply(listing(PRODUCT).body, dated=False), clock=lambda: 77.9) as (client, _, _, _):
        assert 77 == client.get(ASKED, "/v1/products", [], lambda b: parse_list("product", b)).at


@pytest.mark.parametrize(
    ("ours", "apart", "expected"), [(-YEARS, YEARS, 0), (-200, 200, 200), (0, 0, 0), (YEARS, -YEARS, -YEARS)], ids=str
)
def test_no_answer_is_dated_after_our_own_clock(ours: int, apart: int, expected: int) -> None:
    """A Date that is ahead of ours by more than minutes is one of a future that never was; by how much they differ is told."""
    with asking(listing(PRODUCT), clock=lambda: NOW + ours) as (client, _, _, _):
        at = client.get(ASKED, "/v1/products", [], lambda b: parse_list("product", b)).at
        assert NOW + ours + expected == at
        assert apart == client.clock_apart_seconds


def test_connections_are_kept() -> None:
    """Several questions go over one connection."""
    ports: set[int] = set()
    with asking(listing(PRODUCT)) as (client, _, _, _):
        pool = client._transport._pool
        for _ in range(4):
            ids(client)
            ports |= {connection_pool.num_connections for connection_pool in pool.pools._container.values()}
    assert {1} == ports


# --- faults that are asked again ------------------------------------------------------------------------------------------------

FAULTS = {
    "500": failing(500),
    "502 with HTML": Reply(b"<html>Bad Gateway</html>", 502),
    "503": failing(503),
    "409 lock_timeout": failing(409, code="lock_timeout"),
    "429": failing(429, code="rate_limit"),
    "400 rate_limit": failing(400, code="rate_limit"),
    "429 lock_timeout": failing(429, code="lock_timeout"),
    "reset": Reply(fault="reset"),
    "hang": Reply(listing(PRODUCT).body, fault="hang"),
    "drip": Reply(listing(PRODUCT).body, fault="drip"),
    "cut": Reply(listing(PRODUCT).body, fault="cut"),
    "cut, but well-framed": Reply(b'{"object": "list", "data": [{"id": "prod_1", "na'),
    "cut gzip": Reply(b"\x1f\x8b\x08\x00\x00\x00", headers={"Content-Encoding": "gzip"}),
    "HTML with 200": Reply(b"<!doctype html><title>Maintenance</title>"),
    "empty body": Reply(b""),
    "no data": Reply({"object": "list", "has_more": False}),
    "no has_more": Reply({"object": "list", "data": []}),
    "has_more is null": Reply({"object": "list", "data": [], "has_more": None}),
    "an array": Reply([]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_asked_again(fault: str) -> None:
    """After two such answers the third, good one counts, and the pauses between were taken."""
    with asking(FAULTS[fault], FAULTS[fault], listing(PRODUCT)) as (client, host, turns, pauses):
        # An address that has answered once is known to be right.
        client._reached = True
        assert ["prod_1"] == ids(client)
        assert (3, 3, 2) == (len(host.requests), len(turns.taken), len(pauses))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_transient_and_bounded(fault: str) -> None:
    """Four attempts and no more; what comes out says that it may succeed later, and is never an empty list."""
    with asking(FAULTS[fault]) as (client, host, _, _):
        client._reached = True
        with pytest.raises(Transient) as caught:
            ids(client)
        assert 4 == len(host.requests)
        assert "products" == caught.value.stream
        assert "after 4 attempts" in str(caught.value)
        assert isinstance(caught.value.__cause__, stripe.StripeError)


def test_pauses_double_with_jitter() -> None:
    """Pauses grow from the first to the longest, each between half and the whole of its step."""
    patience = Patience(attempts=6, first_wait_seconds=1.0, longest_wait_seconds=5.0)
    with asking(failing(500), patience=patience) as (client, _, _, pauses), pytest.raises(Transient):
        ids(client)
    steps = [1.0, 2.0, 4.0, 5.0, 5.0]
    assert len(steps) == len(pauses)
    assert all(step / 2 <= pause <= step for step, pause in zip(steps, pauses, strict=True))
    assert len(set(pauses)) > 1


def test_retry_after_is_heeded() -> None:
    """A pause that Stripe asks for is taken, and the limiter hears of it with the reason."""
    limited = failing(429, code="rate_limit", headers={"Retry-After": "3", "Stripe-Rate-Limited-Reason": "endpoint-rate"})
    with asking(limited, listing(PRODUCT)) as (client, _, turns, pauses):
        assert ["prod_1"] == ids(client)
        assert 3.0 <= pauses[0] <= 3.1
        assert [("/v1/products", "endpoint-rate", 3.0)] == turns.refusals
        assert (2, 1, 0) == (client.usage.requests, client.usage.throttled, client.usage.retried)


def test_a_long_retry_after_is_left_to_the_caller() -> None:
    """Nobody sleeps for ten minutes in a request: the error says how long to stay away."""
    with asking(failing(429, headers={"Retry-After": "600"})) as (client, host, _, pauses), pytest.raises(Transient) as caught:
        ids(client)
    assert (600.0, 1, []) == (caught.value.retry_after_seconds, len(host.requests), pauses)


@pytest.mark.parametrize("asked", ["7200", "86400", "1e12", "inf"])
def test_no_host_is_heeded_for_longer_than_an_hour(asked: str) -> None:
    """Whatever a Retry-After asks for, it is looked again after an hour."""
    with asking(failing(429, headers={"Retry-After": asked})) as (client, _, _, _), pytest.raises(Transient) as caught:
        ids(client)
    assert 3_600.0 == caught.value.retry_after_seconds


def test_the_limiter_hears_of_each_request_that_it_is_on_its_way() -> None:
    """Once for each attempt, while its answer is still to come; for one that reached nobody as well, whose turn is over all the same."""
    turns, heard, replies = Turns(), list[int](), [failing(500), listing(PRODUCT)]

    def told_before_the_answer(_request: Request) -> Reply:
        until = time.monotonic() + 0.15
        while len(turns.sendings) <= len(heard) and time.monotonic() < until:
            time.sleep(0.001)
        heard.append(len(turns.sendings))
        return replies[len(heard) - 1]

    with serving(answering=told_before_the_answer) as host:
        client = Client(KEY, base=host.address, limiter=turns, patience=QUICK, sleep=lambda _: None)
        assert ["prod_1"] == ids(client)
        client.close()
    assert ["/v1/products"] * 2 == turns.taken == turns.sendings
    assert [1, 2] == heard
    turns = Turns()
    with pytest.raises(Transient):
        ids(Client(KEY, base="http://127.0.0.1:1", limiter=turns, patience=QUICK, sleep=lambda _: None))
    assert len(turns.taken) == len(turns.sendings) > 1


def test_contention_on_one_object_slows_nobody() -> None:
    """lock_timeout is no limit of ours: it is asked again, and the limiter isn't told."""
    with asking(failing(429, code="lock_timeout"), failing(409, code="lock_timeout"), listing(PRODUCT)) as (client, _, turns, _):
        assert ["prod_1"] == ids(client)
        assert [] == turns.refusals


def test_a_host_that_never_answered_is_given_up_sooner() -> None:
    """A misspelt address fails after three attempts with what to check; one that has answered before gets them all."""
    with serving(listing(PRODUCT)) as host:
        address = host.address
    pauses: list[float] = []
    client = Client(KEY, base=address, limiter=Turns(), patience=QUICK, sleep=pauses.append)
    with pytest.raises(Unreachable) as caught:
        ids(client)
    assert 2 == len(pauses)
    for expected in (address, "STRIPE_API_BASE", "`nrr doctor`", "refused"):
        assert expected in str(caught.value)


# --- answers that are final -------------------------------------------------------------------------------------------------------

FINAL: dict[str, tuple[Reply, type[ReadError], tuple[str, ...]]] = {
    "401": (failing(401, "Invalid API Key provided: sk_test_51Abcdefghijklmnop"), Refused, ("STRIPE_API_KEY", "`nrr doctor`")),
    "403": (
        failing(
            403,
            "The provided key 'rk_test_abcdefghijkl' does not have the required permissions for this endpoint on account "
            "'acct_1X'. Having the 'rak_product_read' permission would allow this request to continue.",
        ),
        NotAllowed,
        ("products", "Products: Read", "rak_product_read", "`nrr doctor`"),
    ),
    "403 without words": (Reply(b"", 403), NotAllowed, ("products", "Products: Read")),
    "404 of a list": (failing(404, "Unrecognized request URL (GET: /v1/products)."), UnknownEndpoint, ("STRIPE_API_BASE",)),
    "404 in plain text": (Reply(b"404: Not Found", 404), UnknownEndpoint, ("products",)),
    "400": (failing(400, "Received unknown parameter: foo", param="foo"), BadRequest, ("unknown parameter",)),
    "402": (failing(402), BadRequest, ("products",)),
    "302": (Reply(b"", 302, {"Location": "https://elsewhere.example/"}), BadRequest, ("redirects elsewhere",)),
}


@pytest.mark.parametrize("case", FINAL)
def test_a_final_answer_is_told_at_once(case: str) -> None:
    """Nothing is asked twice; the type says what is wrong, the message what to do, and the SDK's own error is the cause."""
    reply, kind, words = FINAL[case]
    with asking(reply) as (client, host, _, pauses), pytest.raises(kind) as caught:
        ids(client)
    assert (1, []) == (len(host.requests), pauses)
    assert kind is type(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert isinstance(caught.value.__cause__, stripe.StripeError)


def test_a_missing_object_is_gone() -> None:
    """404 on an object is about the object, not about the host."""
    with asking(failing(404, "No such invoice: 'in_1'", code="resource_missing")) as (client, _, _, _), pytest.raises(Gone):
        client.get(Asked("invoices", "/v1/invoices/{id}", "Invoices: Read", "in_1"), "/v1/invoices/in_1", [], len)


# --- the key ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [*FINAL, "reset", "500", "echoed", "HTML"])
def test_the_key_shows_nowhere(case: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not in an error, its causes, its repr, the locals of its frames, the client's repr, or a log, even when the host echoes it."""
    echo = {
        "reset": Reply(fault="reset"),
        "500": failing(500, f"boom {KEY}"),
        "echoed": failing(400, f"bad Authorization: Bearer {KEY}", {"Request-Id": KEY}, param=KEY, code=KEY),
        "HTML": Reply(f"<p>{KEY}</p>".encode()),
    }
    reply = echo[case] if case in echo else FINAL[case][0]
    with caplog.at_level(logging.DEBUG), asking(reply) as (client, _, _, _):
        with pytest.raises(ReadError) as caught:
            ids(client)
        shown = [repr(client), repr(vars(client)), repr(vars(client._transport)), caplog.text]
    error: BaseException | None = caught.value
    while error is not None:
        shown += [str(error), repr(error), repr(error.args), repr(vars(error))]
        frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
        shown += [f"{frame.name}: {frame.locals}" for frame in frames if "/tests/" not in frame.filename]
        error = error.__cause__ or error.__context__
    assert [] == [text for text in shown if KEY in text]


@pytest.mark.parametrize("key", ["", "sk_test_a b", "sk_test_a\n", "sk_test_é"])
def test_a_key_that_is_none_is_refused_unsent(key: str) -> None:
    """A key with a line break or a space is refused before it can become part of a header, without being repeated."""
    with pytest.raises(Refused) as caught:
        Client(key, limiter=Turns())
    assert "STRIPE_API_KEY" in str(caught.value)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("sk_live_1abcdef", True),
        ("rk_live_1abcdef", True),
        ("sk_test_1abcdef", False),
        ("sk_org_live_12345", True),
        ("rk_other", None),
    ],
)
def test_a_key_says_its_mode(key: str, expected: bool | None) -> None:
    """The mode is read off the key where it says it."""
    assert expected is Client(key, limiter=Turns()).livemode_by_key


# --- the address ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base", ["https://api.stripe.com/", "http://127.0.0.1:80", "http://localhost:9/x", "http://[::1]:8", "HTTPS://a.example"]
)
def test_addresses_that_keep_the_key_safe(base: str) -> None:
    """https anywhere, plain http to this machine."""
    assert base.rstrip("/") == checked_base(base)


@pytest.mark.parametrize(
    "base",
    [
        "http://api.stripe.com",
        "http://10.0.0.1",
        "http://localhost.example",
        "ftp://a",
        "api.stripe.com",
        "",
        "https://",
        "https://u:p@a",
        "https://a:x",
        "https://a/?b=c",
    ],
)
def test_addresses_that_don_t(base: str) -> None:
    """Plain http to another machine, something that is no URL, and an address with a password are refused before anything is sent."""
    with pytest.raises(BadAddress, match=r"STRIPE_API_BASE|unencrypted") as caught:
        checked_base(base)
    assert "u:p" not in str(caught.value)


def test_plain_http_when_asked_for() -> None:
    """Somebody who knows what he does may allow it."""
    assert "http://stripe.internal:8080" == checked_base("http://stripe.internal:8080", allow_plain_http=True)


def test_certificates_are_verified(tmp_path: Path) -> None:
    """A server with a certificate that nobody vouches for is not spoken to, until its authority is named."""
    import http.server
    import ssl
    import threading

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            self.end_headers()
            self.wfile.write(b'{"object": "list", "data": [], "has_more": false}')

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its base class calls it so
            """Quiet."""

    class Server(http.server.HTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that turns away is the point."""

        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            return context.wrap_socket(connection, server_side=True), address

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    base = f"https://127.0.0.1:{server.server_port}"
    try:
        trusting = Client(KEY, base=base, limiter=Turns(), patience=QUICK, outgoing=Outgoing(ca_file=str(bundle)))
        assert [] == ids(trusting)
        trusting.close()
        with pytest.raises(Unreachable, match=r"CERTIFICATE_VERIFY_FAILED|certificate"):
            ids(Client(KEY, base=base, limiter=Turns(), patience=QUICK, sleep=lambda _: None))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
