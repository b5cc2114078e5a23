"""Groups of commands that import a command when it is run and not before, so that help and typing errors answer at once.

A command lives in a module of its own and is found by the group's table, which has its line of the help as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, cast

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is found, what it does in a line, and in which panel of the help it stands."""

    place: str
    help: str
    panel: str | None = None


def load(name: str, entry: Entry) -> Any:
    """The command of an entry, with everything that it imports: a group where its module has one, else a function made a command."""
    module, _, attribute = entry.place.partition(":")
    found = getattr(import_module(f"worker.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        command: Any = typer.main.get_group(found)
    else:
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name=name)(found)
        command = typer.main.get_command(alone)
    command.name = name
    return command


class _Commands(Mapping[str, Any]):
    """The commands of a table by name, each loaded when it is asked for."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        return load(name, self._entries[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class Lazy(TyperGroup):
    """A group of the commands in `entries`."""

    entries: ClassVar[Mapping[str, Entry]]
    _listing = False
    _resolving = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast("Any", _Commands(self.entries))

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # the library's signature
        """All names, in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or while help is written a stand-in that knows its line."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        if self._listing or (ctx.resilient_parsing and not self._resolving):
            return TyperCommand(name=cmd_name, help=entry.help, rich_help_panel=entry.panel)
        return load(cmd_name, entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A shell that completes a command's options needs the command; one that completes names, only these."""
        self._resolving = True
        try:
            return super().resolve_command(ctx, args)
        finally:
            self._resolving = False

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help without importing a single command."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


def group_of(entries: Mapping[str, Entry]) -> type[Lazy]:
    """The class of a group with these commands: `cls` of a Typer."""
    return type("Group", (Lazy,), {"entries": entries})
