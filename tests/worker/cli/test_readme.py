"""What the README and the help say of the command, held against the command itself."""

import json
import re
from pathlib import Path
from typing import Any

from tests.worker.cli.command import Run
from worker.cli.commands import COMMANDS, load

README = Path(__file__).parents[3] / "README.md"
ROWS = re.findall(r"^\| (`nrr .*?`) \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
TABLE = [commands for commands, _ in ROWS]


def _named() -> set[str]:
    """Every command of the README's table with its subcommand; a bare word after a comma belongs to `nrr`."""
    found = set()
    for cell in TABLE:
        for text in re.findall(r"`([^`]+)`", cell.replace("\\|", "|")):
            words = text.removeprefix("nrr ").split()
            found |= {f"{words[0]} {each}" for each in words[1].split("|")} if len(words) > 1 else {words[0]}
            found.add(words[0])
    return found


def _subcommands(name: str) -> list[str]:
    command: Any = load(name)
    return sorted(getattr(command, "commands", {}))


def test_every_command_has_its_line_in_the_readme() -> None:
    """So has every subcommand; and the table names nothing that there isn't."""
    named = _named()
    there = {f"{name} {sub}" for name in COMMANDS for sub in _subcommands(name)} | set(COMMANDS)
    assert set() == there - named
    groups = {name for name in COMMANDS if _subcommands(name)}
    assert set() == {each for each in named if each.split()[0] not in COMMANDS}
    assert set() == {each for each in named if " " in each and each.split()[0] in groups} - there


def test_a_row_begins_with_the_words_of_the_help() -> None:
    """The table and `nrr --help` say the same of each command, in the same order; a row may go on after that."""
    said = {commands.strip("`").split()[1]: words for commands, words in ROWS}
    assert list(COMMANDS) == list(said)
    assert len(ROWS) == len(said)
    assert {} == {name: words for name, words in said.items() if not words.startswith(COMMANDS[name].help)}


def test_every_command_and_subcommand_says_what_it_does() -> None:
    """One whole sentence at least, wherever help is asked for."""
    helps = {name: entry.help for name, entry in COMMANDS.items()}
    for name in COMMANDS:
        command: Any = load(name)
        helps[f"{name} --help"] = command.help
        helps |= {f"{name} {sub}": each.help for sub, each in getattr(command, "commands", {}).items()}
    assert {} == {name: said for name, said in helps.items() if not said or "." not in said or not said[0].isupper()}


def test_no_short_help_is_cut_in_the_middle_of_a_sentence(nrr: Run) -> None:
    """At 80 columns a list of commands holds the first sentence of each, whole."""
    groups = ["", *(name for name in COMMANDS if _subcommands(name))]
    lines = [line for name in groups for line in nrr(*name.split(), "--help").out.splitlines()]
    cut = [line for line in lines if line.rstrip().endswith("...") and not line.startswith("Usage")]
    assert [] == cut


def test_the_exit_codes_of_the_readme_are_those_there_are() -> None:
    """Each number, once."""
    from worker.cli.exit_codes import Exit

    line = re.search(r"^Exit codes: (.*?)\n\n", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert line
    assert sorted(Exit) == [int(part.split()[0]) for part in re.split(r"\s·\s", line[1])]


def test_the_help_of_a_backfill_names_every_list_that_there_is() -> None:
    """Whoever wants one list again finds its name, whenever it was added."""
    from worker.ingest.plan import STREAMS

    command: Any = load("backfill")
    for name in ("plan", "run"):
        told = next(each.help for each in command.commands[name].params if "--streams" in each.opts)
        assert set(STREAMS) == set(re.findall(r"[a-z_]+", told.partition("commas: ")[2]))


def test_dimensions_of_the_readme_are_those_there_are() -> None:
    """Whoever reads it knows what --by takes."""
    from metrics.retention.segments import BUILT_IN

    line = re.search(r"`--by` takes\n(.*?), a key of", README.read_text(encoding="utf-8"))
    assert line
    assert set(BUILT_IN) == set(line[1].split(", "))


def test_config_show_tells_of_every_setting(nrr: Run) -> None:
    """Nothing can be set that it doesn't show, each under a name of the environment of its own."""
    from worker.config.settings import Settings

    rows = json.loads(nrr("config", "show", "--json").out)["settings"]
    assert list(Settings.model_fields) == [row["name"] for row in rows]
    assert len(rows) == len({row["environment"] for row in rows})


def test_settings_that_the_readme_names_can_be_set() -> None:
    """A name in capitals in the README is a setting, or its file."""
    from worker.config.load import environment_name
    from worker.config.settings import Settings

    names = set(re.findall(r"`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`", README.read_text(encoding="utf-8")))
    known = {environment_name(name) for name in Settings.model_fields}
    assert names
    assert set() == {name for name in names if name.removesuffix("_FILE") not in known}


def test_runs_of_every_kind_can_be_asked_for() -> None:
    """Whatever a run is opened as, `nrr runs show --kind` takes it."""
    from worker.cli.runs import KINDS
    from worker.report import scheduled
    from worker.runs import backfill, nightly

    root = Path(__file__).parents[3] / "worker"
    source = "\n".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py"))
    opened = set(re.findall(r'(?:open_run|open_reading|runs\.start)\(\w+, "(\w+)"', source))
    opened |= {backfill.KIND, nightly.KIND, scheduled.KIND}
    assert {"sync", "derive", "report", "forget"} < opened
    assert set() == opened - set(KINDS)
