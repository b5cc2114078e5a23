"""Hosts that are broken or mean harm: bounded time, bounded memory, and an error with a sentence; what was good before stays good."""

import json
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from integrations.stripe import progress
from integrations.stripe.client import Client, Patience
from integrations.stripe.decode.parsing import MOST_OBJECTS
from integrations.stripe.errors import ReadError, Transient
from integrations.stripe.limits import Ceilings, LocalLimiter
from integrations.stripe.reader import Reader
from integrations.stripe.transport import Seconds
from tests.integrations.stripe.host import NOW, Reply, Request, serving

ONCE = Patience(attempts=1, seconds=Seconds(connect=2, read=2, answer=0.6), attempts_when_never_reached=1)
UNLIMITED = Ceilings(account=1e6, endpoint=1e6)


def reader(address: str, patience: Patience = ONCE) -> Reader:
    """A reader that asks once, and gives an answer six tenths of a second."""
    return Reader(Client("sk_test_x", limiter=LocalLimiter(UNLIMITED), base=address, patience=patience))


@contextmanager
def raw(say: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """A host that says whatever `say` writes to each connection, until the test is over."""
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    threads: list[threading.Thread] = []

    def each(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65_536)
                say(connection, over)
            except OSError:
                pass  # the client has given up, which is what is tested

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=each, args=(connection,), daemon=True))
            threads[-1].start()

    serving_thread = threading.Thread(target=serve, daemon=True)
    serving_thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        over.set()
        serving_thread.join(10)
        for thread in threads:
            thread.join(10)
        server.close()


def _drip(connection: socket.socket, over: threading.Event, text: bytes) -> None:
    while not over.is_set():
        connection.sendall(text)
        over.wait(0.02)


