"""Channels by name: who is told what, and by whom when a channel is dead."""

from datetime import date
from fractions import Fraction

from sqlalchemy import Engine

from integrations.notify.delivery import Outcome
from metrics.alerts.rules import Rule, SystemRule, Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook
from worker.alerts.addressed import addressed, named_by

JUNE = date(2025, 6, 1)


def rule(name: str, *channels: str, metric: str = "nrr") -> Rule:
    """A rule that fires, by these channels."""
    return Rule(name, metric, "trailing_12", "below", Fraction(10**18), channels=channels)


def test_by_what_it_names_else_by_what_everything_goes_else_by_all() -> None:
    """And never by none while one works."""
    watch = Watch(rules=(rule("board", "board-mail"), rule("other")), channels=("slack",), digest_channels=("email",))
    every = ("slack", "email", "board-mail")
    assert ("board-mail",) == addressed(watch, named_by(watch, "board"), every)
    assert ("slack",) == addressed(watch, named_by(watch, "board"), ("slack", "email"))
    assert ("email",) == addressed(watch, named_by(watch, "board"), ("email",))
    assert ("slack",) == addressed(watch, named_by(watch, "other"), every)
    assert ("slack",) == addressed(watch, named_by(watch, "report"), every)
    assert ("email",) == addressed(watch, named_by(watch, "digest"), every)
    assert every == addressed(Watch(), (), every)
    assert () == addressed(watch, (), ())


def test_rules_have_recipients_of_their_own(engine: Engine) -> None:
    """One goes to the board and to Slack, what names nobody to operations alone."""
    slack, ops, board = Notebook("slack"), Notebook("ops"), Notebook("board-mail")
    rules = (rule("revenue", "slack", "board-mail"), rule("heads", metric="arpa"))
    desk = Desk.open(engine, Watch(rules=rules, system=(SystemRule("quarantine"),), channels=("ops",)), slack, ops, board)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    desk.send()
    assert (1, 1, 1) == (len(slack.given), len(board.given), len(ops.given))
    assert slack.titles == board.titles != ops.titles


def test_of_a_dead_channel_its_own_companions_tell_first(engine: Engine) -> None:
    """The board's rule names Slack and mail; Slack dies: nobody else hears of it but that Slack is dead, which goes where everything goes."""
    slack, board, ops = Notebook("slack", [Outcome("dead", "gone")]), Notebook("board-mail"), Notebook("ops")
    desk = Desk.open(
        engine, Watch(rules=(rule("revenue", "slack", "board-mail"),), system=(), channels=("ops",)), slack, board, ops
    )
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    desk.send()
    assert 1 == len(board.given)
    assert ["Slack takes no alerts any more"] == ops.titles
