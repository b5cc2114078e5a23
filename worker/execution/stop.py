"""One wish to stop, heard by every thread of a process: finish the page, save, give the work back."""

import threading
from weakref import WeakSet


class Stopped(Exception):
    """The work was asked to end; what it held is given back and nothing is lost."""


class Stop:
    """Set once, by a signal, a deadline or Ctrl-C. Whoever waits does it here, so that waiting ends too."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._parts: WeakSet[Stop] = WeakSet()

    def request(self) -> None:
        """Ask everybody to stop at the next border."""
        self._event.set()
        for part in list(self._parts):
            part.request()

    def part(self) -> "Stop":
        """A wish of its own for a part of the work: it hears this one, and can be stopped alone."""
        made = Stop()
        self._parts.add(made)
        if self.wanted:
            made.request()
        return made

    @property
    def wanted(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether somebody asked."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raises Stopped if somebody asked."""
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait so long, or raise Stopped as soon as somebody asks."""
        if self._event.wait(seconds):
            raise Stopped
