"""A world for the core to live in: it answers actions with legal news, in any order, and breaks things on the way.

    python -m tests.core.simulator --seeds 1000 --turns 2000

Everything is drawn from one seed, so a failure is repeated with `--seed N`. After every turn the invariants hold; and
when the world calms down, everything comes to where it is wanted and every command has been answered.
"""

from __future__ import annotations

import argparse
import random
from dataclasses import dataclass, replace

from procession.stack.model import Condition, Kind, ProbeType, RestartWhen, Stack
from procession.supervisor.core import actions as do
from procession.supervisor.core import events as on
from procession.supervisor.core.alerts import HOUR_SECONDS
from procession.supervisor.core.decide import decide, next_deadline
from procession.supervisor.core.instance import AT_REST, Phase, outgoing_key
from procession.supervisor.core.model import empty
from procession.supervisor.core.wear import ON_ITS_WAY
from tests.core.audience import Audience
from tests.core.stacks import process, stack, task
from tests.core.succession import succeed

NAMES = ("db", "web", "worker", "beat", "flaky")


@dataclass
class Life:
    """One start of one instance, as the world has it."""

    name: str
    number: int
    probe: ProbeType
    is_main_alive: bool = True
    has_rest: bool = False  # children that outlive the main process
    is_gone: bool = False
    stands_by: bool = False  # another has the lock, or the lease
    ignores_signals: bool = False
    asks_startup: bool = False
    has_started: bool = False
    is_hung: bool = False


