"""`procession metrics`: the numbers that Prometheus reads, once or over HTTP; and what to do with them."""

from __future__ import annotations

import argparse
import sys

from procession.console import declared
from procession.console.talk import duration
from procession.refusal import ExitCode, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.console.queue_answers import QueueAnswers
    from procession.stack.model import Stack

SUMMARY = "Print the metrics of what runs, or serve them to Prometheus"
EXAMPLES = (
    "procession metrics",
    "procession metrics --listen 127.0.0.1:9187",
    "procession metrics --rules",
)
DETAILS = """\
The numbers are asked for when they are wanted: between two scrapes nothing is done. How many tasks wait is asked by a
child in the site's own Python, with its settings, at most
every 30 s; it counts without a supervisor, too. Exit codes: 0 done, 3 no supervisor is there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--listen", metavar="HOST:PORT", default="", help="serve them at /metrics until Ctrl-C")
    what.add_argument("--rules", action="store_true", help="print alert rules for Prometheus")
    what.add_argument("--grafana", action="store_true", help="print a dashboard for Grafana")
    parser.add_argument(
        "--queues-every", metavar="TIME", type=duration, default=30.0, help="so long an answer is given again (30s)"
    )
    declared.add_arguments(parser)
    parser.add_argument("--no-queues", dest="queues", action="store_false", help="do not ask how many tasks wait")


def run(options: argparse.Namespace) -> int:
    if options.rules or options.grafana:
        from procession.metrics.shipped import GRAFANA, RULES, shipped

        sys.stdout.write(shipped(RULES if options.rules else GRAFANA))
        return ExitCode.DONE
    from procession.console.measuring import Measuring  # here, because --help needs none of it

    measuring = Measuring(options.stack_directory, _queues(options) if options.queues else None)
    if options.listen:
        from procession.metrics.server import serve

        return serve(address(options.listen), measuring.text)
    sys.stdout.write(measuring.text())
    if measuring.refusal is not None:
        raise measuring.refusal
    return ExitCode.DONE


def _queues(options: argparse.Namespace) -> QueueAnswers:
    """Of what runs; where nothing ever ran, as in a container that is one process of many, of what is declared."""
    from functools import cache

    from procession.console.queue_answers import QueueAnswers
    from procession.console.site_child import applied_stack, see_as_supervisor

    @cache
    def declared_stack() -> Stack | None:
        try:
            loaded = declared.load(options)
        except (OSError, Refusal):
            return None  # then there is nothing to count; that no supervisor answers is said in the end
        return loaded.stack() if loaded.data is not None else None

    def read_stack() -> Stack | None:
        see_as_supervisor(options.stack_directory)
        return applied_stack(options.stack_directory) or declared_stack()

    return QueueAnswers(read_stack, options.queues_every)


def address(written: str) -> tuple[str, int]:
    """Host and port of HOST:PORT, [::1]:PORT, :PORT or PORT; without a host it is 127.0.0.1. Raises Refusal."""
    host, _, port = written.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise Refusal(f"--listen: not an address: {written!r}", "write HOST:PORT: 127.0.0.1:9187", code=ExitCode.USAGE)
    return host.strip("[]") or "127.0.0.1", int(port)
