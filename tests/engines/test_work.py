"""A site with four times the processes is four times the work, for every engine: nothing looks through all for each.

Calls are counted and no time is taken: the same on a busy machine. `benchmarks/render` has the seconds.
"""

from __future__ import annotations

import cProfile
import sys
from collections.abc import Callable

import pytest

from benchmarks.large import declaration
from procession.engines.options import read_options
from procession.engines.registry import MODULES, engine
from procession.load import load
from procession.sources.settings import read_settings
from procession.stack.codec import from_data, to_data
from procession.stack.model import Site, Stack
from tests.engines.stacks import THERE, stack_of

FEW, TIMES = 50, 4
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
