"""A page's content as HTML: one file that needs nothing from elsewhere, with a policy in it that would let nothing in.

There is no script at all. The style sheet is in the page, and the page's own policy (and the window's header) names it by its hash; text is
escaped by the template engine, and charts are the only markup that is put in as it is, because they were drawn here.
"""

import base64
import hashlib
import re
from functools import lru_cache
from importlib import resources
from itertools import count
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from integrations.report.content import Document, HeatCell, Lines, Link, Number
from integrations.report.svg import PLACE

LIMIT_BYTES: Final = 2_000_000
"""A page is never larger."""
_TEXT: Final = re.compile(r"(?<=>)[^<]+")
_TOGETHER: Final = re.compile(r"(?<=\d) (?=%|[A-Z]{3}\b)")
"""Where a line of a narrow screen must not end: between a number and its per cent or its currency."""


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet, as it stands in every page."""
    return resources.files("integrations.report").joinpath("templates", "page.css").read_text(encoding="utf-8")


@lru_cache(maxsize=2)
def policy(*, forms: bool = False) -> str:
    """What a page may load: its own style and nothing else."""
    sheet = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    action = "'self'" if forms else "'none'"
    return f"default-src 'none'; style-src 'sha256-{sheet}'; base-uri 'none'; form-action {action}"


def page(document: Document) -> str:
    """The whole page."""
    charts = count(1)

    def svg(drawn: str) -> Markup:
        return Markup(drawn.replace(PLACE, f"c{next(charts)}-"))  # noqa: S704  # drawn by integrations.report.charts, which takes no text

    template = _environment().get_template("page.html.j2")
    rules = policy(forms=bool(document.form or document.menu))
    made = template.render(d=document, style=Markup(style()), policy=rules, svg=svg)  # noqa: S704  # our own file
    head, ended, body = made.partition("</style>")
    # Between tags only: what stands in an attribute is sent back by a form as it is.
    return head + ended + _TEXT.sub(lambda text: _TOGETHER.sub("\N{NO-BREAK SPACE}", text[0]), body)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("integrations.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.tests["number"] = lambda cell: isinstance(cell, Number)
    made.tests["link"] = lambda cell: isinstance(cell, Link)
    made.tests["several"] = lambda cell: isinstance(cell, Lines)
    made.tests["heat"] = lambda cell: isinstance(cell, HeatCell)
    made.filters["kind"] = _kind
    return made


def _kind(block: Any) -> str:
    return type(block).__name__.lower()
