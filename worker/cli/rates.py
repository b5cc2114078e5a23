"""`nrr rates`: exchange rates of one's own beside the European Central Bank's, and which ones are held."""

from pathlib import Path
from typing import Annotated

import typer

from worker.cli.common import Config, Context, Json, opened, put_json
from worker.cli.exit_codes import Stop

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Exchange rates.")


def say_outdated(context: Context) -> None:
    """Under a table with amounts in the reporting currency: that its rates are old, where they are."""
    from worker.queries.rates import outdated

    said = outdated(context.session)
    if said is not None:
        context.say(said)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file that begins with day,unit,currency,rate.")],
    json: Json = False,
    config: Config = None,
) -> None:
    """Store the rates of a file beside those held. One of the same day and pair is replaced."""
    from worker.figures.exchange_rates import load_file
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        given, changed = load_file(context.wiring.engine, str(file))
        if json:
            put_json({"file": str(file), "rates": given, "changed": changed})
        else:
            context.lines(f"{given:,} rates in {file}, {changed:,} of them new or different")
            if changed:
                context.say("next: nrr rollup, so that the figures know of them")


@app.command()
def fetch(json: Json = False, config: Config = None) -> None:
    """Fetch the European Central Bank's rates now.

    As the nightly run does; those that the figures need are kept.
    """
    from worker.queries.rates import outdated
    from worker.runs.database import require_current
    from worker.runs.exchange_rates import fetch as fetch_now

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        done = fetch_now(context.wiring)
        if done.why_not is not None:
            raise Stop(done.why_not)
        if json:
            old = outdated(context.session)
            put_json({"changed": done.changed, "through": done.through, "rates_outdated": old, "outdated": old})
            return
        through = f", the last of {done.through}" if done.through else ": everything is paid in the reporting currency"
        context.lines(f"{done.changed:,} rates new or different{through}")
        if done.changed:
            context.say("next: nrr rollup, so that the figures know of them")


@app.command()
def show(json: Json = False, config: Config = None) -> None:
    """Show for each pair which days have rates, and the latest."""
    from worker.queries.rates import pairs
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = pairs(context.session)
        if json:
            put_json({"pairs": [{**row, "rate": float(row["rate"])} for row in found.to_dicts()]})
            return
        context.table(
            ("one", "buys", "of", "on", "rates", "since"),
            [
                (r["unit"].upper(), r["rate"], r["currency"].upper(), r["last"], r["rates"], r["first"])
                for r in found.iter_rows(named=True)
            ],
            right=("buys", "rates"),
        )
