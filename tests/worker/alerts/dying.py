"""A process that alerts and can be killed: it says where it is, and goes on only if it lives.

Run as `python -m tests.worker.alerts.dying DATABASE_URL WEBHOOK WHERE`; WHERE is in_transaction, after_commit or while_sending.
"""

import sys
import time
from datetime import date
from fractions import Fraction

from integrations.notify.slack import Slack, SlackTarget
from integrations.store.db.engine import begin, open_engine
from integrations.web import Web
from metrics.alerts.rules import Rule, Watch
from tests.worker.alerts.desk import BASIS, at
from worker.alerts.alerting import Alerting
from worker.alerts.deliver import send_due
from worker.alerts.evaluate import evaluate, evaluate_within

WATCH = Watch(rules=(Rule("nrr", "nrr", "trailing_12", "below", Fraction(1)),), system=())
NIGHT = date(2025, 6, 1)


def main() -> None:
    """Evaluate one night and send, with a stop to be killed at."""
    url, webhook, where = sys.argv[1:]
    engine = open_engine(url)
    slack = Slack(SlackTarget(webhook_url=webhook), time.sleep, Web(timeout_seconds=(30.0, 30.0)))
    alerting = Alerting(engine, BASIS, WATCH, lambda: at(NIGHT), {"slack": slack})
    if where == "in_transaction":
        with begin(engine) as connection:
            evaluate_within(connection, alerting, at(NIGHT))
            _here()
    evaluate(alerting, at(NIGHT))
    if where == "after_commit":
        _here()
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    send_due(alerting)


def _here() -> None:
    sys.stdout.write("here\n")
    sys.stdout.flush()
    time.sleep(60)


if __name__ == "__main__":
    main()
