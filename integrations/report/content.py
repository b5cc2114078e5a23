"""What a page shows, as values without markup: sections of headline figures, charts, tables, heat maps and folded explanations.

A number is what a person reads beside what it exactly is. Text is plain text: escaping is the templates', and nothing in here is taken for
markup, whoever named the customer.
"""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["plain", "gain", "loss", "quiet", "total"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is read, and exactly as a decimal text (`1.083333` behind `108.3 %`); None where there is none to give."""

    shown: str
    exact: str | None
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead somewhere: within the page (`#id`), within the window (`/path`), or to Stripe's dashboard."""

    words: str
    href: str
    code: bool = False
    """Whether the words are an id."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Several things in one cell, one below the other; all but the first are less important."""

    parts: "tuple[str | Number | Link, ...]"


Cell = str | Number | Link | Lines


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the first cell of a row is its heading. `right` are the columns of numbers, `last_is_total` sets the last row apart.

    `name` is what scripts find it by. `folded` under a line that opens it; `more` is what a list that was cut leaves out.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: frozenset[int] = frozenset()
    last_is_total: bool = False
    more: str = ""
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as SVG of our own making in one or two shapes: for pages that are wide enough and for narrow ones.

    `alt` says what it shows to those who can't see it. An empty `wide` is a chart that could not be drawn.
    """

    title: str
    alt: str
    wide: str
    narrow: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Charts:
    """Charts side by side."""

    charts: tuple[Chart, ...]
    size: Literal["small", "middle", "large"] = "middle"


@dataclass(frozen=True, slots=True)
class HeatCell:
    """A cell of a triangle; `level` from 0 (nothing left) to 10 (all and more)."""

    number: Number
    level: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A triangle: for each row its heading, some leading cells and then one cell for each age, as many as there are."""

    name: str
    caption: str
    columns: tuple[str, ...]
    heads: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[HeatCell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure that stands for itself: what it is called, the number, and what is said below it."""

    label: str
    number: Number
    lines: tuple[str, ...] = ()
    large: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures side by side."""

    stats: tuple[Stat, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs; `strong` ones are the section's message, `quiet` ones are notes, `warning` what a reader must not overlook."""

    paragraphs: tuple[str, ...]
    tone: Literal["plain", "strong", "quiet", "warning"] = "plain"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    words: str


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """An explanation, folded: a summary line, and under it each change with its lines. `anchor` is where links lead."""

    anchor: str
    summary: str
    steps: tuple["Step", ...]
    back: Link | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One line of an explanation and what stands below it; ids are shown as such."""

    words: str
    lines: tuple[str, ...] = ()
    evidence: tuple[str | Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanations:
    """A list of explanations under a heading of its own."""

    heading: str
    each: tuple[Arithmetic, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Names with what they are: a list of definitions."""

    pairs: tuple[tuple[str, Cell], ...]


Block = Charts | Explanations | Heading | HeatMap | Stats | Table | Terms | Text


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading; `anchor` is its id."""

    anchor: str
    heading: str
    blocks: tuple[Block, ...]
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form above a page of the window: a choice of options, or a text."""

    name: str
    label: str
    value: str
    options: tuple[tuple[str, str], ...] = ()
    kind: Literal["select", "text", "date", "password"] = "select"


@dataclass(frozen=True, slots=True)
class Document:
    """A whole page. `eyebrow` stands above the title, `facts` below it; `menu` and `form` are the window's and empty in a file."""

    title: str
    eyebrow: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    foot: tuple[str, ...] = ()
    contents: bool = True
    menu: tuple[tuple[str, str, bool], ...] = ()
    form: tuple[Field, ...] = ()
    form_action: str = ""
    form_sends: Literal["get", "post"] = "get"
    button: str = "Show"
