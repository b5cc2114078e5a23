"""Telling people by mail: SMTP, spoken line by line, because what may be repeated depends on which line was refused.

Until the message itself was handed over nothing was taken, so everything that fails before may be tried again; a connection that ends
after that leaves a doubt. Recipients are refused one by one. A password only travels over a line whose certificate was checked.
"""

import base64
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import policy
from typing import Any, Final, Literal

from integrations.notify.delivery import Outcome, Parcel, never_raising, tried
from integrations.notify.email_message import address, letter
from integrations.notify.sanitize import plain, without
from integrations.outgoing import DIRECT, Outgoing, is_loopback

NAME: Final = "email"
TIMEOUT_SECONDS: Final = 20.0
LONGEST_LINE: Final = 900
"""SMTP takes 998."""
GREYLISTED_SECONDS: Final = 300.0
"""How long a server that says `not yet` is left alone: greylisting wants some minutes."""

ASCII_ONLY: Final = "the mail server takes no addresses outside ASCII (it offers no SMTPUTF8)"


_HOST: Final = re.compile(r"[^\s/@:]+|(?=.*:.*:)[0-9A-Fa-f:.]+(%[^\s/@:]+)?")
"""A name or an address; one of version 6 has two colons at least, where one alone leads to a port."""


class NoEncryption(smtplib.SMTPException):
    """The server doesn't offer the encryption that was asked for."""


def host_fault(host: str) -> str | None:
    """Why no server can be called so, None where one can."""
    return (
        None
        if _HOST.fullmatch(host)
        else f"{host!r} is no host's name; it takes one such as smtp.example.com, and SMTP_PORT its port"
    )


@dataclass(frozen=True, slots=True)
class MailTarget:
    """The server, how the line is secured, who sends, and who gets the mails. The password doesn't show when it is printed."""

    host: str
    sender: str
    recipients: tuple[str, ...]
    port: int = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    """Certificates to trust besides the system's, for this server alone."""
    allow_plain: bool = False
    """Let mails travel unencrypted to another machine; a password never does."""

    def __post_init__(self) -> None:
        if fault := host_fault(self.host):
            raise ValueError(fault)
        if not self.recipients:
            raise ValueError("mail takes at least one recipient")
        for each in (self.sender, *self.recipients):
            address(each)
        if self.tls == "none" and not is_loopback(self.host):
            if self.username is not None:
                raise ValueError("a password over an unencrypted line could be read by anybody; set SMTP_TLS to starttls or tls")
            if not self.allow_plain:
                raise ValueError(
                    f"mails with figures in them would travel unencrypted to {self.host}; set SMTP_TLS to starttls or tls, or, if that "
                    "is meant, NRR_ALLOW_PLAIN_MAIL=true"
                )


