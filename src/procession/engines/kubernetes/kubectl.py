"""Commands for kubectl, as values."""

from __future__ import annotations

from procession.engines.base import Asked
from procession.engines.kubernetes.names import COMPONENT, label_value, object_name, ours
from procession.engines.steps import Command
from procession.refusal import ExitCode, Refusal
from procession.stack.model import Kind, Process

MANAGER = "procession"  # the field manager of server-side apply: what is ours in an object that others change, too
APPLY = ("apply", "--server-side", f"--field-manager={MANAGER}", "--force-conflicts")


def kubectl(asked: Asked, *words: str, looks: bool = False, shown: bool = False) -> Command:
    """In the context and namespace of the options."""
    place = [f"--context={asked.options.context}"] if asked.options.context else []
    place += [f"--namespace={asked.options.namespace}"] if asked.options.namespace else []
    return Command(argv=("kubectl", *place, *words), looks=looks, shown=shown)


def chosen(asked: Asked) -> list[Process]:
    """The long-running processes that were named, all if none was. Raises Refusal for a task or an instance."""
    named = [_named(asked, name) for name in asked.names]
    return [process for process in named or asked.stack.processes if process.kind is Kind.PROCESS]


def tasks(asked: Asked) -> list[Process]:
    """In start order."""
    return [process for process in asked.stack.processes if process.kind is Kind.TASK]


def deployment_of(process: Process, asked: Asked) -> str:
    return f"deployment/{object_name(asked.stack.name, process.name)}"


def selector_of(names: tuple[str, ...], asked: Asked) -> str:
    """As kubectl wants it: all that is ours, or of these processes alone."""
    some = f",{COMPONENT} in ({','.join(label_value(name) for name in names)})" if names else ""
    return f"{ours(asked.stack)}{some}"


def _named(asked: Asked, name: str) -> Process:
    process = asked.stack.process(name)
    if process is None:
        fix = "name the process: its pods have no numbers that last"
        raise Refusal(f"Kubernetes has no {name}", fix, code=ExitCode.USAGE)
    if process.kind is Kind.TASK:
        raise Refusal(f"{name} is a task: it runs to its end, once", "run it again: RELEASE in the engine's options")
    return process
