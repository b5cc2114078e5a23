"""A public engine as a contender: dlt's declarative REST source into PostgreSQL, run by an interpreter of its own.

It is installed from the package index into a folder that is thrown away with the benchmark's other files; nothing of the project is
imported here, and its rows are laid out as dlt lays them out. `python ingest_peer.py BASE DATABASE` prints one line of JSON.
"""

import importlib
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

PACKAGE = "dlt[postgres]"
KEY = "sk_live_benchmark0000"


def read(base: str, database: str) -> dict[str, object]:
    """Read customers, subscriptions and invoices of an account, as dlt's documentation says how to."""
    dlt: Any = importlib.import_module("dlt")  # installed by who runs this, and by nobody else
    paging: Any = importlib.import_module("dlt.sources.helpers.rest_client.paginators")
    sources: Any = importlib.import_module("dlt.sources.rest_api")

    def update_state(self: Any, response: Any, data: Any = None) -> None:
        told = response.json()
        self._has_next_page = bool(told["has_more"] and told["data"])
        self._after = told["data"][-1]["id"] if told["data"] else None

    def update_request(self: Any, request: Any) -> None:
        request.params = {**(request.params or {}), "starting_after": self._after}

    # Stripe's paging: the last id is where the next page begins.
    after = type("After", (paging.BasePaginator,), {"update_state": update_state, "update_request": update_request})

    def listed(name: str, **params: str) -> dict[str, object]:
        return {
            "name": name,
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"path": name, "params": {"limit": 100, **params}, "data_selector": "data", "paginator": after()},
        }

    source = sources.rest_api_source(
        {
            "client": {"base_url": f"{base}/v1/", "auth": {"type": "bearer", "token": KEY}},
            "resources": [listed("customers"), listed("subscriptions", status="all"), listed("invoices")],
        }
    )
    pipeline = dlt.pipeline(
        "benchmark", destination=dlt.destinations.postgres(database), dataset_name="peer", pipelines_dir=str(Path.cwd())
    )
    idle, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    pipeline.run(source)
    seconds, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    counts = pipeline.last_trace.last_normalize_info.row_counts
    objects = sum(counts.get(name, 0) for name in ("customers", "subscriptions", "invoices"))
    cpu = used.ru_utime + used.ru_stime - idle.ru_utime - idle.ru_stime
    return {
        "objects": objects,
        "seconds": round(seconds, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mib": round(used.ru_maxrss / 1024, 1),
        "shares": {},
        "more": {"version": dlt.__version__, "rows": sum(counts.values())},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(read(sys.argv[1], sys.argv[2])) + "\n")