@dataclass(frozen=True, slots=True)
class Mail:
    """The channel, called `name` by rules and the outbox. `sleep` waits between tries."""

    target: MailTarget
    sleep: Callable[[float], None]
    timeout_seconds: float = TIMEOUT_SECONDS
    outgoing: Outgoing = DIRECT
    name: str = NAME

    def deliver(self, parcel: Parcel) -> Outcome:
        """Hand the mail over for every recipient that has not got it; who was refused for good is not asked again."""
        return never_raising(lambda: self._deliver(parcel), parcel.progress)

    def _deliver(self, parcel: Parcel) -> Outcome:
        def attempt(progress: Mapping[str, Any]) -> Outcome:
            return self._once(parcel, progress)

        outcome = tried(attempt, parcel.progress, self.sleep)
        safe = plain(without(outcome.why, (self.target.password,)))
        return Outcome(outcome.end, safe, outcome.wait_seconds, outcome.progress)

    def _body(self, parcel: Parcel, *, international: bool) -> bytes:
        """The mail as it travels. Names outside ASCII are encoded words (RFC 2047); raw they stand only in a mail that is international anyway,
        because an address in it can't be written otherwise. A recipient whom the server can't be told of is left out."""
        mail = letter(
            parcel.content,
            key=parcel.key,
            thread=parcel.thread,
            sender=self.target.sender,
            recipients=[each for each in self.target.recipients if international or address(each).addr_spec.isascii()],
            at=parcel.at,
            repeat=parcel.repeat,
            files=parcel.files,
        )
        kind = policy.SMTPUTF8 if international else policy.SMTP
        # Folded where RFC 5322 allows it, a header can come out with a blank before its first word.
        return mail.as_bytes(policy=kind.clone(max_line_length=LONGEST_LINE))

    def _once(self, parcel: Parcel, progress: Mapping[str, Any]) -> Outcome:
        """One conversation."""
        done = {*progress.get("delivered", ()), *progress.get("refused", {})}
        waiting = [bare for bare in (address(r).addr_spec for r in self.target.recipients) if bare not in done]
        if not waiting:
            return Outcome("sent")
        talk = _Talk(dict(progress.get("refused", {})), list(progress.get("delivered", ())))
        try:
            with self._open() as server:
                self._hand_over(server, parcel, waiting, talk)
        except (smtplib.SMTPException, OSError) as error:
            return talk.ended_by(error)
        return talk.ended()

    def _open(self) -> smtplib.SMTP:
        target = self.target
        context = self.outgoing.context(target.ca_file)
        name = "".join(c for c in socket.gethostname() if c.isalnum() or c in ".-") or "localhost"
        if target.tls == "tls":
            return _ImplicitTls(self.outgoing, target.host, target.port, name, self.timeout_seconds, context)
        server = _Line(self.outgoing, target.host, target.port, name, self.timeout_seconds)
        try:
            if target.tls == "starttls":
                server.ehlo_or_helo_if_needed()
                if not server.has_extn("starttls"):
                    raise NoEncryption("the server offers no STARTTLS; nothing was sent")
                server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _hand_over(self, server: smtplib.SMTP, parcel: Parcel, waiting: list[str], talk: "_Talk") -> None:
        target = self.target
        server.ehlo_or_helo_if_needed()
        if target.username is not None:
            _log_in(server, target.username, target.password or "")
        origin = address(target.sender).addr_spec
        addresses = [origin, *(address(each).addr_spec for each in target.recipients)]
        international = server.has_extn("smtputf8") and not all(each.isascii() for each in addresses)
        if not (international or origin.isascii()):
            raise smtplib.SMTPNotSupportedError(f"{ASCII_ONLY}, and the sender's is one")
        body = self._body(parcel, international=international) if international or any(each.isascii() for each in waiting) else b""
        code, said = server.mail(origin, ["SMTPUTF8"] if international else [])
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, said, target.sender)
        for recipient in waiting:
            if not (international or recipient.isascii()):
                talk.refused[recipient] = ASCII_ONLY
                continue
            code, said = server.rcpt(recipient)
            talk.answered(recipient, code, said)
        if not talk.accepted:
            server.rset()
            return
        talk.phase = "data"
        code, said = server.data(body)
        talk.phase = "over"
        talk.taken(code, said)


