"""The command line called in this process: what a shell would see of it, without a second of starting and importing for each call.

What a process of its own would get and lose with its end is given and taken back here: environment, folder, standard streams, logging,
known secrets, signals and the collector's habits. `test_process.py` holds both ways of calling against one another.
"""

import gc
import io
import json
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import structlog

from tests.worker.cli.declared import undeclared
from worker.cli.main import run
from worker.execution import masking

NRR: Final = str(Path(sys.executable).with_name("nrr"))
_KEPT: Final = ("PATH", "HOME", "LANG")
_QUIETED: Final = ("", "urllib3", "stripe", "alembic")
"""Loggers that setting logging up changes, the root among them."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as data."""
        return json.loads(self.out)


Run = Callable[..., Done]


def bare_environment() -> dict[str, str]:
    """What a command finds set when nothing of ours is; but no test asks a host that isn't this machine."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"NRR_RATES_URL": "off"}


def in_process(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Done:
    """Call `nrr` here, in `folder`, with exactly `environment` set. An error that nobody thought of is a traceback and 1, as in a shell."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with ExitStack() as restored:
        restored.enter_context(_process_state())
        restored.enter_context(patch.dict(os.environ, dict(environment), clear=True))
        restored.enter_context(_inside(folder))
        nothing = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        for name, value in (("argv", ["nrr", *arguments]), ("stdin", nothing), ("stdout", out), ("stderr", err)):
            restored.enter_context(patch.object(sys, name, value))
        try:
            run()
            code = 0
        except SystemExit as end:
            code = _code_of(end, err)
        except Exception:  # noqa: BLE001  # whatever it is, a shell sees a traceback
            traceback.print_exc(file=err)
            code = 1
    done = Done(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
    assert [] == undeclared(arguments, done.out), "what is printed is what nrr schema says"
    return done


def in_a_process(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Done:
    """The same by a process of its own."""
    done = subprocess.run(
        [NRR, *arguments], capture_output=True, text=True, cwd=folder, env=dict(environment), timeout=240, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _code_of(end: SystemExit, err: io.TextIOWrapper) -> int:
    """What the shell makes of an exit: nothing is 0, and words are written out."""
    if end.code is None or isinstance(end.code, int):
        return int(end.code or 0)
    err.write(f"{end.code}\n")
    return 1


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _process_state() -> Iterator[None]:
    """Give back what belongs to the process and what a command may change of it."""
    loggers = {name: logging.getLogger(name) for name in _QUIETED}
    levels = {name: logger.level for name, logger in loggers.items()}
    handlers = list(loggers[""].handlers)
    structured = structlog.get_config() if structlog.is_configured() else None
    secrets = set(masking._known)
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    seldom, hook = gc.get_threshold(), sys.excepthook
    masking._known.clear()
    try:
        yield
    finally:
        structlog.contextvars.clear_contextvars()
        loggers[""].handlers[:] = handlers
        for name, logger in loggers.items():
            logger.setLevel(levels[name])
        if structured is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**structured)
        masking._known.clear()
        masking._known.update(secrets)
        for number, handler in signals.items():
            signal.signal(number, handler)
        gc.set_threshold(*seldom)
        sys.excepthook = hook
