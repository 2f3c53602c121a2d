"""The faults, in the order of the table's rows. A new one: one file here and one line below."""

from __future__ import annotations

from benchmarks.injection.rows.bad_configuration import BAD_CONFIGURATION
from benchmarks.injection.rows.base import Fault
from benchmarks.injection.rows.crashes import CRASHES
from benchmarks.injection.rows.deaf_child import DEAF_CHILD
from benchmarks.injection.rows.deaf_service import DEAF_SERVICE
from benchmarks.injection.rows.idle_memory import IDLE_MEMORY
from benchmarks.injection.rows.last_lines import LAST_LINES
from benchmarks.injection.rows.log_full import LOG_FULL
from benchmarks.injection.rows.log_stalls import LOG_STALLS
from benchmarks.injection.rows.manager_killed import MANAGER_KILLED
from benchmarks.injection.rows.manager_started_again import MANAGER_STARTED_AGAIN
from benchmarks.injection.rows.reload_under_load import RELOAD_UNDER_LOAD
from benchmarks.injection.rows.restart_latency import RESTART_LATENCY
from benchmarks.injection.rows.two_commands import TWO_COMMANDS

ALL = (
    MANAGER_KILLED,
    MANAGER_STARTED_AGAIN,
    DEAF_CHILD,
    DEAF_SERVICE,
    LOG_STALLS,
    LOG_FULL,
    RESTART_LATENCY,
    *CRASHES,
    RELOAD_UNDER_LOAD,
    BAD_CONFIGURATION,
    TWO_COMMANDS,
    LAST_LINES,
    IDLE_MEMORY,
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in ALL}
