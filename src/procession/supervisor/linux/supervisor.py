"""The supervisor, put together: the world's news go to `decide`, and what it answers is carried out.

News that come while an action is being carried out wait in a queue; nothing is decided inside an action.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from signal import SIGCHLD, SIGHUP, SIGINT, SIGTERM
from time import monotonic, time
from typing import Any, Final

import procession
from procession.control import wire
from procession.loop import Loop
from procession.stack.codec import to_data
from procession.stack.model import Stack
from procession.supervisor.core import actions as do
from procession.supervisor.core import view
from procession.supervisor.core.decide import decide, next_deadline
from procession.supervisor.core.events import Apply, Down, Event, Tick
from procession.supervisor.core.model import Model, empty
from procession.supervisor.linux import heartbeats, multiprocess, openfiles, rundir, successor, systemd
from procession.supervisor.linux.activation import Passed
from procession.supervisor.linux.children import Children
from procession.supervisor.linux.inherited import Inherited
from procession.supervisor.linux.instances import Instances
from procession.supervisor.linux.listeners import Listeners
from procession.supervisor.linux.notify import NotifySocket, Sender
from procession.supervisor.linux.probes import Probes
from procession.supervisor.linux.recorder import Recorder
from procession.supervisor.linux.reread import Reread
from procession.supervisor.linux.server import Server
from procession.supervisor.linux.signals import take_signals
from procession.supervisor.linux.spare import keep_spares
from procession.supervisor.linux.state import to_state
from procession.supervisor.linux.takeback import take_back
from procession.supervisor.linux.terminals import Terminals
from procession.supervisor.linux.trees import Kill, everything

TYPE_CHECKING = False
if TYPE_CHECKING:
    from procession.supervisor.linux.alerter import Alerter

SAVE_SECONDS = 0.05  # that changes are collected for one write of the state
SAVE_AGAIN_SECONDS = 2.0  # after a write that failed
QUIT_SECONDS = 15.0  # that the recorder may take to write what is left, after the last process is gone
HURRY_SECONDS = 10.0  # after a second SIGTERM, until we go without waiting for what does not die of SIGKILL
LOST_WORD = "X_LOST"  # the recorder's: why lines are being dropped for want of room; empty when they are no more
OWN_OPERATION = 1  # the one with which we began


class Supervisor:
    """Everything that one supervisor has. Raises OSError when its own files and sockets cannot be made."""

    def __init__(self, directory: str, lock: int, inherited: Inherited, passed: Passed, *, echo: bool) -> None:
        """`lock` is the fd of the directory's, which is ours. Raises OSError."""
        keep_spares()
        self.directory = directory
        self._lock = lock
        self._echo = echo
        self.model: Model = empty()
        self.loop = Loop()
        self.children = Children(self.loop)
        self.notify = NotifySocket(
            directory, self.loop, inherited.notify, tell=self.tell, beat=self._beat, who=self._who,
            hear_sibling=self._hear_recorder,
        )  # fmt: skip
        self.recorder = Recorder(directory, self.loop, self.children, echo=echo, kept=self.notify.fileno())
        self.listeners = Listeners(
            lambda address: take_back(address, list(self.instances.by_pid)), passed, inherited.listeners
        )
        terminals = Terminals(directory, self.loop, self.children, self.recorder.note)
        self.instances = Instances(directory, self.loop, self.children, self.listeners, terminals, self.tell)
        self.instances.notify = self.notify.address
        self.instances.heartbeats = self._prepare_heartbeats()
        self.probes = Probes(
            self.loop, self.children, self.tell, self.instances.run,
            heartbeat=lambda name, life: heartbeats.path_of(self.instances.heartbeats, name, life),
        )  # fmt: skip
        self.server = Server(self._path(wire.SOCKET_NAME), self.loop, self, inherited.control)
        self._successor: list[str] = []  # the program that we are about to become
        self._reread = Reread(self.loop, self.children, self.recorder.note, self._note_reread)
        self._queue: deque[Event] = deque()
        self._began = time()  # for people; what is reckoned with is monotonic
        self._began_at = monotonic()
        self._saved_stack: Stack = self.model.stack
        self._alerter: Alerter | None = None  # where ALERTS are declared
        self._alerts_for: Stack = self.model.stack
        self._save_trouble = ""
        self._is_over = False
        self._terminations = 0
        self.before_apply: Callable[[Stack], object] | None = None  # where it is not known what runs, see `begin`
        take_signals(
            self.loop,
            {SIGCHLD: self.children.reap, SIGTERM: self._terminate, SIGINT: self._terminate, SIGHUP: self._hang_up},
        )

    def tell(self, event: Event) -> None:
        """This happened; it is decided upon as soon as what is being done is done."""
        self._queue.append(event)

    def run(self) -> None:
        """Go on until everything is down."""
        while True:
            self._decide_all()
            self.recorder.flush()
            if self._is_over:
                return  # nothing would wake us any more
            if self._successor:
                self._become_successor()
            deadline = next_deadline(self.model)
            self.loop.wait(deadline)
            if deadline is not None and monotonic() >= deadline:
                self.tell(Tick())

    def status(self) -> dict[str, object]:
        """The data of the verb `status`."""
        own = {
            "pid": os.getpid(),
            "version": procession.__version__,
            "directory": self.directory,
            "began": self._began,
            "uptime_seconds": round(monotonic() - self._began_at, 3),
            "recorder_pid": self.recorder.pid,
            "recorder_restarts": self.recorder.restarts,
        }
        if self._alerter is not None:
            own["alerts"] = self._alerter.status()
        not_held = {name: list(what) for name, what in self.instances.not_held.items() if what}
        return {"supervisor": own, **view.status(self.model, monotonic()), "not_held": not_held}

    def succeed(self, program: list[str]) -> str:
        """Become this program, once the present moment's work is done; "", or why it cannot be."""
        refused = successor.why_not_now(self.model) or successor.why_not_this(program)
        if self._reread.is_running:
            refused = "an update is under way; try again when it is done"
        if not refused:
            self.save()
            refused = f"what runs cannot be written down: {self._save_trouble}" if self._save_trouble else ""
        self._successor = [] if refused else program
        return refused

    def _become_successor(self) -> None:
        program, self._successor = self._successor, []
        self.save()
        self.server.say_farewell()
        fds = (self._lock, self.server.fileno(), self.notify.fileno())
        inherited = Inherited(*fds, self.listeners.held_fds(), self.listeners.lent_fds())
        arguments = ["--directory", self.directory, "--open-files", str(openfiles.given())]
        arguments += ["--echo"] if self._echo else []
        try:
            successor.become(program, arguments, inherited)
        except OSError as error:
            self.recorder.note(f"cannot become {program[-1]}, so this version goes on: {error.strerror}")

    def change(self, name: str) -> dict[str, object]:
        """One instance, as the control socket tells it."""
        return view.change(self.model, name, monotonic())

    def sort_inherited(self, stack: Stack) -> None:
        """Close the listeners passed on to us that nothing of this stack, our first, serves; and tell it."""
        taken, closed = self.listeners.close_unwanted(stack)
        if taken or closed:
            self.recorder.keep(do.Record("listeners-passed", detail={"taken": taken, "closed": closed}))

    def save(self) -> None:
        """Write down now what the next supervisor must know; what a full disk refuses is written later."""
        self.loop.cancel("save")
        try:
            self._save_stack()
            rundir.write_json(self._path(wire.STATE_NAME), to_state(self.model, self.instances.living()))
            self._save_trouble = ""
        except OSError as error:
            self._say_not_saved(error.strerror or str(error))
            self.loop.call_after(SAVE_AGAIN_SECONDS, "save", self.save)

    def _save_stack(self) -> None:
        """Raises OSError."""
        if self.model.stack is not self._saved_stack:
            rundir.write_json(self._path(rundir.STACK_NAME), to_data(self.model.stack))
            self._saved_stack = self.model.stack

    def _say_not_saved(self, trouble: str) -> None:
        """Once: it is tried again and again."""
        if trouble != self._save_trouble:
            self._save_trouble = trouble
            self.recorder.note(f"cannot write down what runs, a new supervisor would not know all: {trouble}")

    def _decide_all(self) -> None:
        while self._queue:
            event = self._queue.popleft()
            if isinstance(event, Apply) and self.before_apply is not None:
                self._take_over_before(event)
                continue
            if isinstance(event, Apply):
                self.sort_inherited(event.stack)
            self.model, actions = decide(self.model, event, monotonic())
            for action in actions:
                ACT[type(action)](self, action)
            self._tell_people(actions)
            if actions:
                self._save_soon()

    def _take_over_before(self, event: Apply) -> None:
        """What runs already is told first, then what shall run, then the rest."""
        rest, self._queue = self._queue, deque()
        take_over, self.before_apply = self.before_apply, None
        assert take_over is not None, "the caller has looked"
        take_over(event.stack)
        self._queue.append(event)
        self._queue.extend(rest)

    def _tell_people(self, actions: tuple[do.Action, ...]) -> None:
        """Of what `actions` mean for who wants to be told."""
        if self.model.stack is not self._alerts_for:
            self._declare_alerts(self.model.stack)
        if self._alerter is not None:
            self._alerter.saw(self.model, actions)

    def _declare_alerts(self, stack: Stack) -> None:
        self._alerts_for = stack
        if self._alerter is not None and stack.alerts is not None:
            self._alerter.declare(stack)
        elif self._alerter is not None:
            self._alerter.forget()
            self._alerter = None
        elif stack.alerts is not None:
            self._begin_alerts(stack)

    def _begin_alerts(self, stack: Stack) -> None:
        from procession.supervisor.linux.alerter import Alerter  # here, as it is 300 kB that others need not carry

        try:
            self._alerter = Alerter(self.directory, self.loop, self.children, self.recorder, stack)
        except OSError as error:
            self.recorder.note(f"nobody is told of anything: {error.strerror}")
            return
        self._alerter.resume(self.model)
        self.recorder.on_renewed = self._forget_disk

    def _forget_disk(self) -> None:
        """A recorder that begins has lost nothing yet; where there is still no room, it says so at its first line."""
        if self._alerter is not None:
            self._alerter.saw_disk("")

    def _hear_recorder(self, pid: int, said: dict[str, str]) -> bool:
        """Whether it was its word: that lines cannot be written, or can again."""
        if pid != self.recorder.pid or LOST_WORD not in said:
            return False
        if self._alerter is not None:
            self._alerter.saw_disk(said[LOST_WORD])
        return True

    def _save_soon(self) -> None:
        if not self._is_over and not self.loop.has_deadline("save"):
            self.loop.call_after(SAVE_SECONDS, "save", self.save)

    def _reply(self, reply: do.Reply) -> None:
        if reply.operation == OWN_OPERATION:
            self._announce(reply)
        else:
            self.server.reply(reply)

    def _announce(self, reply: do.Reply) -> None:
        """What we were started with runs, or does not: systemd waits to hear it."""
        for line in reply.text:
            self.recorder.note(line)
        systemd.notify({"READY": "1", "STATUS": "; ".join(reply.text) or "all ready"})

    def _watch(self, action: do.Watch) -> None:
        instance = self.model.find(action.name, action.life)
        if instance is not None:
            self.probes.watch(action.name, action.life, action.about, action.probe, instance.running)

    def _close_log(self, name: str) -> None:
        self.instances.forget(name)
        self.recorder.close(name)

    def _quit(self) -> None:
        """Everything is down; once the recorder has written what is left, we end."""
        if self._is_over or self.loop.has_deadline("quit"):
            return
        systemd.notify({"STOPPING": "1"})
        self.loop.call_after(QUIT_SECONDS, "quit", self._end)
        if self._alerter is not None:
            self._alerter.finish(self._kill_everything)
        else:
            self._kill_everything()

    def _kill_everything(self) -> None:
        find = partial(everything, self.directory, self.children, self.instances.groups)
        Kill(find, self.loop, on_gone=self._end_recorder, on_survived=self._name_survivors).begin()

    def _name_survivors(self, names: tuple[str, ...]) -> None:
        self.recorder.note(f"could not be killed, and is left behind: {', '.join(names)}")
        self._end_recorder()

    def _end_recorder(self) -> None:
        self.recorder.end(self._end)

    def _end(self) -> None:
        self.loop.cancel("save")
        self.loop.cancel("quit")
        self.loop.cancel("hurry")
        self.loop.cancel("watchdog")
        self._is_over = True
        rundir.clean_up(self.directory)
        heartbeats.clean_up(self.instances.heartbeats)
        multiprocess.clean_up(self.directory)
        self.instances.groups.remove_all()
        self.listeners.close_all()
        self.notify.close()
        self.server.close()

    def _terminate(self) -> None:
        """SIGTERM, SIGINT: everything goes down; a second one: at once."""
        self._terminations += 1
        if self._terminations == 1:
            self.tell(Down(who="signal"))
        else:
            self.instances.kill_all()
            self.loop.call_after(HURRY_SECONDS, "hurry", self._quit)

    def _hang_up(self) -> None:
        self.recorder.note("SIGHUP: the declaration is read anew")
        self._reread.ask(self.model.stack.reread)

    def _note_reread(self, status: int | None) -> None:
        self.recorder.keep(do.Record("reread", detail={"code": status}, who="signal"))
        if status:
            self.recorder.note(f"update: ended with {status}")

    def _beat(self, life: int, interval_seconds: float) -> None:
        self.probes.beat(life, interval_seconds)

    def _who(self, pid: int) -> Sender | None:
        life = self.instances.by_pid.get(pid)
        return Sender(life.name, life.number) if life is not None else None

    def _prepare_heartbeats(self) -> str:
        try:
            return heartbeats.prepare(self.directory)
        except OSError as error:
            self.recorder.note(f"nobody is watched by a heartbeat: cannot make {error.filename}: {error.strerror}")
            return ""

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, name)


ACT: Final[Mapping[type[do.Action], Callable[[Supervisor, Any], object]]] = {
    do.Spawn: lambda us, action: us.instances.spawn(action.name, action.life, action.process),
    do.SendSignal: lambda us, action: us.instances.send(action.life, action.signal),
    do.Abort: lambda us, action: us.instances.abort(action.life),
    do.KillTree: lambda us, action: us.instances.kill(action.life),
    do.Sweep: lambda us, action: us.instances.sweep(action.name, action.life),
    do.Watch: Supervisor._watch,
    do.Unwatch: lambda us, action: us.probes.unwatch(action.life),
    do.Listen: lambda us, action: us.listeners.declare(action.process, action.listeners),
    do.OpenLog: lambda us, action: us.recorder.open(action.name, action.log),
    do.CloseLog: lambda us, action: us._close_log(action.name),
    do.BreakLine: lambda us, action: us.recorder.break_line(action.name),
    do.Record: lambda us, action: us.recorder.keep(action),
    do.Changed: lambda us, action: us.server.changed(action.name),
    do.Reply: Supervisor._reply,
    do.Save: lambda us, _: us.save(),
    do.Quit: lambda us, _: us._quit(),
}
