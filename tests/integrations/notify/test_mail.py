"""Mail over real SMTP with real TLS: what arrives, and what each answer of the server allows."""

import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from integrations.notify.delivery import Outcome
from integrations.notify.email_message import message_id
from integrations.notify.mail import GREYLISTED_SECONDS, Mail, MailTarget
from tests.integrations.notify.mail_server import MailServer
from tests.integrations.notify.samples import content, parcel

A, B, C = "a@example.com", "b@example.com", "c@example.com"
Open = Callable[..., MailServer]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Open]:
    """Starts servers, and stops them in the end."""
    running: list[MailServer] = []

    def start(**options: Any) -> MailServer:
        server = MailServer(tmp_path, **options)
        server.__enter__()
        running.append(server)
        return server

    yield start
    for server in running:
        server.__exit__()


def mail(server: MailServer, *recipients: str, **options: Any) -> Mail:
    """The channel; it never really waits."""
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "sender": "nrr <nrr@example.com>",
        "recipients": recipients or (A,),
        "ca_file": server.ca_file,
        **options,
    }
    return Mail(MailTarget(**values), lambda _seconds: None, timeout_seconds=3)


def _parts(found: EmailMessage) -> tuple[str, str, list[EmailMessage]]:
    plain, html = found.get_body(("plain",)), found.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content(), [p for p in found.walk() if p.get_content_type() == "image/png"]


def test_a_mail_arrives_over_a_verified_line_in_text_and_html_with_its_chart(serve: Open) -> None:
    """STARTTLS with the certificate checked; both bodies say the same, and the picture is the one that the HTML shows."""
    server = serve()
    assert Outcome("sent", progress={"delivered": [A], "refused": {}}) == mail(server).deliver(parcel())
    ((to, found),) = server.taken
    assert [A] == to
    text, html, (chart,) = _parts(found)
    assert "[nrr] [SAMPLE] NRR below 100 %: 98.7 % (the 12 months to February 2026)" == found["Subject"]
    assert "auto-generated" == found["Auto-Submitted"]
    assert "Thu, 05 Mar 2026 04:00:00 +0000" == found["Date"]
    for each in ("1,000,000 USD", "cus_sample_1", "canceled by the customer", "every figure in it is invented"):
        assert each in text
        assert each in html.replace("&nbsp;", " ")
    assert f'src="cid:{chart["Content-ID"][1:-1]}"' in html
    assert chart.get_content().startswith(b"\x89PNG")
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_a_number_stays_with_its_unit(serve: Open) -> None:
    """On a narrow screen no line of the HTML ends between 98.7 and %, or 1,200 and USD; a command is left as it is typed."""
    server = serve()
    said = content(summary="NRR is 98.7 %, down by 1,200 USD.", commands=[["Why", "nrr explain trailing_12@2026-03"]])
    assert "sent" == mail(server).deliver(parcel(content=said)).end
    ((_, found),) = server.taken
    plain, html, _ = _parts(found)
    assert "NRR is 98.7 %, down by 1,200 USD." in plain
    assert "NRR is 98.7&nbsp;%, down by 1,200&nbsp;USD." in html
    assert not re.findall(r"\d %|\d [A-Z]{3}\b", html)
    assert "nrr explain trailing_12@2026-03" in html


def test_mails_about_one_alert_are_a_thread(serve: Open) -> None:
    """The Message-ID is made of what it tells of: the same in every try, and the end answers the beginning."""
    server = serve()
    mail(server).deliver(parcel())
    mail(server).deliver(parcel(repeat=True))
    mail(server).deliver(parcel(key="nrr||1|resolved:1|", thread="nrr||1"))
    first, again, last = (found for _, found in server.taken)
    assert message_id("nrr||1", "example.com") == first["Message-ID"] == again["Message-ID"]
    assert first["In-Reply-To"] is None
    assert first["Message-ID"] == last["In-Reply-To"] == last["References"]
    assert first["Message-ID"] != last["Message-ID"]
    assert "This may be a repeat" in _parts(again)[0]
    assert "This may be a repeat" in _parts(again)[1]


def test_greylisting_is_waited_for(serve: Open) -> None:
    """Not yet, says the server: to be tried in five minutes, and then it is taken."""
    server = serve()
    server.script.rcpt[A] = deque(["451 4.7.1 greylisted, try again"])
    done = mail(server).deliver(parcel())
    assert ("again", GREYLISTED_SECONDS) == (done.end, done.wait_seconds)
    assert "451 4.7.1 greylisted, try again" == done.why
    assert [] == server.taken
    assert "sent" == mail(server).deliver(parcel(progress=done.progress)).end
    assert 1 == len(server.taken)


