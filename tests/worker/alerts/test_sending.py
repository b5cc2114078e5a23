"""Messages on their way: sent once, tried again, left in doubt, rerouted, withheld until the morning, given up."""

import threading
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import Engine, select

from integrations.notify.delivery import Outcome
from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.outbox import Message
from integrations.store.alerts.schema import outbox as outbox_table
from integrations.store.db.engine import begin, read
from metrics.alerts.rules import Rule, Watch
from tests.metrics.alerts.books import months
from tests.worker.alerts.desk import Desk, Notebook, at
from tests.worker.alerts.test_alerting import JULY, JUNE, NRR, WATCH
from worker.alerts.deliver import send_sample
from worker.alerts.evaluate import quiet_seconds


def test_a_message_is_sent_once_by_each_channel(engine: Engine) -> None:
    """Slack and mail both get it, each once; the second round has nothing to send."""
    slack, mail = Notebook("slack"), Notebook("email")
    desk = Desk.open(engine, WATCH, slack, mail)
    desk.night(JUNE, months("trailing_12", JUNE, 102, 97))
    assert 2 == desk.send().sent
    assert 0 == desk.send().sent
    assert (1, 1) == (len(slack.given), len(mail.given))
    assert slack.given[0].key == mail.given[0].key == "nrr||1"


