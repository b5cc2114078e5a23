"""Random lives of alerts against a real database: whatever happens in whatever order, what was promised of messages holds.

NRR_EXAMPLES sets how many lives are tried.
"""

import os
import tempfile
from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine

from integrations.notify.delivery import Outcome
from integrations.store import migrate
from integrations.store.alerts import alerts, outbox
from integrations.store.alerts.alerts import Transition
from integrations.store.alerts.outbox import Posted
from integrations.store.db.engine import begin, open_engine, read
from metrics.alerts.rules import Change, Judgement, Rule, Watch
from metrics.periods import add_months
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import figures
from tests.worker.alerts.desk import Desk, Notebook

START = date(2025, 6, 1)
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where files cost no disk: a life is thousands of transactions."""
PLANS = ("", "a", "b", "c")
OUTCOMES = (
    Outcome("sent", progress={"ts": "1"}),
    Outcome("again", "later", 1.0),
    Outcome("ambiguous", "who knows"),
    Outcome("failed", "no"),
    Outcome("dead", "gone"),
)


def _watch(confirm: int, cooldown: int, remind: int, digest_above: int) -> Watch:
    how = Judgement(
        confirm_nights=confirm, cooldown_days=cooldown, remind_days=remind, recover_by=Fraction(1, 100), minimum_customers=5
    )
    return Watch(
        rules=(
            Rule("whole", "nrr", "month", "below", Fraction(1), judgement=how),
            Rule("drop", "grr", "month", "below", Fraction(-2, 100), Change(), judgement=how),
            Rule("plans", "nrr", "month", "below", Fraction(1), dimension="plan", judgement=how),
        ),
        system=(),
        digest_above=digest_above,
    )


ENDS = st.one_of(st.lists(st.sampled_from(OUTCOMES), max_size=4), st.sampled_from(OUTCOMES).map(lambda outcome: [outcome] * 6))
VALUES = st.sampled_from([92, 99, 100, 102])


class Lives(RuleBasedStateMachine):
    """Months begin, figures are restated, people mute, channels fail, processes die."""

    @initialize(confirm=st.integers(1, 2), cooldown=st.integers(0, 3), remind=st.sampled_from([0, 2]), many=st.integers(0, 3))
    def begin(self, confirm: int, cooldown: int, remind: int, many: int) -> None:
        """An empty database, and a book of two months."""
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.engine: Engine = open_engine(f"sqlite:///{Path(self.folder.name) / 'nrr.sqlite3'}")
        migrate.upgrade(self.engine)
        self.slack, self.mail = Notebook("slack"), Notebook("email")
        self.desk = Desk.open(self.engine, _watch(confirm, cooldown, remind, many), self.slack, self.mail)
        self.night_ = START
        self.month = START
        self.values = {(plan, add_months(START, -n)): 102 for plan in PLANS for n in (0, 1)}
        self.customers = dict.fromkeys(PLANS, 50)
        self.remind = remind
        self.muted_ever = False
        self.dead_ever = False

    def teardown(self) -> None:
        """Close the database."""
        if hasattr(self, "engine"):
            self.engine.dispose()
            self.folder.cleanup()

    # --- what happens ---------------------------------------------------------------------------------------------------------

    @rule(plan=st.sampled_from(PLANS), value=VALUES, back=st.integers(0, 2))
    def restate(self, plan: str, value: int, back: int) -> None:
        """A month's figures become others."""
        end = add_months(self.month, -back)
        if (plan, end) in self.values:
            self.values[plan, end] = value

    @rule(plan=st.sampled_from(PLANS), customers=st.sampled_from([0, 3, 50]))
    def resize(self, plan: str, customers: int) -> None:
        """A part of the book becomes small, or is nobody's any more."""
        self.customers[plan] = max(customers, 3 if plan == "" else 0)

    @rule(changes=st.dictionaries(st.sampled_from(PLANS), VALUES, max_size=4), days=st.sampled_from([0, 1, 1, 1, 4, 31]))
    def night(self, changes: dict[str, int], days: int) -> None:
        """Days pass (or none: the same night again), the newest month's figures are these now, and the nightly job runs."""
        self.night_ += timedelta(days=days)
        while add_months(self.night_, 0) > self.month:
            self._month_ends()
        for plan, value in changes.items():
            self.values[plan, self.month] = value
        self.desk.night(self.night_, self._book())

    @rule(values=st.lists(st.sampled_from([92, 102]), min_size=3, max_size=5))
    def swings(self, values: list[int]) -> None:
        """The whole book goes up and down over some nights that lie far enough apart to be told."""
        for value in values:
            self.night({"": value, "a": value}, 4)

    @rule()
    def heard_of_nothing(self) -> None:
        """Muted while it gets bad, and good again on the night that somebody speaks."""
        self.mute("whole", muted=True)
        self.night({"": 92}, 4)
        self.night({}, 1)
        self.mute("whole", muted=False)
        self.night({"": 102}, 1)

    def _month_ends(self) -> None:
        for plan in PLANS:
            self.values[plan, add_months(self.month, 1)] = self.values[plan, self.month]
        self.month = add_months(self.month, 1)

    @rule()
    def evaluate_and_die(self) -> None:
        """The process dies before its transaction is committed."""
        self.desk.store(self._book(), self.night_)
        original = outbox.enqueue
        outbox.enqueue = _die
        try:
            with pytest.raises(_Killed):
                self.desk.night(self.night_)
        finally:
            outbox.enqueue = original

    @rule(slack=ENDS, mail=ENDS, rounds=st.integers(1, 3))
    def send(self, slack: list[Outcome], mail: list[Outcome], rounds: int) -> None:
        """What is due is sent, time and again, and the channels answer this and that."""
        self.slack.script, self.mail.script = list(slack), list(mail)
        self.dead_ever |= any(o.end == "dead" for o in (*slack, *mail))
        for _ in range(rounds):
            self.desk.hurry()
            self.desk.send()
        self.slack.script, self.mail.script = [], []

    @rule()
    def die_while_sending(self) -> None:
        """A sender dies while it holds a message."""
        with begin(self.engine) as connection:
            outbox.claim(connection, 0.0, ["slack", "email"])

    @rule(name=st.sampled_from(["whole", "drop", "plans"]), muted=st.booleans())
    def mute(self, name: str, *, muted: bool) -> None:
        """Somebody mutes, or unmutes."""
        with begin(self.engine) as connection:
            if muted:
                alerts.silence(connection, name, "", "mute", None, "")
                self.muted_ever = True
            else:
                alerts.lift(connection, name, "", "mute")

    @precondition(lambda self: self.dead_ever)
    @rule(channel=st.sampled_from(["slack", "email"]))
    def mend(self, channel: str) -> None:
        """A channel is mended."""
        with begin(self.engine) as connection:
            alerts.enable(connection, channel)

    def _book(self) -> list[Figures]:
        out = []
        for (plan, end), value in self.values.items():
            if not self.customers[plan]:
                continue
            dimension = "plan" if plan else ""
            out.append(figures("month", end, nrr=value, dimension=dimension, segment=plan, customers=self.customers[plan]))
        return out

    # --- what holds ------------------------------------------------------------------------------------------------------------

    @invariant()
    def promises_are_kept(self) -> None:
        """Whatever has happened."""
        if not hasattr(self, "engine"):
            return
        with read(self.engine) as connection:
            history = list(reversed(alerts.history(connection, limit=100_000)))
        posted = self.desk.posted()
        _every_firing_has_its_message_and_only_one(history, posted)
        _a_resolved_is_only_said_of_what_was_said(posted)
        _what_is_covered_is_told(posted)
        _history_goes_by_the_states(history)
        for channel in (self.slack, self.mail):
            _nothing_is_heard_twice(channel)


