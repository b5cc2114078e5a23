"""The window: pages of the read side over HTTP, made when they are asked for. No script, no build, nothing that writes.

An address is looked up in one table, its page is a function of the query; whatever isn't there or can't be shown is a page that says so.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from integrations.report.content import Document, Section, Text
from integrations.report.render import page as html
from worker.execution.log import logger
from worker.figures.derived import NothingDerived
from worker.report.page import NoReport, build
from worker.serve import customer, operation, retention
from worker.serve.guard import Guard
from worker.serve.sessions import Sessions, Unknown

log = logger(__name__)

Page = Callable[[Sessions, Mapping[str, str]], Document]
LONGEST: Final = 200
"""Characters of a value in a query: nothing that can be asked for is longer but a customer's name in the ledger."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page: its address, the words in the menu (none for one that others lead to), and what makes it."""

    path: str
    words: str
    make: Page
    under: str = ""


PLACES: Final = (
    Place("/", "Retention", retention.page),
    Place("/customers", "Customers", customer.listing),
    Place("/customer", "", customer.page, under="/customers"),
    Place("/findings", "Findings", operation.noted),
    Place("/runs", "Runs", operation.runs),
    Place("/run", "", operation.run, under="/runs"),
)


def application(sessions: Sessions, hosts: frozenset[str], token: str | None = None) -> Guard:
    """The window on these sessions, guarded: for `hosts`, and with a token if there is one."""
    routes = [Route(place.path, partial(_answer, sessions, place)) for place in PLACES]
    routes.append(Route("/report.html", partial(_file, sessions)))
    handlers = {HTTPException: _missing, Exception: _broken}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts, token)  # type: ignore[arg-type]  # functions of a request


async def _answer(sessions: Sessions, place: Place, request: Request) -> Response:
    asked = _asked(request)
    return await run_in_threadpool(_made, sessions, place, asked)


def _made(sessions: Sessions, place: Place, asked: Mapping[str, str]) -> Response:
    try:
        document = place.make(sessions, asked)
    except Unknown as error:
        return _said(404, "It isn't there", str(error))
    except NoReport as error:
        return _said(400, "It can't be shown", str(error), replaced=place)
    except NothingDerived as error:
        return _said(503, "Nothing to show yet", str(error))
    except SQLAlchemyError as error:
        return _silent(place.path, error)
    return HTMLResponse(html(_with_menu(document, place)))


async def _file(sessions: Sessions, request: Request) -> Response:
    """The page of the same query as a file that needs nothing from here."""
    asked = _asked(request)
    return await run_in_threadpool(_made_file, sessions, asked)


def _made_file(sessions: Sessions, asked: Mapping[str, str]) -> Response:
    try:
        session = sessions.at(asked.get("policy", ""))
        period = retention.period_of(session, asked)
        made = build(session, period, retention.options_of(sessions, asked, in_window=False))
    except (Unknown, NoReport, NothingDerived) as error:
        return _said(400, "It can't be shown", str(error))
    except SQLAlchemyError as error:
        return _silent("/report.html", error)
    name = f"retention-{period.label}.html".replace("..", "-to-")
    return Response(made, media_type="text/html; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'})


def _asked(request: Request) -> dict[str, str]:
    return {name: value[: LONGEST if name != "id" else 600] for name, value in request.query_params.items()}


def _with_menu(document: Document, place: Place | None) -> Document:
    here = "" if place is None else place.under or place.path
    menu = tuple((each.words, each.path, each.path == here) for each in PLACES if each.words)
    return replace(document, menu=menu)


def _silent(path: str, error: SQLAlchemyError) -> Response:
    """The database is away, or refuses."""
    log.warning("page_not_read", path=path, error=type(error).__name__)
    return _said(503, "The database doesn't answer", "Nothing is lost. Look whether it runs, then load this page again.")


def _said(status: int, title: str, *words: str, replaced: Place | None = None) -> Response:
    document = Document(title, f"{status}", (), (Section("said", "What is the matter", (Text(words),)),))
    return HTMLResponse(html(_with_menu(document, replaced)), status)


async def _missing(_request: Request, error: HTTPException) -> Response:
    if error.status_code == 404:
        return _said(404, "It isn't there", "No page has this address.")
    return _said(error.status_code, "It can't be shown", str(error.detail))


async def _broken(_request: Request, error: Exception) -> Response:
    """A defect: what it is stays in the log."""
    log.error("page_failed", error=type(error).__name__)
    return _said(500, "Something is wrong here", "The window's log has the error. The numbers are untouched.")


def quiet(names: Sequence[str] = ("uvicorn", "uvicorn.error", "uvicorn.access")) -> None:
    """Let the server speak of what fails alone."""
    for name in names:
        logging.getLogger(name).setLevel(logging.WARNING)
