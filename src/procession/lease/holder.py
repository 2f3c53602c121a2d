"""Runs a program while it has the lease, and never without: the parent of a singleton that runs on several hosts.

One thread, the main one, decides and acts, and waits for nothing but signals and deadlines (sigtimedwait(2)), so that
the fence falls in time whatever the store does: what it is asked, another thread asks (`asker`). The program's process
is forked at the beginning, while we are small, and waits at a pipe for its turn; it dies with us.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from procession.lease import contest as who
from procession.lease.asker import ANSWERED, Asker
from procession.lease.child import Child
from procession.lease.contest import Contest, Standing, Terms
from procession.lease.record import Record
from procession.lease.store import Store
from procession.lease.words import say_begins, say_standby
from procession.supervisor.linux import kernel

STOPS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGABRT})
PASSED_ON: Final = STOPS | {signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH}
TAKEN: Final = PASSED_ON | {signal.SIGCHLD, ANSWERED}
SAY_AGAIN_SECONDS = 5.0  # while it stands by: a supervisor may be another one by then
GIVE_BACK_SECONDS = 1.0
TRY_SECONDS = 30.0  # of a task, whose caller waits: how long a store that cannot be asked is asked again
EXIT_LOST = 75  # EX_TEMPFAIL (sysexits.h): try again
EXIT_UNREACHED = 69  # EX_UNAVAILABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What is to run, and under which name. `is_fenced`: it must not run on without the lease, so it is killed then.

    A migration is not: half of one is worse than two that wait for the database's own locks. `try_seconds` is how long
    it may wait for a store that cannot be asked; None: as long as that takes.
    """

    name: str
    argv: tuple[str, ...]
    open_store: Callable[[], Store]
    terms: Terms
    is_fenced: bool = True
    try_seconds: float | None = None


class Holder:
    def __init__(self, ticket: Ticket) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, TAKEN)
        signal.signal(ANSWERED, _never_called)  # at its default it would be discarded, blocked or not
        signal.signal(signal.SIGCHLD, _never_called)
        kernel.become_subreaper()
        self._ticket = ticket
        self._child = Child(ticket.argv)
        self._asker = Asker(ticket.name, ticket.open_store)
        me = Record(0, f"{os.uname().nodename} (pid {os.getpid()})", os.urandom(8).hex())
        self._contest = Contest(me=me, terms=ticket.terms)
        self._said = ""
        self._said_at = 0.0
        self._failing_since: float | None = None  # the store
        self._is_over = False  # of a task that goes on without the lease

    def run(self) -> int:
        """Until the program has ended: how it did, as os.waitstatus_to_exitcode says it.

        EXIT_LOST if it was fenced; EXIT_UNREACHED if it never began, because the store could not be asked for too long.
        """
        while True:
            self._take_step(_now())
            if self._contest.standing is Standing.LOST and self._ticket.is_fenced:
                return self._fence()
            if self._has_tried_enough(_now()):
                return self._give_up()
            number = self._wait(_now())
            if number in STOPS and not self._child.has_begun:
                self._child.kill()
                return -number
            if number in PASSED_ON and self._child.has_begun:
                self._child.send(number)
            if number == signal.SIGCHLD and (status := self._child.reap()) is not None:
                return self._end(status)

    def _take_step(self, now: float) -> None:
        self._hear(now)
        self._contest = who.tick(self._contest, now)
        if self._contest.standing is Standing.HOLDING and not self._child.has_begun:
            say_begins()
            self._child.begin(self._contest.token)
        if self._contest.standing is Standing.LOST:
            self._warn_once()
        elif not self._child.has_begun:
            self._say_standby(now)
        self._ask(now)

    def _ask(self, now: float) -> None:
        if self._asker.call is None:
            self._contest, call = who.ask(self._contest, now, time.time())
            if call is not None:
                self._asker.ask(call, now)

    def _hear(self, now: float) -> None:
        call, sent = self._asker.call, self._asker.sent
        answer = self._asker.answer(now) if call is not None else None
        if call is not None and answer is not None:
            self._contest = who.hear(self._contest, call, answer, sent, now)
            if not self._contest.trouble:
                self._failing_since = None
            elif self._failing_since is None:
                self._failing_since = now

    def _has_tried_enough(self, now: float) -> bool:
        limit, since = self._ticket.try_seconds, self._failing_since
        return limit is not None and since is not None and not self._child.has_begun and now - since >= limit

    def _give_up(self) -> int:
        self._child.kill()
        tried = f"tried for {self._ticket.try_seconds:g} s to take the lease {self._ticket.name}"
        _complain(f"{self._contest.trouble}; {tried}")
        return EXIT_UNREACHED

    def _wait(self, now: float) -> int:
        """Sleep until a signal, which is given, or until a deadline: 0."""
        deadlines = [now + SAY_AGAIN_SECONDS]
        deadlines += [self._asker.due() if self._asker.call is not None else self._contest.ask_at]
        if self._contest.standing is Standing.HOLDING:
            deadlines.append(self._contest.until)
        elif self._contest.standing is Standing.LOST:
            deadlines = [now + SAY_AGAIN_SECONDS]
        came = signal.sigtimedwait(TAKEN, max(0.0, min(deadlines) - now))
        return came.si_signo if came is not None else 0

    def _say_standby(self, now: float) -> None:
        said = f"stands by: {self._contest.says()}"
        must_wait = self._contest.ask_at > now  # else it asks for the lease in this very step
        if must_wait and (said != self._said or now - self._said_at >= SAY_AGAIN_SECONDS):
            say_standby(said)
            self._said, self._said_at = said, now

    def _fence(self) -> int:
        """Our time is nearly over: nothing of ours may run when the next one begins."""
        self._child.kill()
        _complain(f"lost the lease {self._ticket.name}: {self._contest.trouble}; what ran under it was killed")
        return EXIT_LOST

    def _warn_once(self) -> None:
        if not self._is_over:
            self._is_over = True
            _complain(f"lost the lease {self._ticket.name}: {self._contest.trouble}; the task goes on to its end")

    def _end(self, status: int) -> int:
        """It has ended; nothing of it may be left when others may begin."""
        self._child.kill()
        deadline = _now() + GIVE_BACK_SECONDS
        self._await_answer(deadline)
        call = who.give_back(self._contest)
        if call is not None and self._asker.call is None:
            self._asker.ask(call, _now())
            self._await_answer(deadline)
        return status

    def _await_answer(self, deadline: float) -> None:
        while self._asker.call is not None and (left := deadline - _now()) > 0:
            signal.sigtimedwait({ANSWERED}, left)
            self._hear(_now())


def exit_as(status: int) -> None:
    """End as the program did: with its exit code, or of its signal. Does not come back."""
    sys.stderr.flush()
    if status < 0:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its core is of interest, ours is not
        if -status not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 128 - status)


def _now() -> float:
    """Monotonic, and it goes on while the machine is suspended: the others do not sleep with it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _complain(what: str) -> None:
    print(f"procession: {what}", file=sys.stderr, flush=True)


def _never_called(_number: int, _frame: object) -> None:
    """The signal is blocked, and taken by sigtimedwait."""