def test_recipients_are_refused_one_by_one(serve: Open) -> None:
    """One takes it, one is refused for good, one not yet: the next try asks the third only, and the first gets one mail."""
    server = serve()
    server.script.rcpt = {B: deque(["550 5.1.1 no such user"]), C: deque(["450 4.2.0 busy"])}
    done = mail(server, A, B, C).deliver(parcel())
    assert "again" == done.end
    assert {"delivered": [A], "refused": {B: "550 5.1.1 no such user"}} == dict(done.progress)
    server.tries.clear()
    last = mail(server, A, B, C).deliver(parcel(progress=done.progress))
    assert ("sent", [C]) == (last.end, server.tries)
    assert "refused for 1: 550 5.1.1 no such user" == last.why
    assert [[A], [C]] == [to for to, _ in server.taken]


def test_a_channel_that_everybody_is_refused_by_is_dead(serve: Open) -> None:
    """Nobody is left to get it: somebody must look, by the other channel."""
    server = serve()
    server.script.rcpt = {A: deque(["550 no"]), B: deque(["550 no"])}
    done = mail(server, A, B).deliver(parcel())
    assert ("dead", "every recipient was refused: 550 no") == (done.end, done.why)


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(serve: Open) -> None:
    """Without trust in its authority nothing is sent, not even the sender's name; by TLS from the start neither."""
    for tls in ("starttls", "tls"):
        server = serve(tls=tls)
        done = mail(server, ca_file=None, tls=tls).deliver(parcel())
        assert "dead" == done.end
        assert "certificate can't be trusted" in done.why
        assert ([], []) == (server.tries, server.taken)


def test_a_certificate_for_another_name_is_not_talked_to(serve: Open) -> None:
    """The authority is trusted, but the certificate is not this host's."""
    server = serve()
    done = mail(server, host="127.0.0.2").deliver(parcel()) if sys.platform == "linux" else Outcome("dead")
    assert done.end in ("dead", "again")
    assert [] == server.taken


def test_a_server_without_starttls_gets_nothing(serve: Open) -> None:
    """Encryption was asked for and isn't offered: nothing is sent in the clear."""
    server = serve(tls="none")
    done = mail(server).deliver(parcel())
    assert ("dead", "the server offers no STARTTLS; nothing was sent") == (done.end, done.why)


def test_tls_from_the_start_works(serve: Open) -> None:
    """Port 465's way."""
    server = serve(tls="tls")
    assert "sent" == mail(server, tls="tls").deliver(parcel()).end


def test_a_login_works_and_a_refused_one_kills_the_channel_without_telling_the_password(serve: Open) -> None:
    """With the right password it is taken; with a wrong one nobody is asked again, and the password is in no text."""
    server = serve(login=True)
    assert "sent" == mail(server, username="nrr", password="s3cr3t-word").deliver(parcel()).end
    wrong = mail(server, username="nrr", password="wr0ng-word")
    done = wrong.deliver(parcel())
    assert "dead" == done.end
    assert "wr0ng-word" not in f"{done} {wrong}"


def test_a_password_is_not_sent_in_the_clear() -> None:
    """An unencrypted line to another machine with a password is refused when it is set."""
    with pytest.raises(ValueError, match="could be read by anybody"):
        MailTarget("mail.example.com", "a@example.com", (A,), tls="none", username="nrr", password="x")


def test_a_connection_that_ends_before_the_answer_is_a_doubt(serve: Open) -> None:
    """The server has the message and is gone before it says so: it may have taken it, and it isn't repeated here."""
    for how in ("cut", "cut after taking"):
        server = serve()
        server.script.data = deque([how])
        done = mail(server).deliver(parcel())
        assert "ambiguous" == done.end
        assert 1 == len(server.tries), "repeated blindly"


def test_what_the_server_says_of_the_message_decides(serve: Open) -> None:
    """Refused for good is failed; not now is to be tried again; neither is a doubt."""
    server = serve()
    server.script.data = deque(["554 5.7.1 spam", "452 4.3.1 full"])
    assert "failed" == mail(server).deliver(parcel()).end
    later = mail(server).deliver(parcel())
    assert ("again", GREYLISTED_SECONDS) == (later.end, later.wait_seconds)
    assert {"delivered": [], "refused": {}} == dict(later.progress)


def test_a_sender_that_is_refused_kills_the_channel(serve: Open) -> None:
    """553 to our own address won't change by itself; 451 will."""
    server = serve()
    server.script.sender = deque(["553 not yours", "451 later"])
    assert "dead" == mail(server).deliver(parcel()).end
    assert "again" == mail(server).deliver(parcel()).end


