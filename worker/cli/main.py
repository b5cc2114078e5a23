"""What the shell calls: an interpreter made ready for a command, the command, and what an error means to the shell.

The commands themselves, and every library, are loaded only after the interpreter was made ready for it.
"""

import atexit
import gc
import os
import sys
from typing import Final

_COLLECTED_SELDOM: Final = (200_000, 20, 100)
"""Loading modules makes a hundred thousand objects and no garbage; looking for some at the interpreter's own pace is a seventh of what a
command takes to start. What runs for long asks for a pace of its own (`worker.execution.tuning`)."""


def run() -> None:
    """Run the command that the arguments name. Every error that a person can do something about is one message and an exit code, not a traceback."""
    _make_ready()
    from worker.cli.commands import app
    from worker.cli.exit_codes import Exit, told
    from worker.cli.fitted import fitted

    try:
        try:
            code = app(standalone_mode=True)
        finally:
            sys.stdout.flush()  # here, where a reader that is gone is no news, and not on Python's own way out, which complains
    except SystemExit:
        raise
    except BrokenPipeError:
        # Whoever read our output has seen enough (`| head`); Python must not complain about it on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.FAILED)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was stored is safe, run the same command again to go on\n")
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:
        fault = told(error)
        if fault is None:
            raise
        sys.stderr.write(fitted(f"nrr: {_shown(fault.message)}\n", sys.stderr))
        sys.exit(fault.code)
    sys.exit(code or 0)


def _make_ready() -> None:
    """Let the interpreter load many modules quickly, looking neither for garbage nor for plugins, and end as quickly."""
    gc.set_threshold(*_COLLECTED_SELDOM)
    atexit.register(gc.freeze)  # on the way out all memory goes back at once, and nobody need look for what hangs together in it
    # Pydantic would read what every installed package says of itself in search of plugins, which takes as long as a small library.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def _shown(message: str) -> str:
    """An error's message without secrets, and without signs that could steer a terminal: it may quote what came from outside."""
    from integrations.notify.sanitize import plain
    from worker.execution.masking import masked

    return "\n".join(plain(line, 2_000) for line in masked(message).splitlines())