def test_senders_at_once_share_the_work(engine: Engine) -> None:
    """Four senders and twelve messages: each is handed over once, by whoever got it."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    body = {"content": {"kind": "firing", "title": "x"}, "thread": None}
    with begin(engine) as connection:
        outbox.enqueue(connection, [Message("r", str(n), "", "firing:1", "slack", {**body, "key": str(n)}) for n in range(12)])
    senders = [threading.Thread(target=desk.send) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(60)
    assert sorted(str(n) for n in range(12)) == sorted(p.key for p in slack.given)
    assert {"sent"} == {p.status for p in desk.posted()}


# --- what channels answer -----------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again_and_waits_as_long_as_it_was_asked_to(engine: Engine) -> None:
    """Slack asks for 90 seconds: nothing is sent before that; then it is taken, with what was remembered."""
    slack = Notebook(script=[Outcome("again", "wait", 90, {"delivered": ["a@x.example"]})])
    desk = Desk.open(engine, WATCH, slack)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert 1 == desk.send().again
    assert 0 == desk.send().sent
    with read(engine) as connection:
        due = connection.execute(select(outbox_table.c.next_attempt_at).where(outbox_table.c.status == "due")).scalar_one()
    assert timedelta(seconds=80) < due - datetime.now(UTC) <= timedelta(seconds=91)
    desk.hurry()
    assert 1 == desk.send().sent
    assert {"delivered": ["a@x.example"]} == dict(slack.given[1].progress)
    assert not slack.given[1].repeat


def test_a_doubt_is_recorded_repeated_once_with_a_mark_and_then_left(engine: Engine) -> None:
    """The connection ends before Slack answers, twice: two tries, the second one marked, and then a person must look."""
    slack = Notebook(script=[Outcome("ambiguous", "it broke off"), Outcome("ambiguous", "it broke off")])
    desk = Desk.open(engine, WATCH, slack)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    desk.send()
    assert ["due"] == [p.status for p in desk.posted()]
    assert 0 == desk.send().sent, "not before it had time to show up"
    desk.hurry()
    desk.send()
    desk.hurry()
    assert 0 == desk.send().sent
    assert ["ambiguous"] == [p.status for p in desk.posted()]
    assert [False, True] == [p.repeat for p in slack.given]


def test_a_sender_that_dies_leaves_a_doubt(engine: Engine) -> None:
    """It was killed while it held the message: the next one sends it, marked as a possible repeat."""
    slack = Notebook()
    desk = Desk.open(engine, WATCH, slack)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    with begin(engine) as connection:
        assert outbox.claim(connection, 0.0) is not None
    desk.hurry()
    assert 1 == desk.send().sent
    assert [True] == [p.repeat for p in slack.given]


def test_a_dead_channel_is_left_and_the_other_one_is_told(engine: Engine) -> None:
    """The webhook is gone: the mail tells the alert and that Slack takes nothing any more; the next alert goes by mail only."""
    slack, mail = Notebook("slack", [Outcome("dead", "Slack answered 404 no_service")]), Notebook("email")
    rule = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), channels=("slack",))
    desk = Desk.open(engine, Watch(rules=(rule,), system=()), slack, mail)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    sent = desk.send()
    assert (["slack"], 2) == (sent.dead, sent.sent)
    assert ["NRR below 100 %: 97 % (the 12 months to May 2025)", "Slack takes no alerts any more"] == mail.titles
    assert "Slack answered 404 no_service" in mail.given[1].content["summary"]
    desk.night(JULY, months("trailing_12", JULY, 97, 103))
    desk.send()
    assert (1, 3) == (len(slack.given), len(mail.given))
    with read(engine) as connection:
        assert {"slack": "Slack answered 404 no_service"} == alerts.disabled_channels(connection)


def test_what_waits_for_a_dead_channel_goes_by_the_other(engine: Engine) -> None:
    """Two messages wait for Slack when it dies: both arrive by mail, neither twice."""
    slack, mail = Notebook("slack", [Outcome("dead", "gone")]), Notebook("email")
    rules = tuple(Rule(f"r{n}", m, "month", "below", Fraction(10**18), channels=("slack",)) for n, m in enumerate(("nrr", "arpa")))
    desk = Desk.open(engine, Watch(rules=rules, system=()), slack, mail)
    desk.night(JUNE, months("month", JUNE, 97))
    desk.send()
    assert 3 == len(mail.given)
    assert 1 == len([t for t in mail.titles if t == "Slack takes no alerts any more"])


def test_a_sample_that_is_taken_puts_a_channel_into_use_again(engine: Engine) -> None:
    """Mended: the test message is taken, and alerts go there again."""
    slack = Notebook("slack")
    desk = Desk.open(engine, WATCH, slack)
    with begin(engine) as connection:
        alerts.disable(connection, "slack", "gone")
    assert "sent" == send_sample(desk.alerting, "slack", at(JUNE)).end
    with read(engine) as connection:
        assert {} == alerts.disabled_channels(connection)
    assert "SAMPLE" in slack.titles[0]


@dataclass(frozen=True)
class Reached:
    """What a channel is reached by."""

    url: str


class Hook(Notebook):
    """A channel that says what it is reached by."""

    target = Reached("https://hooks.example/old")


def test_a_dead_channel_with_another_secret_is_in_use_again_and_sends_what_it_did_not_take(engine: Engine) -> None:
    """By itself, in the same worker: the next look at the settings brings another address. With the same one it stays dead."""
    hook = Hook("slack", [Outcome("dead", "Slack answered 404 no_service")])
    desk = Desk.open(engine, Watch(rules=(NRR,), system=()), hook)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert ["slack"] == desk.send().dead
    assert 0 == desk.send().sent
    with read(engine) as connection:
        assert {"slack"} == set(alerts.disabled_channels(connection))
    hook.target = Reached("https://hooks.example/new")
    assert 1 == desk.send().sent
    assert [hook.titles[0]] * 2 == hook.titles
    with read(engine) as connection:
        assert {} == alerts.disabled_channels(connection)


def test_two_that_put_a_channel_into_use_at_once_disturb_nobody(engine: Engine) -> None:
    """Each worker looks by itself whether a secret was changed."""
    failed: list[Exception] = []

    def enable() -> None:
        try:
            with begin(engine) as connection:
                alerts.enable(connection, "slack")
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells it
            failed.append(error)

    with begin(engine) as connection:
        alerts.enable(connection, "slack")
        other = threading.Thread(target=enable)
        other.start()
        other.join(0.5)
    other.join(30)
    assert [] == failed


def test_what_another_channel_told_is_not_told_again_by_one_that_is_back(engine: Engine) -> None:
    """The mail told it while Slack was dead."""
    hook, mail = Hook("slack", [Outcome("dead", "gone")]), Notebook("email")
    rule = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), channels=("slack",))
    desk = Desk.open(engine, Watch(rules=(rule,), system=()), hook, mail)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert 2 == desk.send().sent
    hook.target = Reached("https://hooks.example/new")
    assert 0 == desk.send().sent
    desk.night(JULY, months("trailing_12", JULY, 97, 103))
    assert 1 == desk.send().sent
    assert 2 == len(hook.given)


def test_without_a_channel_nothing_is_lost(engine: Engine) -> None:
    """Nothing is set up when it fires: withheld, and told as soon as there is a channel."""
    desk = Desk.open(engine, WATCH)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert ["withheld firing:1 nrr none"] == desk.told()
    slack = Notebook()
    later = Desk.open(engine, WATCH, slack)
    later.night(date(2025, 6, 2))
    later.send()
    assert ["NRR below 100 %: 97 % (the 12 months to May 2025)"] == slack.titles


def test_a_message_that_could_not_be_sent_for_days_is_given_up(engine: Engine) -> None:
    """Slack can't be reached for three days: that is no news any more, and the mail has told it."""
    slack, mail = Notebook("slack", [Outcome("again", "away")]), Notebook("email")
    desk = Desk.open(
        engine, Watch(rules=(Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), channels=("slack",)),), system=()), slack, mail
    )
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    from sqlalchemy import update

    from integrations.store.alerts.schema import outbox as table

    with begin(engine) as connection:
        connection.execute(update(table).values(created_at=datetime.now(UTC) - timedelta(days=4)))
    desk.send()
    assert ["failed firing:1 nrr slack", "sent firing:1 nrr email"] == desk.told()


