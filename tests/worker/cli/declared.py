"""What commands print with `--json`, held against what is declared of them: exactly those keys, of those types."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache

from jsonschema_rs import Draft202012Validator

from worker.cli.answers.commands import ANSWERS
from worker.cli.answers.json_schema import schema_of


def command_of(arguments: Sequence[str]) -> str | None:
    """The command that was typed, if it is one that prints JSON; `nrr` alone is the overview."""
    words = [word for word in arguments if not word.startswith("-")]
    return next((name for size in (2, 1) if (name := " ".join(words[:size])) in ANSWERS), None if words else "overview")


def undeclared(arguments: Sequence[str], out: str) -> list[str]:
    """Where what a command printed is not as declared, in sentences; nothing of a command that printed no JSON."""
    command = command_of(arguments)
    if "--json" not in arguments or command is None or not out.startswith("{"):
        return []
    faults = _validator(command).iter_errors(json.loads(out))
    return [f"nrr {command} --json, {'.'.join(map(str, ('$', *fault.instance_path)))}: {fault.message[:300]}" for fault in faults]


def _is_instant(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


@cache
def _validator(command: str) -> Draft202012Validator:
    schema = schema_of(command)
    for part in schema["$defs"].values():
        part["additionalProperties"] = False  # those who read may be told more one day; here nothing goes unsaid
    return Draft202012Validator(schema, validate_formats=True, formats={"date-time": _is_instant})
