"""Customers as a page names them: by name or id, with the way to Stripe's dashboard and to what explains them."""

import re
from collections.abc import Sequence
from urllib.parse import urlencode

from integrations.dashboard import dashboard
from integrations.notify.sanitize import plain
from integrations.report.content import Arithmetic, Lines, Link, Step
from metrics.ledger.explain import ChangeWords, MovementWords
from metrics.number_words import signed_money
from worker.queries.customers import InStripe
from worker.queries.provenance import Provenance
from worker.report.gather import Gathered


def dashboard_of(who: InStripe) -> str | None:
    """Where a customer is in Stripe's dashboard; None for an id that has no page there."""
    return dashboard(who.customer, account=who.account if who.several else "", livemode=who.livemode)


def anchor(customer: str) -> str:
    """The id of a customer's explanation on the page, whatever characters its name in the ledger has."""
    safe = re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", customer)
    return f"why-{safe}"


def window_path(customer: str) -> str:
    """Where a customer's page is in the window."""
    return f"/customer?{urlencode({'id': customer})}"


def customer_cell(g: Gathered, customer: str, *, explained: bool) -> Lines:
    """A customer in a table: its name or id first, then the ways to Stripe and to the explanation."""
    title = g.people.get(customer)
    shown = plain(customer, 80)
    links: list[str | Link] = []
    if g.options.in_window:
        links.append(Link("more", window_path(customer)))
    elif explained:
        links.append(Link("why", f"#{anchor(customer)}"))
    mine = g.stripe.get(customer, [])
    for who in mine[:3]:
        address = dashboard_of(who)
        if address is not None:
            links.append(Link("in Stripe" if len(mine) == 1 else who.customer, address))
    first: str | Link = title or shown
    return Lines((first, *([shown] if title else []), *links))


def arithmetic(g: Gathered, customer: str, movements: Sequence[MovementWords]) -> Arithmetic:
    """What a customer did in the period, down to Stripe's objects and the arithmetic."""
    title = g.people.get(customer)
    who = f"{title} ({plain(customer, 80)})" if title else plain(customer, 80)
    return Arithmetic(
        anchor(customer), f"{who}: {_counted(movements)}", tuple(step for m in movements for step in steps_of(m, g.provenance))
    )


def _counted(movements: Sequence[MovementWords]) -> str:
    if len(movements) == 1:
        return plain(movements[0].words.partition(": ")[2] or movements[0].words, 300)
    moved = [f"{m.kind} {signed_money(m.delta_micros, m.currency)}" for m in movements[:3]]
    rest = f" and {len(movements) - 3} more" if len(movements) > 3 else ""
    return ", ".join(moved) + rest


def steps_of(movement: MovementWords, source: Provenance) -> list[Step]:
    """A movement as a line, and each change under it with its arithmetic and evidence."""
    return [Step(plain(movement.words, 400)), *(_change(change, source) for change in movement.changes)]


def _change(change: ChangeWords, source: Provenance) -> Step:
    inferred = " (inferred: it left no dated trace of its own)" if change.inferred else ""
    lines = tuple(plain(f"{item.name or item.price or item.item}: {item.arithmetic}", 400) for item in change.items)
    words = f"{change.at[:10]} {change.subscription}: {plain(change.words, 300)}{inferred}"
    return Step(words, lines, evidence(change.evidence, source))


def evidence(ids: Sequence[str], source: Provenance) -> tuple[str | Link, ...]:
    """Stripe's objects, each leading to its page in the dashboard where it has one; of several accounts nobody knows in which."""
    out: list[str | Link] = []
    for each in ids:
        address = dashboard(each, livemode=source.accounts[0].livemode) if len(source.accounts) == 1 else None
        out.append(Link(each, address, code=True) if address else plain(each, 90))
    return tuple(out)
