"""Logging where there is nowhere to write to."""

import io
import sys

import pytest

from worker.execution import log


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "none"])
@pytest.mark.parametrize("style", ["auto", "console", "json"])
def test_a_line_that_nobody_can_be_told_stops_nothing(style: str, monkeypatch: pytest.MonkeyPatch, *, closed: bool) -> None:
    """A process whose stderr was closed, or that was started without one, goes on with its work."""
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stderr", stream if closed else None)
    log.configure(style=style, level="info")
    log.logger("test").warning("something_happened", account=1)
    seen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", seen)
    log.configure(style=style, level="info")
    log.logger("test").warning("something_else", account=2)
    assert "something_else" in seen.getvalue()
    assert "something_happened" not in seen.getvalue()
