"""Telling people by mail: SMTP, spoken line by line, because what may be repeated depends on which line was refused.

Until the message itself was handed over nothing was taken, so everything that fails before may be tried again; a connection that ends
after that leaves a doubt. Recipients are refused one by one. A password only travels over a line whose certificate was checked.
"""

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import policy
from typing import Any, Final, Literal

from integrations.notify.delivery import Outcome, Parcel, tried
from integrations.notify.email_message import address, letter
from integrations.notify.sanitize import plain, without

NAME: Final = "email"
TIMEOUT_SECONDS: Final = 20.0
LONGEST_LINE: Final = 900
"""SMTP takes 998."""
GREYLISTED_SECONDS: Final = 300.0
"""How long a server that says `not yet` is left alone: greylisting wants some minutes."""

_LOCAL: Final = ("localhost", "127.0.0.1", "::1")


class NoEncryption(smtplib.SMTPException):
    """The server doesn't offer the encryption that was asked for."""


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
    """Certificates to trust besides the system's."""

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("mail takes at least one recipient")
        for each in (self.sender, *self.recipients):
            address(each)
        if self.tls == "none" and self.username is not None and self.host not in _LOCAL:
            raise ValueError("a password over an unencrypted line could be read by anybody; set SMTP_TLS to starttls or tls")


@dataclass(frozen=True, slots=True)
class Mail:
    """The channel. `sleep` waits between tries."""

    target: MailTarget
    sleep: Callable[[float], None]
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def name(self) -> str:
        """What the outbox calls it."""
        return NAME

    def deliver(self, parcel: Parcel) -> Outcome:
        """Hand the mail over for every recipient that has not got it; who was refused for good is not asked again."""
        mail = letter(
            parcel.content,
            key=parcel.key,
            thread=parcel.thread,
            sender=self.target.sender,
            recipients=self.target.recipients,
            at=parcel.at,
            repeat=parcel.repeat,
            files=parcel.files,
        )
        international = any(not str(each).isascii() for each in (self.target.sender, *self.target.recipients))
        kind = policy.SMTPUTF8 if international else policy.SMTP
        # Folded where RFC 5322 allows it, a header can come out with a blank before its first word.
        body = mail.as_bytes(policy=kind.clone(max_line_length=LONGEST_LINE))

        def attempt(progress: Mapping[str, Any]) -> Outcome:
            return self._once(body, progress)

        outcome = tried(attempt, parcel.progress, self.sleep)
        safe = plain(without(outcome.why, (self.target.password,)))
        return Outcome(outcome.end, safe, outcome.wait_seconds, outcome.progress)

    def _once(self, body: bytes, progress: Mapping[str, Any]) -> Outcome:
        """One conversation."""
        done = {*progress.get("delivered", ()), *progress.get("refused", {})}
        waiting = [bare for bare in (address(r).addr_spec for r in self.target.recipients) if bare not in done]
        if not waiting:
            return Outcome("sent")
        talk = _Talk(dict(progress.get("refused", {})), list(progress.get("delivered", ())))
        try:
            with self._open() as server:
                self._hand_over(server, body, waiting, talk)
        except (smtplib.SMTPException, OSError) as error:
            return talk.ended_by(error)
        return talk.ended()

    def _open(self) -> smtplib.SMTP:
        target = self.target
        context = ssl.create_default_context()
        if target.ca_file is not None:
            context.load_verify_locations(target.ca_file)
        name = "".join(c for c in socket.gethostname() if c.isalnum() or c in ".-") or "localhost"
        if target.tls == "tls":
            return smtplib.SMTP_SSL(target.host, target.port, local_hostname=name, timeout=self.timeout_seconds, context=context)
        server = smtplib.SMTP(target.host, target.port, local_hostname=name, timeout=self.timeout_seconds)
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

    def _hand_over(self, server: smtplib.SMTP, body: bytes, waiting: list[str], talk: "_Talk") -> None:
        target = self.target
        server.ehlo_or_helo_if_needed()
        if target.username is not None:
            server.login(target.username, target.password or "")
        options = ["SMTPUTF8"] if any(not a.isascii() for a in waiting) and server.has_extn("smtputf8") else []
        code, said = server.mail(address(target.sender).addr_spec, options)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, said, target.sender)
        for recipient in waiting:
            code, said = server.rcpt(recipient)
            talk.answered(recipient, code, said)
        if not talk.accepted:
            server.rset()
            return
        talk.phase = "data"
        code, said = server.data(body)
        talk.phase = "over"
        talk.taken(code, said)


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
