"""What no engine scales, whatever its own tool would do."""

from __future__ import annotations

from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process
from procession.supervisor.core.model import REPLICAS_MAX


def refuse_to_scale(process: Process, count: int) -> None:
    """Raises Refusal for a task, for a second one of a singleton, and for a slip of the keyboard."""
    if process.kind is Kind.TASK:
        raise Refusal(f"{process.name} is a task: it runs once", code=ExitCode.USAGE)
    if process.singleton and count > 1:
        what = f"{process.name} is a singleton: there must never be two of it"
        raise Refusal(what, 'write "SINGLETON": False if two do no harm', code=ExitCode.USAGE)
    if count > REPLICAS_MAX:
        raise Refusal(f"{process.name}: cannot scale to {count}: from 0 to {REPLICAS_MAX}", code=ExitCode.USAGE)
