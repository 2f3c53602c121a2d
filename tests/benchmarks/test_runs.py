"""The benchmark runs from end to end and says what it should; how quick anything is, is no test's business."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.child import Birth, Births, build_child
from benchmarks.injection.rows import FAULTS
from benchmarks.measurements import MEASUREMENTS
from benchmarks.results import Result, Row, format_table
from procession.engines.registry import MODULES

RUN = Path(__file__).parents[2] / "benchmarks" / "run"
FAULTS_RUN = RUN.with_name("faults")
SPEED = Row("speed", "speed", "ms")


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(600)  # the first run installs the tools
def test_a_quick_run_has_a_sample_or_a_reason_for_every_row_and_tool(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    command = [sys.executable, str(RUN), "--quick", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    data = json.loads(file.read_text())
    keys = {row.key for measurement in MEASUREMENTS.values() for row in measurement.rows}
    assert {(result["row"], result["tool"]) for result in data["results"]} == {
        (key, tool) for key in keys for tool in data["versions"]
    }
    assert all(result["samples"] or result["why_not"] for result in data["results"])
    assert all(tool in done.stdout for tool in data["versions"])
    assert "bare" in data["versions"], done.stderr
    assert done.returncode in (0, 1)


def test_rendering_is_measured_for_every_engine() -> None:
    command = [sys.executable, str(RUN.with_name("render")), "--processes", "3", "--rounds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()[3:]
    assert [line.split()[0] for line in lines] == list(MODULES)
    assert all(float(number.replace(",", "")) > 0 for line in lines for number in line.split()[1:])


@pytest.mark.slow
@pytest.mark.timeout(600)  # it is installed anew
def test_growth_is_measured(tmp_path: Path) -> None:
    file = tmp_path / "grown.json"
    command = [sys.executable, str(RUN.with_name("scale")), "1", "3", "--peers", "procession", "--idle", "0.1"]
    subprocess.run([*command, "--json", str(file)], capture_output=True, text=True, check=True)
    one, three = json.loads(file.read_text())
    assert (one["instances"], three["instances"]) == (1, 3)
    assert three["descriptors"] > one["descriptors"] > 0
    assert three["memory"] > 0


def test_an_unknown_name_is_wrong_usage() -> None:
    done = subprocess.run([sys.executable, str(RUN), "--peers", "initd"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown: initd" in done.stderr


def test_ratios_are_to_procession_where_it_is_measured_and_else_to_the_best() -> None:
    ours, theirs = Result(SPEED, "procession", (0.004, 0.002, 0.009)), Result(SPEED, "other", (0.001,))
    assert "4.00 (×1.00)  1.00 (×0.25)" in format_table([ours, theirs], {"procession": "1", "other": "2"})
    third = Result(SPEED, "third", (0.5,))
    assert "1.00 (×1.00)  500 (×500)" in format_table([theirs, third], {"other": "2", "third": "3"})


def test_a_cell_without_a_number_is_explained_below_the_table() -> None:
    table = format_table([Result(SPEED, "other", why_not="it has no such command")], {"other": "2"})
    assert table.endswith("\nother: speed: it has no such command")


def test_the_child_reports_its_birth_and_ends_well_at_sigterm(tmp_path: Path) -> None:
    births = Births(tmp_path / "births")
    child = subprocess.Popen([*build_child(tmp_path), str(tmp_path / "births")])
    (birth,) = births.wait_for(1, within_seconds=30)
    assert birth.pid == child.pid
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 0
    births.close()


def test_a_birth_may_arrive_in_pieces(tmp_path: Path) -> None:
    births = Births(tmp_path / "births")
    writer = os.open(tmp_path / "births", os.O_WRONLY)
    os.write(writer, b"1 10\n2 ")
    assert births.wait_for(1, within_seconds=30) == [Birth(1, 10)]
    os.write(writer, b"20\n")
    assert births.wait_for(1, within_seconds=30) == [Birth(2, 20)]
    os.close(writer)
    births.close()


def test_births_that_do_not_come_are_counted(tmp_path: Path) -> None:
    births = Births(tmp_path / "births")
    with pytest.raises(TimeoutError, match="0 of 3 instances"):
        births.wait_for(3, within_seconds=0)
    births.close()


def test_a_process_has_weight_and_its_end_is_seen() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    assert child.pid in processes.read_descendants()
    assert processes.measure_memory_bytes([child.pid]) > 0
    ends = processes.Ends([child.pid])
    with pytest.raises(TimeoutError, match="1 processes still there"):
        ends.wait(within_seconds=0)
    child.kill()
    ends.wait(within_seconds=30)
    assert child.wait() == -signal.SIGKILL
    assert child.pid not in processes.read_descendants()


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_fault_is_caused_and_we_stand_it(tmp_path: Path) -> None:
    file = tmp_path / "table.md"
    command = [sys.executable, str(FAULTS_RUN), "--quick", "--peers", "procession", "--markdown", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    cells = dict(line.strip("| \n").split(" | ") for line in file.read_text().splitlines()[2:])
    said = {name: cells[fault.title] for name, fault in FAULTS.items()}
    assert done.returncode == 0, said
    assert said["manager-killed"] == "service lives, the manager is back"
    assert said["started-again"] == "one, the same as before"
    assert said["deaf-child"] == "all gone"
    assert said["log-stalls"] == "status answers"
    assert said["log-full"] == "service goes on, stops"
    assert said["reload-under-load"].startswith("0 of ")
    assert said["bad-configuration"] == "update: exit 1, all goes on"
    assert said["two-commands"] == "both fine"
    assert said["last-lines"] == "0 lost"
