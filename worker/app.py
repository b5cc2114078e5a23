"""The Celery application, and what lives as long as a worker's process.

A message is a nudge, the database is the record of work. So every message may be lost, doubled or late: early acknowledgement, no
result backend, no eta, countdown, retry or chord, and an expiry on everything that beat sends. With early acknowledgement nothing is
ever unacknowledged, which also keeps Celery's consumer from giving up when Redis refuses connections while a message is open.

Nothing is read or opened on import: the configuration is asked for when Celery first needs it, and the engine and the readers of a
process are opened by its first task, after the pool has forked.
"""

import multiprocessing
import os
import socket
import threading
import time
from typing import Any, Final

import structlog
from celery import Celery, signals

from integrations.store.engine import read
from worker import freshness, steps
from worker.schedule import celery_settings
from worker.settings import Settings, load_settings
from worker.stop import Stop
from worker.wiring import Wiring, open_wiring

log = structlog.get_logger()

app: Final = Celery("nrr", include=["worker.tasks"])
