"""The stripe SDK's own auto-paging as a contender: lists are walked and every object is made, and nothing is stored.

It stops after some seconds, since a whole account would take minutes; its rate does not depend on how long it runs.
"""

import argparse
import time

import stripe

from tests.benchmarks.contender import Result, Stopwatch, tell

KEY = "sk_live_benchmark0000"


def page(base: str, seconds: float) -> Result:
    """Walk invoices, then subscriptions, then customers, for at most so long."""
    stripe.enable_telemetry = False
    client = stripe.StripeClient(KEY, base_addresses={"api": base}, max_network_retries=2)
    until = time.monotonic() + seconds
    watch = Stopwatch()
    objects = 0
    for listed in (
        client.v1.invoices.list({"limit": 100}),
        client.v1.subscriptions.list({"limit": 100, "status": "all"}),
        client.v1.customers.list({"limit": 100}),
    ):
        for _ in listed.auto_paging_iter():
            objects += 1
            if objects % 100 == 0 and time.monotonic() > until:
                return watch.result(objects)
    return watch.result(objects)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--base", required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    tell(page(given.base, given.seconds))