class _Line(smtplib.SMTP):
    """A connection that goes by the proxy, where there is one."""

    def __init__(self, outgoing: Outgoing, host: str, port: int, name: str, seconds: float) -> None:
        self._outgoing = outgoing
        super().__init__(host, port, local_hostname=name, timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # the library's own way in for this
        return self._outgoing.connect(host, port, timeout)


class _ImplicitTls(smtplib.SMTP_SSL):
    """The same with TLS from the start."""

    def __init__(self, outgoing: Outgoing, host: str, port: int, name: str, seconds: float, context: ssl.SSLContext) -> None:
        self._outgoing = outgoing
        super().__init__(host, port, local_hostname=name, timeout=seconds, context=context)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = self._outgoing.connect(host, port, timeout)
        try:
            return self.context.wrap_socket(line, server_hostname=host)
        except BaseException:
            line.close()
            raise


def _log_in(server: smtplib.SMTP, username: str, password: str) -> None:
    """Log in. The standard library knows ASCII alone: PLAIN takes UTF-8 as RFC 4616 has it, and is used for names and passwords beyond."""
    if username.isascii() and password.isascii():
        server.login(username, password)
        return
    if "PLAIN" not in server.esmtp_features.get("auth", "").upper().split():
        raise smtplib.SMTPNotSupportedError("it offers no PLAIN, which a name or password outside ASCII takes")
    told = base64.b64encode(f"\0{username}\0{password}".encode()).decode("ascii")
    code, said = server.docmd("AUTH", f"PLAIN {told}")
    if code not in (235, 503):
        raise smtplib.SMTPAuthenticationError(code, said)


@dataclass(slots=True)
class _Talk:
    """How far a conversation has come, and who was accepted or refused in it."""

    refused: dict[str, str]
    delivered: list[str]
    accepted: list[str] = field(default_factory=list)
    later: dict[str, str] = field(default_factory=dict)
    phase: Literal["before", "data", "over"] = "before"
    said: Outcome | None = None

    def answered(self, recipient: str, code: int, said: bytes) -> None:
        """What the server says of one recipient."""
        if code in (250, 251, 252):
            self.accepted.append(recipient)
        elif 400 <= code < 500:
            self.later[recipient] = _words(code, said)
        else:
            self.refused[recipient] = _words(code, said)

    def taken(self, code: int, said: bytes) -> None:
        """What the server says of the message."""
        if code == 250:
            self.delivered += self.accepted
        elif 400 <= code < 500:
            self.said = Outcome("again", _words(code, said), GREYLISTED_SECONDS, self.progress())
        else:
            self.said = Outcome("failed", _words(code, said), progress=self.progress())

    def progress(self) -> dict[str, Any]:
        """What to remember."""
        return {"delivered": self.delivered, "refused": self.refused}

    def ended(self) -> Outcome:
        """How a conversation that came to its end went."""
        if self.said is not None:
            return self.said
        if self.later:
            return Outcome("again", "; ".join(sorted(set(self.later.values()))), GREYLISTED_SECONDS, self.progress())
        if not self.delivered:
            return Outcome(
                "dead", f"every recipient was refused: {'; '.join(sorted(set(self.refused.values())))}", progress=self.progress()
            )
        why = f"refused for {len(self.refused)}: {'; '.join(sorted(set(self.refused.values())))}" if self.refused else ""
        return Outcome("sent", why, progress=self.progress())

    def ended_by(self, error: Exception) -> Outcome:
        """How a conversation that broke off went."""
        progress = self.progress()
        if self.phase == "over" or (self.phase == "before" and self.said is not None):
            return self.ended()
        if isinstance(error, smtplib.SMTPDataError):  # the server would not even begin to take it
            kind: Literal["again", "failed"] = "again" if error.smtp_code < 500 else "failed"
            return Outcome(kind, _words(error.smtp_code, error.smtp_error), GREYLISTED_SECONDS if kind == "again" else 0, progress)
        if self.phase == "data":
            return Outcome(
                "ambiguous",
                f"the connection ended before the server said that it has it: {type(error).__name__}",
                progress=progress,
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return Outcome("dead", f"the mail server's certificate can't be trusted: {error.verify_message}", progress=progress)
        if isinstance(error, NoEncryption):
            return Outcome("dead", str(error), progress=progress)
        if isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPSenderRefused) and error.smtp_code >= 500:
            return Outcome("dead", f"the mail server refuses us: {_words(error.smtp_code, error.smtp_error)}", progress=progress)
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return Outcome("dead", f"the mail server can't do what is needed: {error}", progress=progress)
        if isinstance(error, smtplib.SMTPResponseException):
            wait = GREYLISTED_SECONDS if error.smtp_code < 500 else 0.0
            return Outcome("again", _words(error.smtp_code, error.smtp_error), wait, progress)
        return Outcome("again", f"the mail server can't be reached: {type(error).__name__}: {error}", progress=progress)


def _words(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {plain(text, 200)}"
