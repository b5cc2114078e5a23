"""A real SMTP server on loopback with TLS of its own authority, that refuses and breaks off as a script says."""

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.services.postgres import free_port


@dataclass
class Script:
    """What the server says: by recipient at RCPT (used up one by one), and at DATA; `cut`: it breaks off instead of answering."""

    rcpt: dict[str, deque[str]] = field(default_factory=dict)
    data: deque[str] = field(default_factory=deque)
    sender: deque[str] = field(default_factory=deque)


class _Handler:
    def __init__(self, script: Script, taken: list[tuple[list[str], EmailMessage]], tries: list[str]) -> None:
        self.script, self.taken, self.tries = script, taken, tries
        self.raw: list[bytes] = []

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.script.sender:
            return self.script.sender.popleft()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: Any) -> str:
        self.tries.append(address)
        answers = self.script.rcpt.get(address)
        if answers:
            return answers.popleft()
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:
        answer = self.script.data.popleft() if self.script.data else "250 OK"
        if answer == "cut":
            server.transport.abort()
            return "250 too late"
        if answer == "cut after taking":
            self._take(envelope)
            server.transport.abort()
            return "250 too late"
        if answer.startswith("250"):
            self._take(envelope)
        return answer

    def _take(self, envelope: Any) -> None:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.taken.append((list(envelope.rcpt_tos), mail))
        self.raw.append(bytes(envelope.content))


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=data.login == b"nrr" and data.password == b"s3cr3t-word", handled=False)


class _Controller(Controller):
    """One that knows whom it talks to, so that nobody is left with an open line when it ends."""

    talks: list[SMTP]

    def factory(self) -> SMTP:
        talk: SMTP = super().factory()  # type: ignore[no-untyped-call]  # the library tells no types
        self.talks.append(talk)
        return talk

    async def hang_up(self) -> None:
        for talk in self.talks:
            if talk.transport is not None:
                talk.transport.abort()  # type: ignore[attr-defined]  # of a socket, which it is
        for _ in range(5):  # what was closed is closed in the loop's next rounds
            await asyncio.sleep(0)


class MailServer:
    """The server. `taken` holds who got which mail, `tries` every recipient that was asked about."""

    def __init__(
        self,
        folder: Path,
        *,
        tls: str = "starttls",
        login: bool = False,
        utf8: bool = True,
        names: tuple[str, ...] = ("127.0.0.1", "localhost"),
    ) -> None:
        self.script = Script()
        self.port = free_port()
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.tries: list[str] = []
        authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(*names).configure_cert(context)
        more: dict[str, Any] = {"authenticator": _authenticate, "auth_required": True} if login else {}
        if tls == "starttls":
            more |= {"tls_context": context, "require_starttls": True}
        if tls == "none":
            more |= {"auth_require_tls": False}
        handler = _Handler(self.script, self.taken, self.tries)
        self.raw = handler.raw
        self._controller = _Controller(
            handler,
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=context if tls == "tls" else None,
            enable_SMTPUTF8=utf8,
            **more,
        )
        self._controller.talks = []

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._controller.hang_up(), self._controller.loop).result(10)
        self._controller.stop()
