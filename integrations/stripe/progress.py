"""Whether a list gets on: a host that gives the same pages in a circle, or pages without end of one instant, is not followed for ever."""

from dataclasses import dataclass
from typing import Final

from integrations.stripe.errors import Transient
from integrations.stripe.page import StripePage

PAGES_WITHOUT_PROGRESS: Final = 1_000
"""So many pages in a row may be of objects no older than those before: a hundred thousand that were imported within one second."""


@dataclass(slots=True)
class Progress:
    """Watches the pages of one list, newest first, in a few words of memory however long it is."""

    stream: str
    _marked: str | None = None
    _pages: int = 0
    _next_mark: int = 1
    _oldest: int | None = None
    _oldest_at: int = 0

    def check(self, page: StripePage) -> None:
        """Look at the next page. Raises Transient for one that leads back to where the list has been, or when it doesn't get on."""
        if not page.has_more:
            return
        self._pages += 1
        if page.next_cursor is not None and page.next_cursor == self._marked:
            raise self._stuck(f"leads back to {page.next_cursor}, where it has been already")
        if (
            self._pages >= self._next_mark
        ):  # the marks lie twice as far apart each time, so that any circle comes to lie between two
            self._marked, self._next_mark = page.next_cursor, self._next_mark * 2
        if page.oldest is None:
            return
        if self._oldest is None or page.oldest < self._oldest:
            self._oldest, self._oldest_at = page.oldest, self._pages
        elif self._pages - self._oldest_at >= PAGES_WITHOUT_PROGRESS:
            raise self._stuck(f"gave {PAGES_WITHOUT_PROGRESS:,} pages and no older object")

    def _stuck(self, how: str) -> Transient:
        return Transient(
            self.stream,
            f"the list of {self.stream} doesn't end: it {how}. What came before is stored; look whether STRIPE_API_BASE leads to Stripe, then "
            "run the same command again",
        )
