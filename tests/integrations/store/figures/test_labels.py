"""Words for segments, kept beside the figures."""

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.figures import labels


def test_words_are_kept_as_they_were_last_given(engine: Engine) -> None:
    """New ones come, changed ones change, those that are gone go; bad text is stored as every database takes it."""
    steps: tuple[dict[tuple[str, str], str], ...] = (
        {("plan", "price_1"): "Pro", ("product", "prod_1"): "P\x00"},
        {("plan", "price_1"): "Pro (old)", ("account", "1"): "main"},
        {},
    )
    expected: tuple[dict[tuple[str, str], str], ...] = (
        {("plan", "price_1"): "Pro", ("product", "prod_1"): "P\N{REPLACEMENT CHARACTER}"},
        {("plan", "price_1"): "Pro (old)", ("account", "1"): "main"},
        {},
    )
    for given, kept in zip(steps, expected, strict=True):
        for _ in range(2):
            with begin(engine) as connection:
                labels.put(connection, given)
        with read(engine) as connection:
            assert kept == labels.load(connection)
