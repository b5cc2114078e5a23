"""`nrr rates`: exchange rates of one's own beside the European Central Bank's, and which ones are held."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.common import Config, Json, opened, put_json

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Exchange rates.")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file that begins with day,unit,currency,rate.")],
    json: Json = False,
    config: Config = None,
) -> None:
    """Store the rates of a file beside those that are held; one of the same day and pair takes its place."""
    from integrations.rates.files import load as quotes_of
    from integrations.store import migrate
    from integrations.store.db.clock import now
    from integrations.store.db.engine import begin
    from integrations.store.facts import exchange_rates
    from worker.figures.exchange_rates import source_name

    with opened(json=json, config=config) as context:
        migrate.require_current(context.wiring.engine)
        quotes = quotes_of(str(file))
        with begin(context.wiring.engine) as connection:
            changed = exchange_rates.put(connection, quotes, source_name(str(file)), now(connection))
        if json:
            put_json({"file": str(file), "rates": len(quotes), "changed": changed})
        else:
            context.lines(f"{len(quotes):,} rates in {file}, {changed:,} of them new or different")
            if changed:
                context.say("next: nrr rollup, so that the figures know of them")


@app.command()
def show(json: Json = False, config: Config = None) -> None:
    """Show for each pair from when to when rates are held, and the latest one."""
    import polars as pl

    from integrations.store import migrate
    from integrations.store.db.engine import read
    from integrations.store.facts import exchange_rates

    with opened(json=json, config=config) as context:
        migrate.require_current(context.wiring.engine)
        with read(context.wiring.engine) as connection:
            held = exchange_rates.of_source(connection)
        found = (
            held.sort("day")
            .group_by("unit", "currency")
            .agg(first=pl.col("day").first(), last=pl.col("day").last(), rates=pl.len(), rate=pl.col("rate").last())
            .sort("unit", "currency")
        )
        if json:
            put_json({"pairs": found.to_dicts()})
            return
        context.table(
            ("one", "buys", "of", "on", "rates", "since"),
            [
                (r["unit"].upper(), r["rate"], r["currency"].upper(), r["last"], r["rates"], r["first"])
                for r in found.iter_rows(named=True)
            ],
            right=("buys", "rates"),
        )