def _every_firing_has_its_message_and_only_one(history: list[Transition], posted: list[Posted]) -> None:
    """For each firing in the history there is a row; there is none without a firing, and none twice by one channel."""
    fired = Counter((t.rule, t.segment) for t in history if t.after == "firing")
    rows = {(p.message.rule, p.message.segment, p.message.transition) for p in posted}
    for key, times in fired.items():
        for episode in range(1, times + 1):
            assert (*key, f"firing:{episode}") in rows, f"{key} fired without a message"
    for rule_name, segment, transition in rows:
        kind, _, rest = transition.partition(":")
        if kind in ("firing", "still", "resolved"):
            assert int(rest) <= fired[rule_name, segment], f"{transition} of {rule_name} {segment} without a firing"
    seen = Counter((p.message.rule, p.message.segment, p.message.transition, p.message.channel, p.message.window) for p in posted)
    assert 1 == max(seen.values(), default=1), "two rows for one change"


def _a_resolved_is_only_said_of_what_was_said(posted: list[Posted]) -> None:
    """Whatever is told as resolved was told as firing before, by a row that isn't withheld."""
    told: set[tuple[str, str, str]] = set()
    for p in posted:
        kind, _, episode = p.message.transition.partition(":")
        key = (p.message.rule, p.message.segment, episode)
        if kind in ("firing", "still") and p.status != "withheld":
            told.add(key)
        if kind == "resolved" and p.status != "withheld":
            assert key in told, f"resolved without a firing: {key}"


def _what_is_covered_is_told(posted: list[Posted]) -> None:
    """A row that another message tells of names one that is there."""
    rows = {(p.message.rule, p.message.segment, p.message.transition, p.message.channel) for p in posted}
    for p in posted:
        if p.status == "covered":
            by = p.message.body["by"]
            assert (by["rule"], by["segment"], by["transition"], p.message.channel) in rows


def _history_goes_by_the_states(history: list[Transition]) -> None:
    """Each transition begins where the one before it ended, and only ways that exist are taken."""
    stands: dict[tuple[str, str], str] = {}
    for t in history:
        assert stands.get((t.rule, t.segment), "ok") == t.before
        assert (t.before, t.after) in WAYS
        stands[t.rule, t.segment] = t.after


def _nothing_is_heard_twice(channel: Notebook) -> None:
    """Each message is taken once, unless a try before it left a doubt, and then it is marked and repeated once only."""
    ends: dict[str, list[str]] = {}
    for parcel, answer in zip(channel.given, channel.answered, strict=True):
        before = ends.setdefault(parcel.key, [])
        assert "sent" not in before, f"{parcel.key} was taken twice"
        assert parcel.repeat or "ambiguous" not in before, "a repeat without its mark"
        assert before.count("ambiguous") <= 1, "repeated blindly"
        before.append(answer.end)


WAYS = {
    ("ok", "pending"),
    ("ok", "firing"),
    ("pending", "ok"),
    ("pending", "firing"),
    ("firing", "resolved"),
    ("resolved", "ok"),
    ("resolved", "pending"),
    ("resolved", "firing"),
}


class _Killed(Exception):
    pass


def _die(*_: object, **__: object) -> int:
    raise _Killed


TestLives = pytest.mark.long(pytest.mark.filterwarnings("ignore::ResourceWarning")(Lives.TestCase))
TestLives.settings = settings(
    max_examples=int(os.environ.get("NRR_EXAMPLES", "10")),
    stateful_step_count=18,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
