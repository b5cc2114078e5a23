"""The first reading of an account: objects a second from a page of Stripe's to facts in PostgreSQL, and memory that does not grow.

`make bench`, or `python -m tests.benchmarks.first_read`. In the same run the stripe SDK pages the same lists and stores nothing, and a
bare loop reads, decodes and copies without doing anything else; then the product reads a twenty times larger account.
"""

import argparse
import sys

from tests.benchmarks import account_check as check
from tests.benchmarks import ingest_account as account
from tests.benchmarks.account_database import Databases, databases
from tests.benchmarks.contender import Server, run
from tests.benchmarks.ingest import Measured, line, measure, right, say

SMALL_INVOICES = 10_000
LARGE_INVOICES = 200_000
SDK_SECONDS = 8


def first(customers: int, rounds: int, store: Databases) -> tuple[bool, float]:
    """Everybody reads the small account; gives whether it was right, and the product's peak memory."""
    objects = check.objects(customers)
    server = Server(customers)
    say(f"{objects:,} objects, {customers * account.MONTHS:,} of them invoices")
    good = True
    try:
        loops: list[Measured] = []
        products: list[Measured] = []
        for _ in range(rounds):
            for name, module, into in (("bare loop", "ingest_bare", loops), ("product", "ingest_product", products)):
                found, database = measure(name, module, server, store, objects)
                into.append(found)
        good &= right("product", check.check_all(database, customers))
        sdk = run("tests.benchmarks.ingest_sdk", "--base", server.base, "--seconds", str(SDK_SECONDS))
    finally:
        server.close()
    loop, product = (max(many, key=lambda each: each.per_second) for many in (loops, products))
    line(loop, loop.per_second)
    line(product, loop.per_second)
    line(Measured("SDK's auto-paging, no store", sdk, sdk.objects), loop.per_second)
    say(
        f"  product beside the SDK's paging: {product.per_second / sdk.per_second:.1f}×; beside the bare loop: {product.per_second / loop.per_second:.0%}"
    )
    return good, max(each.result.peak_mib for each in products)


def large(customers: int, store: Databases, small_mib: float) -> bool:
    """The product reads the large account: its memory beside that of the small one."""
    objects = check.objects(customers)
    server = Server(customers)
    say(f"{objects:,} objects, {customers * account.MONTHS:,} of them invoices")
    try:
        found, database = measure("product", "ingest_product", server, store, objects)
    finally:
        server.close()
    line(found)
    say(
        f"  memory: {small_mib:.0f} MiB for {SMALL_INVOICES:,} invoices, {found.result.peak_mib:.0f} MiB for {customers * account.MONTHS:,}"
    )
    return right("product", check.check_rows(database, customers))


def main() -> int:
    """Run both sizes; 0 if everything that was read was right."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--large-invoices", type=int, default=LARGE_INVOICES)
    given = parser.parse_args()
    with databases() as store:
        good, peak = first(SMALL_INVOICES // account.MONTHS, given.rounds, store)
        good &= large(given.large_invoices // account.MONTHS, store, peak)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
