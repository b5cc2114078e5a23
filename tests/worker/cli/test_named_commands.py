"""Commands that messages, help and documents tell people to run: each of them exists, with the options that are named."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

from worker.cli.commands import COMMANDS, load

ROOT = Path(__file__).parents[3]
CODE = [path for package in ("metrics", "integrations", "worker") for path in (ROOT / package).rglob("*.py")]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "metrics/DEFINITIONS.md")] + sorted(
    (ROOT / "deploy").rglob("*.md")
)
QUOTED = re.compile(r"`nrr( [^`]*)?`")
NAMED = re.compile(rf"\bnrr ({'|'.join(COMMANDS)})\b((?: (?:--?[a-z][a-z-]*|[A-Za-z0-9_./=@:,'-]+|\{{\}}))*)")


def strings(path: Path) -> str:
    """All text in a module as people may come to see it: f-strings with {} for what is put in."""
    source = path.read_text()
    if "nrr " not in source:
        return ""
    out = []
    inner: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
            out.append("".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            out.append(node.value)
    return "\n".join(out)


@cache
def parts_of(name: str) -> frozenset[str]:
    """The parts of a command that has some."""
    return frozenset(getattr(load(name), "commands", {}))


@cache
def options_of(name: str, part: str | None) -> frozenset[str]:
    """The options of a command, of one of its parts, or (where none is named) of any of them."""
    command: Any = load(name)
    parts = [command.commands[each] for each in ([part] if part else parts_of(name))]
    every = [option for each in (command, *parts) for param in each.params for option in (*param.opts, *param.secondary_opts)]
    return frozenset((*every, "--help", "-h"))


def fault(words: list[str], *, quoted: bool) -> str | None:
    """What is wrong with a command as it is written (without `nrr`); None when it can be run. One that isn't quoted may go on as a sentence."""
    if not words or not re.match(r"[a-z]", words[0]):
        return None
    name, *rest = words
    if name not in COMMANDS:
        return f"there is no nrr {name}"
    part = None
    if rest and parts_of(name) and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        part = rest[0] if rest[0] in parts_of(name) else None
        if part is None and quoted:
            return f"nrr {name} has no {rest[0]}"
    asked = {word.partition("=")[0] for word in rest if re.match(r"--[a-z]", word)}
    wrong = sorted(asked - options_of(name, part))
    return f"nrr {name} takes no {', '.join(wrong)}" if wrong else None


def faults(text: str) -> list[str]:
    """Every command in a text that can't be run: what stands in backticks, and what begins as a command does."""
    found = [fault((quoted[1] or "").split(), quoted=True) for quoted in QUOTED.finditer(text)]
    bare = QUOTED.sub("", text)
    found += [
        fault([plain[1], *(word.strip(".,;:()'") for word in plain[2].split())], quoted=False) for plain in NAMED.finditer(bare)
    ]
    return [why for why in found if why]


def test_commands_that_are_named_exist() -> None:
    """A message that names a command which isn't there leaves its reader worse off than none."""
    found = {path: faults(strings(path) if path.suffix == ".py" else path.read_text()) for path in (*CODE, *PAGES)}
    assert {} == {str(path.relative_to(ROOT)): wrong for path, wrong in found.items() if wrong}


def test_a_wrong_one_is_found() -> None:
    """A command, a part of one, an option; and nothing where a sentence merely speaks of nrr."""
    assert ["there is no nrr synk"] == faults("run `nrr synk`")
    assert ["nrr db has no upgrad"] == faults("run `nrr db upgrad` first")
    assert ["nrr backfill takes no --stream"] == faults("Run nrr backfill run --stream invoices; then look")
    assert [] == faults("nrr sees 75 % of it; `nrr explain 2026-10 --json`, `nrr`")