def test_a_server_that_is_away_has_taken_nothing(tmp_path: Path) -> None:
    """The port is closed: to be tried again, a few times now and then later."""
    with MailServer(tmp_path) as server:
        channel = mail(server)
    waits: list[float] = []
    done = Mail(channel.target, waits.append, timeout_seconds=2).deliver(parcel())
    assert ("again", 2) == (done.end, len(waits))


def test_without_matplotlib_the_mail_goes_without_its_chart(serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture is a nicety; the alert is not."""
    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    server = serve()
    assert "sent" == mail(server).deliver(parcel()).end
    text, html, charts = _parts(server.taken[0][1])
    assert [] == charts
    assert "cid:" not in html
    assert "1,000,000 USD" in text


def test_an_international_address_is_written_as_such(serve: Open) -> None:
    """SMTPUTF8 where the server offers it."""
    server = serve()
    assert "sent" == mail(server, "jürgen@example.com").deliver(parcel()).end
    assert ["jürgen@example.com"] == server.tries


def test_a_name_outside_ascii_is_an_encoded_word(serve: Open) -> None:
    """Names of senders and recipients put no raw byte on the wire (RFC 2047), whatever the server offers, and come out as they were written."""
    for utf8 in (True, False):
        server = serve(utf8=utf8)
        channel = mail(server, "Jürgen Groß <a@example.com>", sender="Zahlen für alle <nrr@example.com>")
        assert "sent" == channel.deliver(parcel()).end
        head = server.raw[0].partition(b"\r\n\r\n")[0]
        assert head.isascii()
        found = server.taken[0][1]
        assert ("Jürgen Groß", "Zahlen für alle") == (
            found["To"].addresses[0].display_name,
            found["From"].addresses[0].display_name,
        )


def test_an_international_address_is_refused_by_a_server_that_takes_none(serve: Open) -> None:
    """The others get their mail, and it names only them; a sender like that has no way at all there."""
    server = serve(utf8=False)
    done = mail(server, A, "jürgen@example.com").deliver(parcel())
    assert ("sent", [A]) == (done.end, done.progress["delivered"])
    assert "SMTPUTF8" in done.progress["refused"]["jürgen@example.com"]
    assert server.raw[0].partition(b"\r\n\r\n")[0].isascii()
    assert "dead" == mail(serve(utf8=False), sender="jürgen@example.com").deliver(parcel()).end
    assert "dead" == mail(serve(utf8=False), "jürgen@example.com").deliver(parcel()).end


def test_mails_in_clear_text_to_another_machine_take_a_flag() -> None:
    """Figures are nobody else's business: refused when it is set, unless somebody says that it is meant; this machine is no other one."""
    with pytest.raises(ValueError, match="NRR_ALLOW_PLAIN_MAIL"):
        MailTarget("mail.example.com", "a@example.com", (A,), tls="none")
    MailTarget("mail.example.com", "a@example.com", (A,), tls="none", allow_plain=True)
    for here in ("localhost", "127.0.0.1", "127.8.9.1", "::1"):
        MailTarget(here, "a@example.com", (A,), tls="none", username="nrr", password="x")
    with pytest.raises(ValueError, match="could be read by anybody"):
        MailTarget("mail.example.com", "a@example.com", (A,), tls="none", username="nrr", password="x", allow_plain=True)


def test_a_password_outside_ascii_logs_in(serve: Open) -> None:
    """And a wrong one is refused; neither is an error that nobody foresaw."""
    server = serve(login=True)
    wrong = mail(server, username="nrr", password="geheim-für-alle").deliver(parcel())
    assert "dead" == wrong.end
    assert "refuses us" in wrong.why
    assert "für-alle" not in wrong.why


@pytest.mark.parametrize(
    "broken", [{"title": {"deep": object()}}, {"bridge": 5}, {"customers": [[]]}, {"chart": {"points": [None]}}]
)
def test_what_nobody_foresaw_is_a_message_that_failed(serve: Open, broken: dict[str, Any]) -> None:
    """A content that can't be made into a mail keeps no other waiting: whatever it holds, an outcome is given and nothing is raised."""
    done = mail(serve()).deliver(parcel(content=content(**broken)))
    assert done.end in ("sent", "failed")


def test_certificates_that_are_gone_are_an_outcome(serve: Open) -> None:
    """The file was there when it was set."""
    done = mail(serve(), ca_file="/nowhere/ca.pem").deliver(parcel())
    assert done.end in ("again", "dead")


def test_lines_that_begin_with_a_dot_arrive(serve: Open) -> None:
    """The end of a message is a dot alone: one in the text must not end it."""
    server = serve()
    mail(server).deliver(parcel(content=content(summary=".", notes=[".", "after the dot"])))
    assert "after the dot" in _parts(server.taken[0][1])[0]
