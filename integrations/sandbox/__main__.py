"""`python -m integrations.sandbox`: a local Stripe with a business in it, until it is interrupted."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence

from integrations.sandbox.api.rate_limits import Limits
from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.billing_cycles import parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.random_scenarios import FEATURES


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    options = _parser().parse_args(arguments)
    features = frozenset(options.features.split(",")) if options.features else FEATURES
    began = time.monotonic()
    try:
        business = Business(
            customers=options.customers,
            months=options.months,
            seed=options.seed,
            start=options.start,
            features=features,
            api_version=options.api_version,
        )
        limits = Limits.stripe(livemode=True) if options.stripe_limits else Limits()
        sandbox = Sandbox(
            business, now=options.now, port=options.port, key=options.key, limits=limits, latency_seconds=options.latency / 1000
        )
    except (ValueError, OSError) as error:
        print(f"the sandbox can't be opened: {error}", file=sys.stderr)
        return 2
    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: over.set())
    with sandbox:
        print(f"STRIPE_API_BASE={sandbox.url}")
        print(f"STRIPE_API_KEY={sandbox.key}", flush=True)
        print(f"{business.customers} customers are ready after {time.monotonic() - began:.1f} s; Ctrl-C ends it", file=sys.stderr)
        over.wait()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m integrations.sandbox", description=__doc__)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--months", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=parse_instant, default=Business.start, help="first instant of the business, ISO 8601")
    parser.add_argument("--now", type=parse_instant, help="the instant that it is, ISO 8601; the end of the months unless told")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="the key to accept; made up unless told")
    parser.add_argument("--features", help="comma-separated; all of them unless told")
    parser.add_argument("--api-version", default=Business.api_version, help="the account's, in which events are drawn")
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="how late every answer is")
    parser.add_argument("--stripe-limits", action="store_true", help="100 requests/s, and 25 for one endpoint; 429 past that")
    return parser


if __name__ == "__main__":
    sys.exit(main())