def _head(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(connection, over, b"a")


def _headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    _drip(connection, over, b"X-More: 1\r\n")


def _continue_slowly(connection: socket.socket, over: threading.Event) -> None:
    _drip(connection, over, b"HTTP/1.1 100 Continue\r\n\r\n")


def _continue_fast(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)


def _status(connection: socket.socket, over: threading.Event) -> None:
    _drip(connection, over, b"H")


def _one_header(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not over.is_set():
        connection.sendall(b"a" * 65_536)


def _chunks(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _drip(connection, over, b"1\r\n{\r\n")


def _a_chunks_length(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _drip(connection, over, b"0")


@pytest.mark.parametrize(
    "say",
    [_status, _head, _headers, _one_header, _continue_slowly, _continue_fast, _chunks, _a_chunks_length],
    ids=lambda f: f.__name__,
)
def test_no_answer_takes_longer_than_it_may(say: Callable[[socket.socket, threading.Event], None]) -> None:
    """A status, a header, headers, `100 Continue` or a body that drip, or never end: given up when the time of one answer is over.

    None of them is ever silent for as long as a socket waits, so nothing else would end it; the limit is far from both.
    """
    with raw(say) as address:
        began = time.monotonic()
        with pytest.raises(Transient):
            list(reader(address).pages("customers"))
        assert time.monotonic() - began < 30


def _customer(number: int, created: int = NOW) -> dict[str, Any]:
    return {"id": f"cus_{number}", "object": "customer", "created": created, "livemode": False, "metadata": {}}


def _page(*numbers: int, created: int = NOW) -> Reply:
    return Reply({"object": "list", "has_more": True, "url": "/v1/x", "data": [_customer(n, created) for n in numbers]})


@pytest.mark.parametrize("circle", [2, 3, 7, 40])
def test_pages_in_a_circle_are_left(circle: int) -> None:
    """However long the circle: the list is given up after a few rounds at most, and says where it came back to."""

    def answering(request: Request) -> Reply:
        after = request.params().get("starting_after", ["cus_0"])[0]
        return _page((int(after.removeprefix("cus_")) + 1) % circle)

    with serving(answering=answering) as host:
        with pytest.raises(Transient, match="doesn't end: it leads back to cus_"):
            list(reader(host.address).pages("customers"))
        assert len(host.requests) <= 5 * circle


def test_pages_without_end_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that makes up a new object for each page, none older than the last, is followed for so many pages and no more."""
    monkeypatch.setattr(progress, "PAGES_WITHOUT_PROGRESS", 30)

    def answering(request: Request) -> Reply:
        after = request.params().get("starting_after", ["cus_0"])[0]
        return _page(int(after.removeprefix("cus_")) + 1)

    with serving(answering=answering) as host:
        with pytest.raises(Transient, match="gave 30 pages and no older object"):
            list(reader(host.address).pages("customers"))
        assert 31 == len(host.requests)


@pytest.mark.long
def test_a_long_list_gets_on_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A control: pages that grow older, with many of one instant among them, are never taken for a circle or for no progress."""
    monkeypatch.setattr(progress, "PAGES_WITHOUT_PROGRESS", 30)

    def answering(request: Request) -> Reply:
        number = int(request.params().get("starting_after", ["cus_0"])[0].removeprefix("cus_")) + 1
        reply = _page(number, created=NOW - number // 29)
        return reply if number < 200 else Reply({**reply.body, "has_more": False})

    with serving(answering=answering) as host:
        assert 200 == sum(page.objects for page in reader(host.address).pages("customers"))


@pytest.mark.parametrize(
    "stream",
    ["invoices", *(pytest.param(each, marks=pytest.mark.long) for each in ("customers", "subscriptions", "events", "prices"))],
)
def test_a_page_of_150_000_objects_is_none(stream: str) -> None:
    """Refused with its number, in bounded memory: what it costs is some times the answer, and not what the objects would."""
    kind = {"customers": "customer", "subscriptions": "subscription", "invoices": "invoice", "events": "event", "prices": "price"}[
        stream
    ]
    body = json.dumps(
        {
            "object": "list",
            "has_more": False,
            "url": "/",
            "data": [{"id": f"x_{n}", "object": kind, "created": NOW} for n in range(150_000)],
        }
    ).encode()
    with serving(Reply(body)) as host:
        tracemalloc.start()
        try:
            with pytest.raises(Transient, match=r"150,000 objects, and a hundred were asked for"):
                list(reader(host.address).pages(stream))
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most < 40 * len(body)
    assert MOST_OBJECTS >= 100


def test_a_name_that_nobody_resolves_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS away: a few attempts, then an error that names the address; nothing waits for a name server for ever."""

    def nobody(*_arguments: Any, **_named: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(Transient, match=r"stripe\.invalid"):
        list(reader("https://stripe.invalid").pages("customers"))


NO_JSON = {
    "brackets": b"[" * 200_000,
    "braces": b'{"data":' * 100_000,
    "nothing": b"",
    "null": b"null",
    "a number": b"9" * 100_000,
    "a page of nulls": b'{"object":"list","has_more":true,"data":[null,null,null]}',
    "no list": b'{"object":"list","has_more":"yes","data":{}}',
    "html": b"<html>" * 1000,
    "utf-16": '{"data":[]}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_what_is_no_list_is_never_its_end(body: bytes) -> None:
    """Brackets without end, a number of 100,000 digits and the rest: an error of ours, not a crash and not an empty account."""
    with serving(Reply(body)) as host, pytest.raises(ReadError):
        list(reader(host.address).pages("customers"))


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_spoils_its_object_alone(word: str) -> None:
    """Where a number belongs it is never taken for nothing: the object is set aside by name, and the rest of its page goes on."""
    data = json.dumps([_customer(1), _customer(2)]).replace(f'"created": {NOW}', f'"created": {word}', 1)
    body = f'{{"object":"list","has_more":false,"url":"/","data":{data}}}'.encode()
    with serving(Reply(body)) as host:
        [page] = reader(host.address).pages("customers")
    assert (["cus_2"], [("cus_1", "bad_shape")]) == (
        [state.customer.id for state in page.customers],
        [(each.object_id, each.reason) for each in page.rejected],
    )


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_host_says_is_an_error_or_a_page(seed: int) -> None:
    """Good answers with bytes changed, doubled, cut or swapped, bodies and heads alike: pages, objects set aside, or a ReadError."""
    chance = random.Random(seed)
    good = json.dumps({"object": "list", "has_more": False, "url": "/", "data": [_customer(n) for n in range(5)]}).encode()
    head = b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: %d\r\n\r\n" % len(good)
    said = bytearray(head + good)
    for _ in range(chance.choice([1, 1, 2, 5, 40])):
        place = chance.randrange(len(said))
        match chance.randrange(4):
            case 0:
                said[place] = chance.randrange(256)
            case 1:
                del said[place : place + chance.randrange(1, 30)]
            case 2:
                said[place:place] = said[place : place + chance.randrange(1, 200)]
            case _:
                said[place:place] = chance.choice(
                    [b"\x00", b"\\u0000", b"\\ud800", b"NaN", b"1e999", b'"', b"{", b"9" * 5000, b"\r\n\r\n"]
                )
        said = said or bytearray(b"x")

    def say(connection: socket.socket, _over: threading.Event) -> None:
        connection.sendall(bytes(said))

    with raw(say) as address, suppress(ReadError):
        pages = list(reader(address).pages("customers"))
        assert sum(len(page.customers) + len(page.rejected) for page in pages) <= 10