class World:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.seed = seed
        self.model = empty()
        self.now = 0.0
        self.lives: dict[tuple[str, int], Life] = {}
        self.inbox: list[on.News] = []  # news on its way, in an order that holds for each instance
        self.listening: dict[str, int] = {}
        self.watched: set[tuple[str, int, str]] = set()
        self.unanswered: set[int] = set()
        self.operations = 0
        self.failures: dict[str, int] = {}  # of readiness, by instance
        self.has_quit = False
        self.is_calm = False
        self.audience = Audience()

    # ---------------------------------------------------------------------------------------------------- a turn

    def turn(self) -> None:
        """Something happens: news arrives, time passes, a person asks, or a thing breaks."""
        chance = self.random.random()
        if self.inbox and chance < 0.6:
            self.tell(self.inbox.pop(0))
        elif chance < 0.7:
            self.pass_time(self.random.expovariate(0.5))
        elif chance < 0.75:
            self.ask()
        elif chance < 0.84:
            self.break_something()
        elif chance < 0.86:
            self.talk()
        elif chance < 0.862:
            succeed(self)
        else:
            self.probe()

    def tell(self, event: on.Event) -> None:
        self.decide(event)
        self.check()

    def decide(self, event: on.Event) -> None:
        self.model, actions = decide(self.model, event, self.now)
        for action in actions:
            self.carry_out(action)
        self.audience.saw(self.model, actions, self.now)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.audience.wait(self.now)
        deadline = next_deadline(self.model)
        if deadline is not None and deadline <= self.now:
            self.tell(on.Tick())

    def ask(self) -> None:
        self.operations += 1
        operation = self.operations
        names = tuple(self.random.sample(NAMES, self.random.randint(0, 2)))
        self.unanswered.add(operation)
        commands: list[on.Command] = [
            on.Start(names, operation),
            on.Stop(names, operation),
            on.Restart(names, operation),
            on.Roll(names, operation),
            on.Reload(names, operation),
            on.Scale({self.random.choice(("web", "worker")): self.random.randint(0, 4)}, operation),
            on.Send(names, "HUP", operation),
            on.Apply(self.some_stack(), operation, start=self.random.random() < 0.5),
            on.Apply(self.some_stack(), operation, start=True),
        ]
        self.tell(self.random.choice(commands))

    def some_stack(self) -> Stack:
        """The site, in one of the versions that its people deploy."""
        change = self.random.choice(("", "--new"))
        web = process(
            "web",
            replicas=self.random.randint(0, 3),
            max_surge=2,
            argv=("/bin/web", change),
            after={"migrate": Condition.COMPLETED},
            startup=self.random.choice((None, ProbeType.EXEC)),
            probe=self.random.choice((ProbeType.HTTP, ProbeType.APP)),
            reload_signal=self.random.choice(("", "HUP")),
        )
        everything = (
            task("migrate"),
            process("db", probe=ProbeType.TCP, max_surge=self.random.randint(0, 1)),
            replace(web, tells_ready=True, workers=self.random.randint(1, 3)),
            process("worker", replicas=2, max_surge=1, after={"db": Condition.READY, "migrate": Condition.COMPLETED}),
            replace(process("beat", probe=ProbeType.NONE, after={"worker": Condition.STARTED}), singleton=True),
            process("flaky", restart=RestartWhen.ON_FAILURE, give_up=4),
        )
        ages = {"web": self.random.choice((0.0, 20.0)), "worker": 15.0, "beat": 40.0}
        aging = [replace(p, max_age_seconds=ages.get(p.name, 0.0)) for p in everything]
        kept = [p for p in aging if p.name in ("migrate", "db", "worker") or self.random.random() < 0.8]
        return stack(*kept)

    def break_something(self) -> None:
        running = [life for life in self.lives.values() if life.is_main_alive]
        if running:
            life = self.random.choice(running)
            if self.random.random() < 0.4:
                self.inbox.append(on.Grown(life.name, life.number, 2**30))
                return
            life.has_rest = self.random.random() < 0.3
            self.die(life, self.random.choice((0, 1, 3, -9, -11, None)))

    def probe(self) -> None:
        """A program that is watched is asked; one that tells, tells."""
        self.change_holder()
        for name, number, about in self.random.sample(sorted(self.watched), min(1, len(self.watched))):
            ok = self.is_calm or self.random.random() < 0.7
            self.inbox.append(on.Probed(name, number, about, ok, "" if ok else "GET / gave 503"))
            if about == "startup" and ok:
                self.lives[name, number].has_started = True

    def talk(self) -> None:
        """A program that runs says something of itself: that it hangs, that it stops, that it needs longer."""
        running = [life for life in self.lives.values() if life.is_main_alive]
        if running:
            life = self.random.choice(running)
            said = self.random.choice(
                ({"is_hung": True}, {"is_stopping": True}, {"extend_seconds": 40.0}, {"ready": True}, {"ready": False})
            )
            pid = self.random.randint(0, 3)
            self.inbox.append(replace(on.Told(life.name, life.number, pid=pid), **said))

    def change_holder(self) -> None:
        """What only one may do passes from one to another; in the end, to us."""
        for life in self.lives.values():
            is_beat = life.is_main_alive and life.name.startswith("beat.")
            if is_beat and (life.stands_by or not self.is_calm) and self.random.random() < 0.3:
                life.stands_by = not life.stands_by
                self.inbox.append(on.Told(life.name, life.number, status="another has it", standby=life.stands_by))

    def die(self, life: Life, status: int | None) -> None:
        life.is_main_alive = False
        self.inbox.append(on.Died(life.name, life.number, status))

    # ------------------------------------------------------------------------------------------------ the actions

    def carry_out(self, action: do.Action) -> None:
        match action:
            case do.Spawn():
                self.spawn(action)
            case do.SendSignal():
                self.signal(action)
            case do.Abort():
                self.abort(self.living(action.name, action.life))
            case do.KillTree():
                self.kill(self.living(action.name, action.life))
            case do.Sweep():
                life = self.living(action.name, action.life)
                assert not life.is_main_alive, f"swept {action.name} while its main process lives"
                life.has_rest, life.is_gone = False, True
                self.inbox.append(on.TreeGone(action.name, action.life))
            case do.Watch():
                self.check_question(self.living(action.name, action.life), action.about)
                self.watched.add((action.name, action.life, action.about))
            case do.Unwatch():
                self.watched = {w for w in self.watched if w[:2] != (action.name, action.life)}
            case do.Listen():
                self.listening[action.process] = len(action.listeners)
            case do.Reply():
                assert action.operation in self.unanswered, (
                    f"operation {action.operation} answered twice, or never asked"
                )
                self.unanswered.discard(action.operation)
            case do.Quit():
                self.has_quit = True
            case _:
                pass

    def spawn(self, action: do.Spawn) -> None:
        key = (action.name, action.life)
        assert key not in self.lives, f"{key} was started twice"
        rivals = [life for life in self.lives.values() if life.name == action.name and not life.is_gone]
        old = self.model.instances.get(outgoing_key(action.name))
        rolling = [rival for rival in rivals if old is not None and old.life == rival.number]
        may_roll = action.process.max_surge and not action.process.singleton and action.process.kind is Kind.PROCESS
        assert rivals == (rolling[:1] if may_roll else []), f"{action.name}: a second copy of {rivals}"
        if action.process.handoff:
            assert self.listening.get(action.process.name), f"{action.name} was started, and its listener is not held"
        life = self.lives[key] = Life(action.name, action.life, action.process.readiness.type)
        life.asks_startup = action.process.startup is not None
        life.ignores_signals = not self.is_calm and self.random.random() < 0.2
        if not self.is_calm and self.random.random() < 0.1:
            life.is_main_alive = False
            self.inbox.append(on.SpawnFailed(action.name, action.life, "cannot execute /bin/x: no such file"))
            return
        self.inbox += [
            on.Spawned(action.name, action.life, 1000 + len(self.lives)),
            on.Execed(action.name, action.life),
        ]
        if action.process.tells_ready:
            self.load(life, action.process.workers)
        if action.process.kind is Kind.TASK:
            self.die(life, self.random.choice((0, 0, 0, 1)) if not self.is_calm else 0)

    def load(self, life: Life, workers: int) -> None:
        """Its workers say that they have loaded the site; some never do."""
        for pid in range(1, 1 + self.random.randint(1 if self.is_calm else 0, workers)):
            self.inbox.append(on.Told(life.name, life.number, pid=pid, ready=True))

    def signal(self, action: do.SendSignal) -> None:
        life = self.living(action.name, action.life)
        assert not life.is_hung or action.signal == "HUP", f"{life.name} hangs, and is asked to stop"
        if life.is_main_alive and not life.ignores_signals and action.signal != "HUP":
            self.die(life, self.random.choice((0, -15)))

    def abort(self, life: Life) -> None:
        life.is_hung = True
        if life.is_main_alive and self.random.random() < 0.5:
            self.die(life, -6)

    def check_question(self, life: Life, about: str) -> None:
        """Nothing else is asked before it has started; and whether it is alive not before it was ready, or started."""
        if about == "startup":
            assert life.asks_startup, f"{life.name}: asked for a startup that nobody declared"
            assert not life.has_started, f"{life.name}: has started, and is asked for it"
            return
        assert life.has_started or not life.asks_startup, f"{life.name}: asked for its {about} before it has started"
        instance = self.model.find(life.name, life.number)
        if about == "liveness" and not life.asks_startup:
            assert instance is None or instance.ready_at is not None, f"{life.name}: asked whether it is alive"

    def kill(self, life: Life) -> None:
        if life.is_main_alive:
            self.die(life, -9)

    def living(self, name: str, number: int) -> Life:
        life = self.lives.get((name, number))
        assert life is not None, f"{name} life {number} was never started"
        assert not life.is_gone, f"{name} life {number} is long gone"
        return life

    # --------------------------------------------------------------------------------------------- the invariants

    def check(self) -> None:
        for instance in self.model.instances.values():
            life = self.lives.get((instance.name, instance.life))
            if instance.phase in (Phase.STOPPED, Phase.DONE, Phase.BACKOFF, Phase.WAITING) and life is not None:
                assert life.is_gone, f"{instance.name} is called {instance.phase}, and it is there"
            if instance.phase in (Phase.BACKOFF, Phase.STOPPING):
                assert instance.deadline is not None, f"{instance.name} would be {instance.phase} for ever"
            siblings = [i for i in self.model.instances.values() if i.process.name == instance.process.name]
            is_any_on_its_way = any(i.again or i.roll or i.outgoing or i.phase in ON_ITS_WAY for i in siblings)
            assert not instance.worn or is_any_on_its_way, f"{instance.name} is worn, and waits for nobody"
            name, failures = instance.name, instance.readiness_failures
            assert instance.outgoing or failures >= self.failures.get(name, 0), (
                f"{name} forgot how often it was unready"
            )
        self.failures = {i.name: i.readiness_failures for i in self.model.instances.values() if not i.outgoing}
        present = [life for life in self.lives.values() if not life.is_gone]
        assert len([life for life in present if life.name.startswith("beat.")]) <= 1, "two of a singleton"
        known = {(instance.name, instance.life) for instance in self.model.instances.values()}
        assert {(life.name, life.number) for life in present} <= known, "a process that nobody knows of"
        if self.has_quit:
            assert not present, f"the supervisor ended, and {present} is there"

    def calm_down(self) -> None:
        """Nothing breaks any more: everything that is wanted becomes ready, and every operation is answered."""
        self.is_calm = True
        for step in range(20_000):
            if self.inbox:
                self.tell(self.inbox.pop(0))
            elif step % 211 and self.is_worth_asking():  # else time passes: some will never say that they are ready
                self.probe()
            elif (deadline := self.next_own_deadline()) is not None:
                self.pass_time(max(0.0, deadline - self.now))
            else:
                break
        endless = [i.name for i in self.model.instances.values() if i.outgoing and not self.may_stay(i.name)]
        assert not endless, f"a roll that does not end: {endless}"
        for instance in self.model.instances.values():
            if instance.wanted and not self.may_stay(instance.name):
                assert instance.phase in (Phase.READY, Phase.DONE), f"{instance.name} is wanted, and {instance.phase}"
            if not instance.wanted:
                assert instance.phase in AT_REST, f"{instance.name} is not wanted, and {instance.phase}"
        assert not self.unanswered, f"never answered: {sorted(self.unanswered)}"

    def calm_audience(self) -> None:
        """Hours without news: what is still told is of what is not well still."""
        self.audience.wait(self.now + 3 * HOUR_SECONDS)
        for alert in self.audience.board.alerts.values():
            stay = [name for name in alert.unwell if name in self.model.instances and self.may_stay(name)]
            assert stay, f"{alert.subject} is well, and nobody was told: {alert}"

    def is_worth_asking(self) -> bool:
        stands_by = any(life.stands_by for life in self.lives.values() if life.is_main_alive)
        on_their_way = (Phase.STARTING, Phase.STANDBY, Phase.UNREADY)
        is_any = any(instance.phase in on_their_way for instance in self.model.instances.values())
        return is_any and (bool(self.watched) or stands_by)

    def next_own_deadline(self) -> float | None:
        """The next deadline but those of age, which never end; each of these is looked at on the way."""
        instances = self.model.instances.values()
        return min((due for i in instances for due in (i.deadline, i.others_due) if due is not None), default=None)

    def may_stay(self, name: str) -> bool:
        """It failed, or it waits for one that did, or for one that a person stopped."""
        instance = self.model.instances[name]
        if instance.phase is Phase.FAILED:
            return True
        needed = {dependency.name for dependency in instance.process.depends_on}
        others = [i for i in self.model.instances.values() if i.process.name in needed]
        waits = instance.phase is Phase.WAITING
        return waits and any(not other.wanted or self.may_stay(other.name) for other in others)


def live(seed: int, turns: int) -> World:
    """A whole history: turmoil, calm, and the end. Raises AssertionError when an invariant breaks."""
    world = World(seed)
    world.unanswered.add(999_999)
    world.tell(on.Apply(world.some_stack(), 999_999, start=True))
    for _ in range(turns):
        world.turn()
    world.calm_down()
    world.calm_audience()
    world.unanswered.add(1_000_000)
    world.tell(on.Down(1_000_000))
    world.calm_down()
    assert world.has_quit, "everything is down, and the supervisor stays"
    world.audience.end(world.now)
    return world


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--turns", type=int, default=1000)
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.seeds):
        try:
            live(seed, options.turns)
        except AssertionError as error:
            raise SystemExit(f"seed {seed}: {error}") from error
    print(f"{options.seeds} histories of {options.turns} turns: every invariant held")


if __name__ == "__main__":
    main()
