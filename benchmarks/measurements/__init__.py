"""What is measured, in the order of the table's rows. A new one: one file here and one line below."""

from __future__ import annotations

from benchmarks.measurements import log_capture
from benchmarks.measurements.base import Measurement
from benchmarks.measurements.down import DOWN
from benchmarks.measurements.idle import IDLE
from benchmarks.measurements.mass_kill import MASS_KILL
from benchmarks.measurements.restart import RESTART
from benchmarks.measurements.status import STATUS
from benchmarks.measurements.up import UP

ALL = (RESTART, UP, MASS_KILL, STATUS, DOWN, IDLE, *([log_capture.LOG_CAPTURE] if log_capture.is_there() else []))
MEASUREMENTS: dict[str, Measurement] = {measurement.name: measurement for measurement in ALL}
