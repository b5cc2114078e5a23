"""A machine to install on: a scratch folder in the place of /, real PostgreSQL and psql, and stand-ins for what only a booted systemd can do.

The stand-in for systemd does what the units and `nrrctl` rely on: credentials in a folder that only the service's user reads, EnvironmentFile over
Environment, a user of its own where this machine lets us be one, a state folder. What it can't do (cgroups, hardening, restarts) isn't tried here;
`systemd-analyze` reads the units elsewhere.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.plant import ROOT

DEPLOY = ROOT / "deploy"
PLACES = ("/opt/nrr", "/etc/nrr", "/usr/local/sbin", "/etc/systemd/system", "/var/lib/nrr")


def blocks(kind: str) -> list[str]:
    """The guide's shell blocks of a kind, in order."""
    return re.findall(rf"<!-- {kind} -->\n```sh\n(.*?)```", (DEPLOY / "install.md").read_text(), re.DOTALL)


def modules() -> str:
    """Where Python finds this repository's modules and their dependencies, whichever interpreter of this version it is."""
    return os.pathsep.join([str(ROOT), str(Path(sysconfig.get_paths()["purelib"]))])


def stranger() -> tuple[str | None, str]:
    """A user without rights that services can run as here, and the interpreter that is within that user's reach: ours, or the system's of the same
    version. No user where we are no root, or nothing is within reach."""
    candidates = [sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"]
    for name in ("nobody", "postgres") if os.geteuid() == 0 else ():
        for python in candidates:
            try:
                who: dict[str, Any] = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
                command = [python, "-c", "import celery, polars, psycopg, worker.cli.main"]
                done = subprocess.run(command, cwd="/", capture_output=True, env={"PYTHONPATH": modules()}, **who)
            except (KeyError, OSError):
                continue
            if done.returncode == 0:
                return name, python
    return None, sys.executable


@dataclass
class Machine:
    """The scratch folder, and what is told to every command on it."""

    environment: dict[str, str]
    root: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="nrr-machine-", dir="/tmp")))
    user: str | None = None

    def __post_init__(self) -> None:
        self.user, python = stranger()
        self.root.chmod(0o755)
        for place in PLACES:
            (self.root / place.lstrip("/")).mkdir(parents=True)
        shutil.copytree(DEPLOY, self.root / "opt/nrr/deploy", ignore=shutil.ignore_patterns("secrets", ".env", "nrr.toml"))
        self.bin.mkdir()
        if python != sys.executable:  # the lock names this for a Python older than 3.11.3, which the system's may be and ours isn't
            (self.bin / "async_timeout.py").write_text("from asyncio import timeout\n")
        self._stub("useradd", 'echo "useradd $*" >> "$LOG"')
        self._stub("id", '[ "$1" != nrr ] || exit 1; exec /usr/bin/id "$@"')
        self._stub("systemctl", 'echo "systemctl $*" >> "$LOG"')
        self._stub("systemd-run", f'exec "{sys.executable}" -m tests.deploy.systemd_run "$@"')
        pip = 'printf \'#!/bin/sh\\necho "pip $*" >> "$LOG"\\n\' > "$3/bin/pip"'
        nrr = f'printf \'#!/bin/sh\\nexec "{python}" -c "from worker.cli.main import run; run()" "$@"\\n\' > "$3/bin/nrr"'
        self._stub(
            "python3", f'[ "$1 $2" = "-m venv" ] || exit 9; mkdir -p "$3/bin"; {pip}; {nrr}; chmod 755 "$3/bin/pip" "$3/bin/nrr"'
        )

    @property
    def bin(self) -> Path:
        """Where the stand-ins are."""
        return self.root / "bin"

    def _stub(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def path(self, place: str) -> Path:
        """Where a place of the guide is here."""
        return self.root / place.lstrip("/")

    def here(self, text: str) -> str:
        """A text of the guide or a unit, with its places as they are here."""
        for place in PLACES:
            text = re.sub(rf"(?<![\w.]){re.escape(place)}(?![\w-])", str(self.path(place)), text)
        return text

    def variables(self) -> dict[str, str]:
        """The environment of whoever follows the guide."""
        sbin = self.path("/usr/local/sbin")
        return {
            "PATH": f"{self.bin}:{sbin}:{os.environ['PATH']}",
            "PYTHONPATH": f"{modules()}{os.pathsep}{self.bin}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LOG": str(self.root / "log"),
            "MACHINE": str(self.root),
            "MACHINE_USER": self.user or "",
            "NRR_ETC": str(self.path("/etc/nrr")),
            "NRR_HOME": str(self.path("/opt/nrr")),
            **self.environment,
        }

    def follow(self, script: str) -> str:
        """Give commands of the guide to a shell that stops at the first that fails; what they print."""
        done = subprocess.run(
            ["sh", "-eu", "-c", self.here(script)], env=self.variables(), cwd=self.root, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, f"{self.here(script)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def log(self) -> str:
        """What the stand-ins were asked for."""
        return self.here((self.root / "log").read_text())

    def unit(self, name: str) -> list[tuple[str, str]]:
        """The [Service] section of a unit that was put where systemd looks."""
        text = self.here((self.path("/etc/systemd/system") / name).read_text())
        service = text.partition("[Service]")[2].partition("\n[")[0]
        return [
            (key, value)
            for key, _, value in (line.partition("=") for line in service.splitlines() if "=" in line and line[0] != "#")
        ]

    def start(self, name: str, output: Path) -> "subprocess.Popen[bytes]":
        """Start a unit's program as systemd would."""
        unit = self.unit(name)
        loaded = [value.partition(":") for key, value in unit if key == "LoadCredential"]
        folder = credentials(self.root, {one: Path(path) for one, _, path in loaded}, self.user)
        given: dict[str, str] = {}
        for key, value in unit:
            if key == "Environment":
                one, _, said = value.partition("=")
                given[one] = said.replace("%d", str(folder)).replace("%S", str(self.path("/var/lib")))
        for key, value in unit:
            if key == "EnvironmentFile":
                given |= environment_file(Path(value))
        (command,) = [value for key, value in unit if key == "ExecStart"]
        with output.open("wb") as file:
            return run_as(
                self.user,
                command.split(),
                self.variables_of_services() | given,
                self.path("/var/lib/nrr"),
                stdout=file,
                stderr=file,
            )

    def variables_of_services(self) -> dict[str, str]:
        """What a service is given that no unit names: how to find Python's modules here, and what the test's host is called."""
        wanted = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "STRIPE_API_BASE", "NRR_RATES_URL", "NRR_TICK_SECONDS")
        return {name: value for name, value in self.variables().items() if name in wanted}

    def close(self) -> None:
        """Remove it."""
        shutil.rmtree(self.root, ignore_errors=True)


def credentials(root: Path, wanted: Mapping[str, Path], user: str | None) -> Path:
    """A folder with the contents of files that root alone can read, for one user. Raises FileNotFoundError, as systemd refuses to start."""
    folder = Path(tempfile.mkdtemp(prefix="credentials-", dir=root))
    for name, path in wanted.items():
        made = folder / name
        made.write_bytes(path.read_bytes())
        made.chmod(0o400)
        if user:
            shutil.chown(made, user)
    folder.chmod(0o500)
    if user:
        shutil.chown(folder, user)
    return folder


def environment_file(path: Path) -> dict[str, str]:
    """The assignments of an EnvironmentFile."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def run_as(
    user: str | None, command: Sequence[str], environment: Mapping[str, str], folder: Path, **how: Any
) -> "subprocess.Popen[bytes]":
    """Start a command as a user, in a folder of that user's."""
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        shutil.chown(folder, user)
        how |= {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    return subprocess.Popen(list(command), env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, **how)
