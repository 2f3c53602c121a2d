"""A site with four times the processes is four times the work, for every engine: nothing looks through all for each.

Calls are counted and no time is taken: the same on a busy machine. `benchmarks/render` has the seconds.
"""

from __future__ import annotations

import cProfile
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from benchmarks.large import declaration
from procession.engines.kubernetes.names import COMPONENT
from procession.engines.kubernetes.status import rows
from procession.engines.options import read_options
from procession.engines.registry import MODULES, engine
from procession.load import load
from procession.sources.settings import read_settings
from procession.stack.codec import from_data, to_data
from procession.stack.model import Site, Stack
from tests.engines.stacks import THERE, stack_of

FEW, TIMES = 50, 4
PODS_FOR_EACH = 3
SLACK = 1.1  # sorting, and tables that are filled by and by
ENGINES = {"kubernetes": {"IMAGE": "registry.example/large:1"}}


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, Python's own ones too; a first time does not count, as it fills the caches."""
    work()
    profile = cProfile.Profile()
    profile.runcall(work)
    return sum(entry.callcount for entry in profile.getstats())


def assert_grows_evenly(work: Callable[[int], Callable[[], object]]) -> None:
    few, many = calls(work(FEW)), calls(work(FEW * TIMES))
    assert few > FEW  # else nothing was done
    assert many < few * TIMES * SLACK


def stack(count: int) -> Stack:
    return stack_of(declaration(count), {"ENGINES": ENGINES})


@pytest.mark.parametrize("name", MODULES)
def test_rendering(name: str) -> None:
    def work(count: int) -> Callable[[], object]:
        tool, site = engine(name), stack(count)
        options, _ = read_options(tool, site)
        assert tool.render(site, options).files
        return lambda: tool.render(site, options)

    assert_grows_evenly(work)


def test_reading_the_declaration() -> None:
    site = Site(directory=THERE, python=sys.executable, settings_module="large.settings", wsgi="large.wsgi:app")

    def work(count: int) -> Callable[[], object]:
        return lambda: load(read_settings(declaration(count), {"NAME": "large"}, "large.settings"), site)

    assert_grows_evenly(work)


def test_handing_the_stack_over() -> None:
    def work(count: int) -> Callable[[], object]:
        site = stack(count)
        return lambda: from_data(Stack, to_data(site))

    assert_grows_evenly(work)


def test_work_that_grows_faster_is_seen() -> None:
    def pairs(count: int) -> Callable[[], object]:
        return lambda: [abs(one - other) for one in range(count) for other in range(count)]

    with pytest.raises(AssertionError):
        assert_grows_evenly(pairs)


def test_the_status_of_many_pods() -> None:
    def work(count: int) -> Callable[[], object]:
        processes = stack(count).processes
        pods = [_pod(process.name, number) for process in processes for number in range(PODS_FOR_EACH)]
        return lambda: rows(processes, pods, datetime(2026, 11, 21, tzinfo=UTC))

    assert_grows_evenly(work)


def _pod(component: str, number: int) -> dict[str, object]:
    labels = {COMPONENT: component}
    metadata = {"name": f"{component}-{number}", "labels": labels, "creationTimestamp": "2026-11-21T00:00:00Z"}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": "Pending"}}


def test_the_sites_python_is_started_before_anything_that_takes_its_time_is_imported() -> None:
    """It takes the longest by far: what `render` needs afterwards is imported while it is at work."""
    code = "import sys, procession.console.main, procession.console.render; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    there = set(done.stdout.split())
    assert not there & {"procession.stack.model", "procession.engines.base", "tomllib", "subprocess"}
