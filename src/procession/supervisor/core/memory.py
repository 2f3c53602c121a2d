"""What the next supervisor must know of what people asked for: plain JSON data, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from procession.stack.model import Stack
from procession.supervisor.core.instance import Instance, Phase
from procession.supervisor.core.model import Model


def remember(model: Model) -> dict[str, Any]:
    """What of the model is not in the stack: what people scaled and stopped, and how often each was started."""
    return {
        "lives": model.lives,
        "ending": model.is_ending,
        "scaled": dict(model.scaled),
        "instances": {
            name: {"life": i.life, "held": i.held, "done": i.phase is Phase.DONE, **_counts(i), **_failure(i)}
            for name, i in model.instances.items()
            if not i.outgoing
        },
    }


def _counts(instance: Instance) -> dict[str, int]:
    return {"restarts": instance.restarts, "readiness_failures": instance.readiness_failures}


def _failure(instance: Instance) -> dict[str, Any]:
    """What gave up stays so: a task that failed is not to run again because the supervisor did."""
    is_failed = instance.phase is Phase.FAILED
    return {"failed": True, "last_exit": instance.last_exit, "deaths": instance.deaths} if is_failed else {}


def recall(stack: Stack, data: Mapping[str, Any]) -> Model:
    """The model of a supervisor that begins again: every instance of the stack, at rest, with what is wanted of it.

    One that was going down goes on with that. Data that is missing or of another shape counts as nothing remembered; it
    never raises for it.
    """
    scaled = {name: count for name, count in _mapping(data, "scaled").items() if isinstance(count, int)}
    is_ending = data.get("ending") is True
    model = Model(stack=stack, scaled=scaled, is_ending=is_ending)
    past = _mapping(data, "instances")
    instances = {
        f"{process.name}.{number}": _recalled(process_name=process.name, number=number, model=model, past=past)
        for process in stack.processes
        for number in range(1, model.replicas(process) + 1)
    }
    return replace(model, instances=instances, lives=_number(data, "lives"))


def _recalled(*, process_name: str, number: int, model: Model, past: Mapping[str, Any]) -> Instance:
    process = model.stack.process(process_name)
    assert process is not None, "the name comes from the stack"
    name = f"{process_name}.{number}"
    was = _mapping(past, name)
    ended = {"done": Phase.DONE, "failed": Phase.FAILED}
    phase = next((phase for key, phase in ended.items() if was.get(key) is True), Phase.STOPPED)
    return Instance(
        name=name,
        number=number,
        process=process,
        running=process,
        phase=phase,
        wanted=was.get("held") is not True and not model.is_ending,
        held=was.get("held") is True,
        life=_number(was, "life"),
        restarts=_number(was, "restarts"),
        readiness_failures=_number(was, "readiness_failures"),
        deaths=_number(was, "deaths"),
        last_exit=str(was.get("last_exit", "")),
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _number(data: Mapping[str, Any], key: str) -> int:
    value = data.get(key)
    return value if isinstance(value, int) else 0
