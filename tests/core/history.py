"""A history in short hand: events go in, and what the core did and thinks comes out."""

from __future__ import annotations

from typing import TypeVar

from procession.stack.model import Stack
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.decide import decide, next_deadline
from procession.supervisor.core.instance import Instance, Phase
from procession.supervisor.core.model import empty

A = TypeVar("A")


class History:
    """Tells the core what happens, keeps the actions of the last event in `did`."""

    def __init__(self, stack: Stack) -> None:
        self.model = empty()
        self.now = 100.0
        self.did: tuple[do.Action, ...] = ()
        self.replies: dict[int, do.Reply] = {}
        self.tell(on.Apply(stack, operation=1, start=True))

    def tell(self, event: on.Event) -> None:
        self.model, self.did = decide(self.model, event, self.now)
        self.replies |= {action.operation: action for action in self.did if isinstance(action, do.Reply)}

    def done(self, kind: type[A]) -> list[A]:
        """The actions of that kind which the last event led to."""
        return [action for action in self.did if isinstance(action, kind)]

    def instance(self, name: str) -> Instance:
        return self.model.instances[name]

    def phases(self) -> dict[str, str]:
        return {name: instance.phase.value for name, instance in self.model.instances.items()}

    def runs(self, *names: str) -> None:
        """Each of these has exec'd."""
        for name in names:
            life = self.instance(name).life
            self.tell(on.Spawned(name, life, 1000 + life))
            self.tell(on.Execed(name, life))

    def is_ready(self, *names: str) -> None:
        """Each of these has exec'd, and answered its readiness probe."""
        for name in names:
            self.runs(name)
            if self.instance(name).phase is not Phase.READY:
                self.probes(name, ok=True)

    def probes(self, name: str, *, ok: bool, about: str = "readiness", times: int = 1) -> None:
        for _ in range(times):
            detail = "GET / gave 200" if ok else "GET / gave 503"
            self.tell(on.Probed(name, self.instance(name).life, about, ok, detail))

    def old(self, name: str) -> Instance | None:
        """The old life of a rolling instance, while there is one."""
        return next((i for i in self.model.instances.values() if i.outgoing and i.name == name), None)

    def old_dies(self, name: str, status: int | None = 0) -> None:
        old = self.old(name)
        assert old is not None, f"{name} is not rolling"
        self.tell(on.Died(name, old.life, status))
        self.tell(on.TreeGone(name, old.life))

    def dies(self, name: str, status: int | None = -9) -> None:
        """The main process ends, and nothing of its tree is left."""
        life = self.instance(name).life
        self.tell(on.Died(name, life, status))
        self.tell(on.TreeGone(name, life))

    def waits(self, seconds: float) -> None:
        """Time passes, and every deadline in it comes when it is due."""
        end = self.now + seconds
        while (deadline := next_deadline(self.model)) is not None and deadline <= end:
            self.now = deadline
            self.tell(on.Tick())
        self.now = end
