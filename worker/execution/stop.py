"""One wish to stop, heard by every thread of a process: finish the page, save, give the work back."""

import threading
from weakref import WeakSet


class Stopped(Exception):
    """The work was asked to end; what it held is released and nothing is lost."""


class Stop:
    """Set once, by a signal, a deadline or Ctrl-C. Whoever waits does it here, so that waiting ends too.

    A signal's handler runs in the midst of whatever its thread does, which may be any of these methods: so the lock is one that its
    holder may take again (`threading.Event` has one that would hold itself up for ever).
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._asked = False
        self._parts: WeakSet[Stop] = WeakSet()

    def request(self) -> None:
        """Ask everybody to stop at the next border."""
        with self._changed:
            self._asked = True
            self._changed.notify_all()
            parts = list(self._parts)
        for part in parts:
            part.request()

    def part(self) -> "Stop":
        """A wish of its own for a part of the work: it hears this one, and can be stopped alone."""
        made = Stop()
        with self._changed:
            self._parts.add(made)
        if self.wanted:
            made.request()
        return made

    @property
    def wanted(self) -> bool:
        """Whether somebody asked."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether somebody asked."""
        with self._changed:
            return self._changed.wait_for(lambda: self._asked, seconds)

    def check(self) -> None:
        """Raises Stopped if somebody asked."""
        if self._asked:
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Wait so long, or raise Stopped as soon as somebody asks."""
        if self.wait(seconds):
            raise Stopped
