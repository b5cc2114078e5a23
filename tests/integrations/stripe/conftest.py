"""Instants in tests of decoding are small numbers, which read better than dates; only tests of the bounds themselves know the real ones."""

from collections.abc import Iterator

import pytest

from integrations.stripe.decode import bounds


@pytest.fixture(autouse=True, scope="module")
def small_instants(request: pytest.FixtureRequest) -> Iterator[None]:
    """Dates may be from 1970 on, but where a module asks for `REAL_DATES`."""
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "REAL_DATES", False):
            patch.setattr(bounds, "FIRST", 0)
        yield
