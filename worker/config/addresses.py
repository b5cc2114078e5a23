"""Where secrets may travel, and how an address is shown: without anything in it that somebody could log in with.

A settings file lies in a folder, and whoever can write there must not be able to have the environment's key sent to a host of their
choosing. So an address that isn't Stripe's own, nor (for keys of test mode) this machine's, counts only where a person says so outside of any file.
"""

import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from integrations.outgoing import is_loopback

HIDDEN: Final = "***"
_HARMLESS: Final = frozenset(
    [
        "sslmode",
        "ssl_cert_reqs",
        "application_name",
        "connect_timeout",
        "target_session_attrs",
        "client_encoding",
        "options",
        "keepalives",
        "keepalives_idle",
        "gssencmode",
        "channel_binding",
        "timeout",
        "mode",
        "cache",
        "uri",
        "db",
        "host",
        "port",
    ]
)
"""Parameters of an address that say how to connect, and never as whom."""
_DATABASES: Final = ("sqlite", "postgresql", "postgres")
_STRIPE: Final = re.compile(r"(?:.+\.)?stripe\.com")


def host_of(address: str) -> str:
    """The host in an address, in lower case; empty when there is none."""
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""


def database_fault(address: str) -> str | None:
    """What is wrong with a database's address, seen without opening anything; None for one that can be tried. Nothing of it is repeated but
    the kind of database."""
    kind, there, _ = address.partition("://")
    try:
        urlsplit(address).port  # noqa: B018  # it is read when it is asked for
    except ValueError:
        there = ""
    if not there or not kind:
        return "DATABASE_URL is not an address of the form sqlite:///FILE or postgresql://…"
    backend = kind.partition("+")[0].lower()
    if backend not in _DATABASES:
        return f"DATABASE_URL names {backend}; SQLite and PostgreSQL are what works"
    return None


def proxy_fault(address: str) -> str | None:
    """What is wrong with a proxy's address; None for one that can be tried. Nothing of it is repeated."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return "is no address; it takes http://HOST:PORT"
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        return "takes an address of the form http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"
    return None


def certificates_fault(path: Path) -> str | None:
    """Why a file can't be trusted as certificates; None for one that holds some."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return f"{path} holds no certificates in PEM"
    except OSError as error:
        return f"{path} could not be read: {error.strerror}"
    return None


def is_foreign(base: str) -> bool:
    """Whether an address of Stripe's API is neither Stripe's own nor this machine's."""
    host = host_of(base)
    return not (is_loopback(host) or _STRIPE.fullmatch(host))


def passwords(address: str) -> tuple[str, ...]:
    """The password in an address and the values of its parameters that may be secrets, as written and decoded."""
    if "://" not in address:
        return ()
    try:
        parts = urlsplit(address)
        found = [value for name, value in parse_qsl(parts.query) if name.lower() not in _HARMLESS]
    except ValueError:
        return ()
    login = parts.netloc.rpartition("@")[0].partition(":")[2]
    return tuple(dict.fromkeys(each for each in (login, unquote(login), *found) if each))


def shown(address: str) -> str:
    """An address without its password and without the values of parameters that may be secrets."""
    try:
        parts = urlsplit(address)
        parameters = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return HIDDEN
    place = parts.netloc
    if "@" in place:
        login, _, place = place.rpartition("@")
        user, colon, _ = login.partition(":")
        place = f"{user}{colon}{HIDDEN if colon else ''}@{place}"
    said = [(name, value if name.lower() in _HARMLESS else HIDDEN) for name, value in parameters]
    query = urlencode(said, safe="*/:,")
    # Put together by hand: the standard library drops the empty host that a file's address has.
    return f"{parts.scheme}://{place}{parts.path}" + (f"?{query}" if query else "")
