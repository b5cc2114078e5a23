"""What controls look at when nobody does anything any more. No measure of time: a slow machine takes longer, and comes to the same."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from integrations.sandbox.api.faults import Fault
from tests.faults.plant import Plant, TooLate, until
from tests.integrations.store.dump import FACTS

INVOICES: Final = "SELECT pages FROM job WHERE stream = 'invoices' AND status = 'leased' AND pages >= :pages"


def invoices_read(found: Plant, pages: int) -> None:
    """Wait until somebody has stored so many pages of invoices and goes on with the next one. Raises TooLate."""
    until(lambda: found.query(INVOICES, pages=pages), 120, f"{pages} pages of invoices are stored", every=0.02)


LATE: Final = Fault("slow", "/v1/invoices", times=None, seconds=3.0)
"""Each page of invoices comes so late that whoever reads them is surely waiting for the next one when it is stopped, also on a slow machine."""

LOOKS: Final = 3
"""So often workers look for work while nothing must change."""


def looked_again(found: Plant) -> None:
    """Wait until workers have looked for work so often."""
    for _ in range(LOOKS):
        before = _looks(found)

        def since(before: str = before) -> bool:
            return _looks(found) > before

        until(since, 120, "a worker looks again")


def _looks(found: Plant) -> str:
    """The last moment at which any worker said that it looks for work."""
    return str(found.query("SELECT max(seen_at) FROM worker")[0][0])


def passed_over(found: Plant, expected: Sequence[str]) -> list[str]:
    """The facts that are not there when everything is done, or when nothing more is read though workers look for work.

    A slow machine would lack something too, for want of time: so it is looked at when nothing has been read for some looks.
    """
    with suppress(TooLate):
        found.settle()
    pages = -1
    while pages != found.pages():
        pages = found.pages()
        looked_again(found)
    return lacking(found, expected)


def lacking(found: Plant, expected: Sequence[str]) -> list[str]:
    """The facts that are not there."""
    held = set(found.dump(derived=False))
    facts = {each.name for each in FACTS}
    return [line for line in expected if json.loads(line)["table"] in facts and line not in held]
