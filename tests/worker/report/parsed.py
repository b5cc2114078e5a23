"""A page taken apart by a parser that takes nothing that isn't valid: its tables, numbers, links and ids, for tests to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import html5lib

ALLOWED_ERRORS = frozenset({"expected-doctype-but-got-start-tag"})


@dataclass(frozen=True)
class Parsed:
    """A page. Elements are those of `xml.etree`, without namespaces of HTML."""

    root: Any
    errors: tuple[str, ...]

    def all(self, *tags: str) -> Iterator[Any]:
        """Every element of these tags, of HTML's and of charts'."""
        return (e for e in self.root.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] in tags)

    def ids(self) -> list[str]:
        """Every id, in order."""
        return [e.get("id") for e in self.root.iter() if isinstance(e.tag, str) and e.get("id")]

    def by_id(self, name: str) -> Any:
        """The element with an id."""
        return next(e for e in self.root.iter() if isinstance(e.tag, str) and e.get("id") == name)

    def table(self, name: str) -> list[list[Any]]:
        """The rows of a table: texts, and exact values where a cell has one."""
        body = next(e for e in self.by_id(f"t-{name}").iter() if e.tag == "tbody")
        return [[exact(cell) for cell in row] for row in body if row.tag == "tr"]

    def stat(self, name: str) -> str | None:
        """The exact value of a figure that stands for itself."""
        found = exact(self.by_id(f"s-{name}"))
        return found if isinstance(found, str) else None


def parse(page: bytes | str) -> Parsed:
    """Take a page apart; `errors` are what a validator would say of it."""
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"), namespaceHTMLElements=False)
    root = parser.parse(page.decode() if isinstance(page, bytes) else page)
    return Parsed(root, tuple(code for _, code, _ in parser.errors if code not in ALLOWED_ERRORS))


def words(element: Any) -> str:
    """The text of an element, in one line."""
    return " ".join("".join(element.itertext()).split())


def exact(element: Any) -> str:
    """The exact value in a cell, else its words."""
    value = next((e.get("value") for e in element.iter() if e.tag == "data"), None)
    return words(element) if value is None else str(value)
