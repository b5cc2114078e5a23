"""A window on a business that was synced once, served on a free port of this machine, and a browser to look at it with."""

import gc
import shutil
import socket
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Final

import pytest
import uvicorn

from metrics.policy import PRESETS
from tests.conftest import NO_BROWSER
from tests.worker.installation import Installation
from tests.worker.report.parsed import Parsed, parse
from worker.config.load import load
from worker.queries.session import open_session
from worker.serve.application import application
from worker.serve.guard import LOOPBACK
from worker.serve.sessions import Sessions, sessions_of

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Message
    body: bytes = field(repr=False)

    @property
    def page(self) -> Parsed:
        """The page in it."""
        return parse(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Server:
    """A window that is open."""

    address: str

    def get(self, path: str, headers: Mapping[str, str] | None = None, **more: Any) -> Got:
        """Ask for a path; what an answer's status is raises nothing."""
        request = urllib.request.Request(self.address + path, headers=dict(headers or {}), **more)
        try:
            with urllib.request.build_opener(_Stay).open(request, timeout=60) as answer:
                return Got(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Got(error.code, error.headers, error.read())


@contextmanager
def serving(on: Sessions, token: str | None = None, hosts: frozenset[str] = LOOPBACK) -> Iterator[Server]:
    """Serve sessions on a free port for as long as the block lasts."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(application(on, hosts, token), log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{listening.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        with warnings.catch_warnings():  # what a browser still held open ends with the server's loop; no later test is told of it
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()


@pytest.fixture(scope="session")
def seen(installed: Installation) -> Iterator[Sessions]:
    """Sessions on the business, as of the instant at which it was synced."""
    with ExitStack() as opened:
        # Environment and folder are the tests' after it again: whoever comes next on this worker must not find those of the window.
        with pytest.MonkeyPatch.context() as patch:
            for name in ("DATABASE_URL", "XDG_CONFIG_HOME", "REPORTING_CURRENCY"):
                patch.setenv(name, installed.environment[name])
            patch.delenv("NRR_CONFIG", raising=False)
            patch.chdir(installed.folder)
            session = opened.enter_context(open_session(now=installed.now))
            settings = load().settings
            bases = {name: settings.basis(name) for name in PRESETS}
        yield sessions_of(session, bases, names=False, pretended=True)


@pytest.fixture(scope="session")
def window(seen: Sessions) -> Iterator[Server]:
    """The window on it, without a token."""
    with serving(seen) as server:
        yield server


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless browser, where this machine has one; the run says how many tests had none."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as made:
        own = Path(made.chromium.executable_path)
        found = next((path for name in _BROWSERS if (path := shutil.which(name))), str(own) if own.is_file() else None)
        if found is None:
            pytest.skip(NO_BROWSER)
        browser = made.chromium.launch(
            executable_path=found, args=[*_FLAGS, f"--crash-dumps-dir={tmp_path_factory.mktemp('crash')}"]
        )
        yield browser
        browser.close()
