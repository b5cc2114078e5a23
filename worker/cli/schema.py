"""`nrr schema`: the JSON Schema of what commands print with `--json`."""

import json
import sys
from typing import Annotated

import typer

from worker.cli.exit_codes import Exit, Stop


def schema(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="A command such as show mrr (default: all of them).")
    ] = None,
) -> None:
    """Print the JSON Schema of what a command prints with --json. Every key with its type, its unit and what it is."""
    from worker.cli.answers.commands import ANSWERS
    from worker.cli.answers.json_schema import schema_of, schema_of_all

    name = " ".join(command or ())
    if name and name not in ANSWERS:
        near = [each for each in ANSWERS if each.split()[0] == name.split()[0]] or list(ANSWERS)
        raise Stop(f"nrr {name} prints no JSON, or there is no such command; there are {', '.join(near)}", Exit.USAGE)
    sys.stdout.write(json.dumps(schema_of(name) if name else schema_of_all(), indent=2, ensure_ascii=False) + "\n")
