"""How Celery is set up and what beat sends: pure values, so that a test can read them.

The reasons stand in `app`; here is what follows from them. Beat sends one thing only, a tick, because what is due is a question for the
database: a tick that was lost, doubled or late changes nothing, and after three days without beat one tick finds all that is missing.
"""

import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

SOFT_LIMIT_SECONDS: Final = 300
HARD_LIMIT_SECONDS: Final = 360
WORK_SECONDS: Final = 120
"""How long one task works before it gives the rest back: well within the soft limit, so that the limit is for accidents only, and soon
enough for ticks not to wait long behind it."""

TICK: Final = "nrr.tick"
WORK: Final = "nrr.work"
SEEN: Final = "nrr.seen"
QUEUE: Final = "nrr"


class InsecureRedis(ValueError):
    """The address asks for a connection whose certificate nobody checks."""


def celery_settings(redis_url: str, *, prefix: str, tick_seconds: int) -> dict[str, Any]:
    """Celery's configuration for a broker. Raises InsecureRedis for a rediss:// address that would not verify certificates."""
    return {
        "broker_url": redis_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_pool_acquire_timeout": 10,
        "broker_transport_options": {
            "visibility_timeout": 1800,
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "global_keyprefix": f"{prefix}:",
        },
        **_tls(redis_url),
        "result_backend": None,
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_soft_time_limit": SOFT_LIMIT_SECONDS,
        "task_time_limit": HARD_LIMIT_SECONDS,
        "task_default_queue": QUEUE,
        "task_publish_retry": True,
        "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 1},
        "worker_disable_prefetch": True,
        "worker_prefetch_multiplier": 1,
        "worker_direct": True,
        "worker_hijack_root_logger": False,
        "worker_proc_alive_timeout": 30.0,
        "worker_max_tasks_per_child": 1000,
        # Whoever reaches Redis could end workers or change their limits by it; nothing of ours is told that way.
        "worker_enable_remote_control": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "timezone": "UTC",
        "beat_scheduler": "worker.app:WatchedScheduler",
        "beat_max_loop_interval": min(30, tick_seconds),
        "beat_schedule": beat_schedule(tick_seconds),
    }


def beat_schedule(tick_seconds: int) -> dict[str, Mapping[str, Any]]:
    """What beat sends, kept in its memory only: there is nothing in it that a second beat or a restart could spoil."""
    return {"tick": {"task": TICK, "schedule": float(tick_seconds), "options": {"expires": max(1.0, tick_seconds * 0.9)}}}


def _tls(redis_url: str) -> dict[str, Any]:
    """The options that make a rediss:// address verify: Celery's own default is not to."""
    parts = urlsplit(redis_url)
    if parts.scheme != "rediss":
        return {}
    asked = parse_qs(parts.query).get("ssl_cert_reqs", ["required"])[-1].lower().removeprefix("cert_")
    if asked != "required":
        raise InsecureRedis(
            f"REDIS_URL says ssl_cert_reqs={asked}: the server's certificate would not be checked, and anybody between could send "
            "tasks. Write ssl_cert_reqs=required, or leave it out"
        )
    return {"broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}