# --- being quiet ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "minute", "seconds"),
    [(21, 59, 0), (22, 0, 9 * 3600), (23, 30, 7.5 * 3600), (3, 0, 4 * 3600), (6, 59, 60), (7, 0, 0), (12, 0, 0)],
)
def test_quiet_hours_end_in_the_morning(hour: int, minute: int, seconds: float) -> None:
    """From ten in the evening until seven in the morning, by the clock of the reporting time zone."""
    assert seconds == quiet_seconds((time(22), time(7)), datetime(2025, 6, 3, hour, minute, tzinfo=UTC), "UTC")


def test_quiet_hours_are_those_of_the_reporting_time_zone_also_when_clocks_change() -> None:
    """Berlin, the night to 30 March 2025: seven o'clock comes an hour sooner."""
    late = datetime(2025, 3, 29, 21, 0, tzinfo=UTC)  # 22:00 in Berlin
    assert 8 * 3600 == quiet_seconds((time(22), time(7)), late, "Europe/Berlin")


def test_a_message_of_the_night_waits_for_the_morning(engine: Engine) -> None:
    """It fires at four in the morning with quiet hours until seven: stored at once, due three hours later."""
    slack = Notebook()
    desk = Desk.open(engine, Watch(rules=(NRR,), system=(), quiet=(time(22), time(7))), slack)
    desk.night(JUNE, months("trailing_12", JUNE, 97))
    assert 0 == desk.send().sent
    (waiting,) = desk.posted()
    assert waiting.next_attempt_at is not None
    assert 2.9 * 3600 < (waiting.next_attempt_at - datetime.now(UTC)).total_seconds() <= 3 * 3600
    desk.hurry()
    assert 1 == desk.send().sent


def test_the_outbox_takes_what_it_has_only_once(engine: Engine) -> None:
    """A second row for the same change through the same channel is passed over by the database itself."""
    message = Message("r", "s", "2025-05", "firing:1", "slack", {"key": "k"})
    with begin(engine) as connection:
        assert 1 == outbox.enqueue(connection, [message])
        assert 0 == outbox.enqueue(connection, [message])
        assert outbox.told(connection, "r|s|1", "slack") is not None
        assert outbox.told(connection, "r|s|2", "slack") is None
