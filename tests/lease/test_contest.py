"""Who has the lease: the rules one by one, and a seeded world in which all goes wrong, and never two have it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest

from procession.lease import contest as who
from procession.lease.contest import Call, Contest, Failed, Found, Standing, Terms
from procession.lease.record import Record, read

TERMS = Terms()


def newcomer(name: str = "a", **fields: float) -> Contest:
    return Contest(me=Record(0, name, f"{name}-nonce"), terms=replace(TERMS, **fields))


def told(contest: Contest, answer: Found | Failed, now: float) -> Contest:
    """What it becomes when its next call is answered at once."""
    contest, call = who.ask(contest, now, 1000.0)
    assert call is not None
    return who.hear(contest, call, answer, now, now)


def holding(now: float = 0.0) -> Contest:
    contest = told(newcomer(patience_seconds=0.0), Found(None), now)
    contest, call = who.ask(contest, now, 1000.0)
    assert call is not None
    return who.hear(contest, call, Found(call.new), now, now)


def test_what_was_given_back_is_taken_at_once() -> None:
    free = Record(7, "", "b-nonce").text()
    contest = told(newcomer(), Found(free), 1.0)
    contest, call = who.ask(contest, 1.0, 0.0)
    assert call is not None
    assert call.old == free
    assert call.new is not None
    taken = read(call.new)
    assert (taken.token, taken.holder) == (8, "a")  # type: ignore[union-attr]


def test_a_holder_that_renews_is_waited_for() -> None:
    contest = newcomer()
    for second in range(30):
        contest = told(contest, Found(Record(7, "b", "b-nonce", second).text()), float(second))
        assert contest.standing is Standing.WATCHING
    assert contest.says() == "b holds the lease"


@pytest.mark.parametrize("text", [Record(7, "b", "b-nonce").text(), "what is that"])
def test_what_has_not_changed_for_a_whole_ttl_is_taken(text: str) -> None:
    contest = told(newcomer(), Found(text), 0.0)
    early, call = who.ask(contest, TERMS.ttl_seconds - 0.1, 0.0)
    assert call == Call()
    contest, call = who.ask(contest, TERMS.ttl_seconds, 0.0)
    assert call is not None
    assert (call.old, contest.standing) == (text, Standing.TAKING)
    assert early.standing is Standing.WATCHING


def test_a_token_is_higher_than_any_that_was_seen_even_if_the_store_forgot_them() -> None:
    contest = told(newcomer(), Found(Record(5000, "b", "b-nonce").text()), 0.0)
    contest = told(contest, Found(None), 1.0)
    contest, call = who.ask(contest, 1.3, 1000.0)
    assert call is not None
    contest = who.hear(contest, call, Found(call.new), 1.3, 1.3)
    assert contest.says() == "nobody is known to hold the lease; watches it to be sure"
    _, call = who.ask(contest, 20.0, 1000.0)
    assert call is not None
    taken = read(call.new or "")
    assert taken is not None
    assert taken.token == 5001


def test_an_older_text_that_says_free_is_not_believed() -> None:
    contest = told(newcomer(), Found(Record(9, "b", "b-nonce").text()), 0.0)
    contest = told(contest, Found(Record(8, "", "c-nonce").text()), 1.0)
    _, call = who.ask(contest, 1.5, 0.0)
    assert call == Call()


def test_a_holder_loses_when_it_could_not_renew_in_time() -> None:
    contest = holding()
    contest = told(contest, Failed("refused"), 2.0)
    assert who.tick(contest, 6.9).standing is Standing.HOLDING
    lost = who.tick(contest, 7.0)
    assert (lost.standing, lost.trouble) == (Standing.LOST, "refused")
    assert who.ask(lost, 9.0, 0.0) == (lost, None)


def test_a_holder_whose_renewal_was_made_though_no_answer_came_goes_on() -> None:
    contest, made = who.ask(holding(), 2.0, 0.0)
    assert made is not None
    contest = who.hear(contest, made, Failed("no answer"), 2.0, 2.0)
    contest = told(contest, Found(made.new), 4.0)
    assert contest.standing is Standing.HOLDING
    assert contest.until == 7.0, "when it was made, nobody knows: it lengthens nothing"
    contest, call = who.ask(contest, 4.0, 0.0)
    assert call is not None
    assert call.old == made.new
    assert who.hear(contest, call, Found(call.new), 4.0, 4.0).until == 11.0


def test_a_holder_puts_its_text_back_where_the_store_forgot_it() -> None:
    contest = told(holding(), Found(None), 2.0)
    contest, call = who.ask(contest, 2.0, 0.0)
    assert call is not None
    assert call.old is None
    assert who.hear(contest, call, Found(call.new), 2.0, 2.0).standing is Standing.HOLDING


def test_a_holder_that_finds_another_has_lost() -> None:
    contest = told(holding(), Found(Record(2000, "b", "b-nonce").text()), 2.0)
    assert (contest.standing, contest.trouble) == (Standing.LOST, "b has it now")
    assert who.give_back(contest) is None


# ------------------------------------------------------------------------------------------------------- a whole world


@dataclass
class Host:
    contest: Contest
    call: Call | None = None
    sent: float = 0.0
    is_made: bool = False  # the call has reached the store
    answer: Found | None = None
    is_alive: bool = True


@dataclass
class World:
    """Hosts, a store, and a network between them that delays, loses, and repeats nothing."""

    random: random.Random
    now: float = 0.0
    text: str | None = None
    hosts: list[Host] = field(default_factory=list)
    late: list[Call] = field(default_factory=list)  # calls that their sender has given up, still on their way
    tokens: list[int] = field(default_factory=list)
    names: int = 0

    def turn(self) -> None:
        self.now += self.random.expovariate(4.0)
        for host in self.hosts:
            host.contest = who.tick(host.contest, self.now)  # the fence: a timer of the host's own
        self.check()
        chance = self.random.random()
        if chance < 0.02 and self.hosts:
            self.break_something()
        elif chance < 0.04 and self.late:
            self.make(self.late.pop(0))
        elif self.hosts:
            self.step(self.random.choice(self.hosts))
        self.check()
        self.hosts = [host for host in self.hosts if host.contest.standing is not Standing.LOST and host.is_alive]
        while len(self.hosts) < 3:
            self.names += 1
            self.hosts.append(Host(newcomer(f"host{self.names}")))

    def step(self, host: Host) -> None:
        if host.call is None:
            host.contest, host.call = who.ask(host.contest, self.now, self.now)
            host.sent, host.is_made, host.answer = self.now, False, None
        elif not host.is_made and self.random.random() < 0.8:
            host.answer, host.is_made = self.make(host.call), True
        elif host.answer is not None and self.random.random() < 0.9:
            self.hear(host, host.call, host.answer)
        elif self.random.random() < 0.3 or self.now - host.sent > 3.0:
            if not host.is_made:
                self.late.append(host.call)
            self.hear(host, host.call, Failed("no answer"))

    def hear(self, host: Host, call: Call, answer: Found | Failed) -> None:
        before = host.contest.standing
        host.contest = who.hear(host.contest, call, answer, host.sent, self.now)
        host.contest = who.tick(host.contest, self.now)
        host.call = None
        if host.contest.standing is Standing.HOLDING and before is not Standing.HOLDING:
            self.tokens.append(host.contest.token)

    def make(self, call: Call) -> Found:
        if call.new is not None and self.text == call.old:
            self.text = call.new
        return Found(self.text)

    def break_something(self) -> None:
        host = self.random.choice(self.hosts)
        match self.random.choice(("dies", "ends", "ends", "emptied")):
            case "dies":
                host.is_alive = False
            case "ends" if host.call is None:
                host.is_alive = False
                call = who.give_back(host.contest)
                if call is not None:
                    host.contest = replace(host.contest, standing=Standing.LOST)
                    self.make(call)
            case "emptied":
                self.text = None

    def check(self) -> None:
        running = [host for host in self.hosts if host.contest.standing is Standing.HOLDING and host.is_alive]
        assert len(running) <= 1, f"at {self.now}: {[host.contest.me.holder for host in running]}"


@pytest.mark.parametrize("seed", range(40))
def test_never_two_have_it_and_tokens_grow(seed: int) -> None:
    world = World(random.Random(seed))
    for _ in range(4000):
        world.turn()
    assert len(world.tokens) > 3, "nobody ever had it"
    assert world.tokens == sorted(set(world.tokens))
