"""Taking turns: of all who take part in virtual time, one runs at a time.

Whoever runs has the *turn*, and gives it up where it waits, where it ends, and at a step if the schedule says so. A
wake-up makes a participant ready, before whoever woke it goes on; it runs when it gets the turn. When nobody is ready,
time jumps to the earliest deadline; when there is none, either somebody is in a real wait (then time stands still until
that is over) or this is a deadlock.

The price: threads are real threads, and each change of turns is a change of threads, some ten microseconds. What is
gained: the same choices give the same order of events, whatever the operating system does.

A participant that holds the turn in a real wait (a socket, a lock that somebody else holds) would stop everybody. It is
noticed (see `watch`), put *aside*, and lines up again at its next step.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from headrace.clock.participants import FIRST, Actor, Doing, Parking, Participant, Why
from headrace.clock.report import deadlock, runaway, stall
from headrace.clock.schedules import FirstCome, Schedule
from headrace.clock.watch import unwatch, watch

_RLock: Any = type(threading.RLock())


class _OwnLock(_RLock):  # type: ignore[misc]
    """A lock whose methods nobody replaces: those of users' locks follow virtual time, which this one guards."""

    __slots__ = ()
    acquire, release = _RLock.acquire, _RLock.release
    __enter__, __exit__ = _RLock.__enter__, _RLock.__exit__


class Turns:
    """The participants of one virtual clock, and the time they share, in nanoseconds since 1970."""

    def __init__(self, now: int, schedule: Schedule | None = None, stall_seconds: float = 10.0) -> None:
        self.now = now
        self.start = now
        self.schedule: Schedule = schedule or FirstCome()
        self.stall_seconds = stall_seconds
        self.lock = _OwnLock()
        self.chief: Participant | None = None
        self.current: Participant | None = None
        self.ready: list[Participant] = []
        self.aside: set[Participant] = set()
        #: Goes up with every change of turns: what stands still in real time shows by it.
        self.changes = 0
        self.on_jump: list[Callable[[int], None]] = []
        self.on_step: Callable[[Actor, str], None] | None = None
        #: The last error that the chief was told.
        self.told: BaseException | None = None
        #: Told of a stall that the chief itself is the reason of.
        self.on_stall: Callable[[BaseException], object] = lambda error: None
        #: Told, in the thread that waited, of the error that its wait is about to end by.
        self.on_raise: Callable[[BaseException], object] = lambda error: None
        #: How often time may jump, and code may ask for a turn again, while nothing gets done; how far time may go.
        self.most_jumps = 100_000
        self.most_polls = 500_000
        self.most_nanoseconds = 100 * 366 * 86_400 * 1_000_000_000
        self._jumps = self._polls = 0
        #: Whether nobody is asked who goes next.
        self.is_plain = isinstance(self.schedule, FirstCome)
        self._participants: dict[int, Participant] = {}
        self._everybody: dict[Participant, None] = {}
        self._names: Counter[str] = Counter()
        self._timers: list[tuple[int, int, Parking]] = []
        self._order = itertools.count()

    # who takes part ------------------------------------------------------------------------------------------------

    def here(self) -> Participant | None:
        """Return the participant that this thread is."""
        return self._participants.get(threading.get_ident())

    def everybody(self) -> list[Participant]:
        """Return all participants, in order of arrival."""
        with self.lock:
            return list(self._everybody)

    def expect(self, name: str, background: bool = False) -> Participant:
        """Announce a participant that starts in a moment in another thread; its place in the order is fixed now."""
        with self.lock:
            expected = self._new(name)
            expected.background = background
            self._line_up(expected, Doing.EXPECTED)
            return expected

    def withdraw(self, expected: Participant) -> None:
        """Expect it no more: its thread could not be started."""
        with self.lock:
            self._everybody.pop(expected, None)
            if expected in self.ready:
                self.ready.remove(expected)
            elif self.current is expected:
                self._give_up_turn()

    @contextmanager
    def taking_part(self, name: str) -> Iterator[Participant]:
        """Be a participant in the block, unless this thread is one already; begin when it is its turn."""
        with self.lock:
            participant = self.here()
            if is_new := participant is None:
                participant = self._arrived(self._new(name))
                self._line_up(participant, Doing.READY)
            participant.depth += 1
        try:
            if is_new:
                self._await_turn(participant)
            yield participant
        finally:
            self._leave(participant)

    @contextmanager
    def adopting(self, expected: Participant) -> Iterator[Participant]:
        """Be the participant that was announced, from when it is its turn."""
        with self.lock:
            self._arrived(expected).depth += 1
        try:
            self._await_turn(expected)
            yield expected
        finally:
            self._leave(expected)

    def rename(self, name: str, subject: object) -> None:
        """Name the participant of this thread after what it is about to do, and let it count its steps from 1."""
        participant = self.here()
        if participant is not None:
            with self.lock:
                participant.name, participant.subject = self.unique(name), subject
                participant.steps = 1

    def renamed(self, subject: object, name: str) -> None:
        """Note that what the participant of this thread is doing has got another name."""
        participant = self.here()
        actor = participant.acting if participant is not None else None
        if actor is not None and actor.subject in (subject, FIRST) and actor.name != name:
            with self.lock:
                actor.name, actor.subject = self.unique(name), None

    def _new(self, name: str) -> Participant:
        participant = Participant(self.unique(name))
        if not self._everybody:
            watch(self)
        self._everybody[participant] = None
        return participant

    def unique(self, name: str) -> str:
        """Return a name that nobody else has."""
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}#{self._names[name]}"

    def _arrived(self, participant: Participant) -> Participant:
        participant.thread_id, participant.native_id = threading.get_ident(), threading.get_native_id()
        self._participants[participant.thread_id] = participant
        return participant

    def _leave(self, participant: Participant) -> None:
        with self.lock:
            participant.depth -= 1
            if participant.depth:
                return
            assert participant.thread_id is not None, "who leaves has arrived"
            if participant not in self._everybody:
                return  # it was let go
            del self._everybody[participant], self._participants[participant.thread_id]
            if not self._everybody:
                unwatch(self)
            self._step_back(participant)

    def _step_back(self, participant: Participant) -> None:
        """Let the others go on, whatever this one was doing."""
        self.aside.discard(participant)
        if participant in self.ready:
            self.ready.remove(participant)
        if self.current is participant:
            self._give_up_turn()
        elif self.current is None:
            self._pass_on()

    # whose turn it is: all with the lock held ----------------------------------------------------------------------

    def _line_up(self, participant: Participant, doing: Doing = Doing.READY) -> None:
        participant.doing, participant.midway = doing, False
        self.ready.append(participant)
        if self.current is None:
            self._pass_on()

    def _give_up_turn(self) -> None:
        self.current = None
        self._pass_on()

    def _pass_on(self) -> None:
        """Give the turn to somebody, letting time jump if need be."""
        self.changes += 1
        while self.current is None:
            if self.ready:
                self._grant(self.ready.pop(self._choice([], at_step=False)))
            elif self.aside:
                if not self._jump(no_further_than=self.now):  # what is due now is no jump
                    return
            elif not self._jump():
                if self.is_stuck and self._is_alone() and not self.is_served:
                    self.tell_deadlock()
                return

    def _choice(self, mine: Sequence[Actor], at_step: bool) -> int:
        """Let the schedule choose among these, who are here, and all participants that are ready, if it can."""
        if self.is_plain or len(mine) + len(self.ready) < 2:
            return 0
        return self.schedule.choose([*mine, *(one.acting for one in self.ready)], at_step)

    def _grant(self, participant: Participant) -> None:
        self.current = participant
        participant.doing = Doing.RUNNING
        if not participant.midway and not self.is_plain:
            self.count(participant.acting, "goes on")
        participant.gate.release()

    def _jump(self, no_further_than: int | None = None) -> bool:
        """Let time jump to the earliest deadline, and make everybody ready whose deadline that is; False: none."""
        woke_one = False
        while self._timers and (not woke_one or self._timers[0][0] <= self.now):
            if no_further_than is not None and self._timers[0][0] > no_further_than:
                break
            deadline, _, parking = heapq.heappop(self._timers)
            if parking.woken:
                continue
            if deadline > self.now:
                self._move_to(deadline)
            woke_one = True
            self.wake(parking)
        # Where only threads wait that take no part, each jump is for one of them.
        return woke_one and bool(self._everybody)

    def _move_to(self, deadline: int) -> None:
        self.now = deadline
        self._polls = 0
        self._jumps += 1
        for follow in self.on_jump:
            follow(deadline)
        if self._jumps > self.most_jumps:
            self._jumps = 0
            self.raise_in_chief(runaway(self, f"time has jumped {self.most_jumps:,} times, and no run has moved on."))
        elif deadline - self.start > self.most_nanoseconds:
            self.raise_in_chief(
                runaway(self, "more virtual time has passed than a simulation may take (`max_seconds`).")
            )

    def progress(self) -> None:
        """Note that something got done: a run has moved on."""
        self._jumps = self._polls = 0

    def poll(self, what: str) -> None:
        """Count a look at something that does not change while nobody waits: the time, a loop's callbacks."""
        self._polls += 1
        if self._polls > self.most_polls:
            self._polls = 0
            raise runaway(
                self,
                f"{what} {self.most_polls:,} times at one virtual moment. Time moves only when everybody waits: "
                "wait for what you look for, or sleep between two looks.",
            )

    @property
    def is_stuck(self) -> bool:
        """Say whether everybody waits, and for nothing that will come by itself."""
        return self.current is None and not self.ready and not self.aside and bool(self._everybody)

    @property
    def is_served(self) -> bool:
        """Say whether a background participant is in a real wait, from which it may come back and wake somebody."""
        return any(one.background and one.doing is Doing.ASIDE for one in self.everybody())

    def _await_turn(self, participant: Participant) -> None:
        try:
            participant.gate.acquire()
        except BaseException:
            self._run_out_of_turn(participant)
            raise
        if participant.dismissal is not None:
            raise participant.dismissal

    def _run_out_of_turn(self, participant: Participant) -> None:
        """Let a participant go on that a signal has torn out of its wait; it lines up at its next step."""
        with self.lock:
            if participant.doing is Doing.RUNNING:
                participant.gate.acquire(blocking=False)  # it was its turn, just now
                return
            if participant in self.ready:
                self.ready.remove(participant)
            participant.doing = Doing.ASIDE
            self.aside.add(participant)

    # steps ---------------------------------------------------------------------------------------------------------

    def step(self, what: str) -> None:
        """Make a step: let the schedule choose whether this participant goes on or another."""
        participant = self.here()
        if participant is None:
            return
        if participant.doing is Doing.ASIDE:
            self._rejoin(participant)
        actor = participant.acting
        if not self.is_plain and actor.asked != actor.steps:
            self._choose_among([actor], participant, at_step=True)
        self.count(actor, what)

    def count(self, actor: Actor, what: str) -> None:
        """Note that somebody makes a step."""
        if self.on_step is not None:
            self.on_step(actor, what)
        actor.steps += 1

    def choose(self, tasks: Callable[[], Sequence[Actor]]) -> Actor:
        """Let the schedule choose which task the event loop of this thread goes on with, or let others go first.

        They may make further tasks ready.
        """
        participant = self.here()
        assert participant is not None, "who chooses takes part"
        if participant.doing is Doing.ASIDE:
            self._rejoin(participant)
        while True:
            mine = tasks()
            choice = self._choose_among(mine, participant, at_step=False)
            if choice is not None:
                return mine[choice]

    def prefer(self, tasks: Sequence[Actor]) -> int:
        """Let the schedule choose whether the first of these tasks of one event loop makes its step, or which else.

        What makes the step need not ask again.
        """
        participant = self.here()
        assert participant is not None, "who chooses takes part"
        tasks[0].asked = tasks[0].steps
        return self._choose_among(tasks, participant, at_step=True) or 0

    def _choose_among(self, mine: Sequence[Actor], participant: Participant, at_step: bool) -> int | None:
        """Return who of these goes on in this thread; None where another thread had its turn first."""
        with self.lock:
            choice = self._choice(mine, at_step)
            if choice < len(mine):
                return choice
            chosen = self.ready.pop(choice - len(mine))
            participant.doing, participant.midway = Doing.READY, at_step
            self.ready.insert(0, participant)
            self.changes += 1
            self._grant(chosen)
        self._await_turn(participant)
        return None

    def yield_turn(self) -> None:
        """Let everybody go first who is ready."""
        participant = self.here()
        if participant is None:
            return
        if participant.doing is Doing.ASIDE:
            self._rejoin(participant)
        self.poll("An event loop has run callbacks")
        if self.ready:
            with self.lock:
                participant.doing, participant.midway = Doing.READY, False
                self.ready.append(participant)
                self._give_up_turn()
            self._await_turn(participant)

    # waits ---------------------------------------------------------------------------------------------------------

    def park(self, deadline: int | None, why: Why) -> Parking:
        """Begin a wait of this thread, with the lock held; `block` is to follow."""
        participant = self.here()
        parking = Parking(deadline, participant)
        if deadline is not None:
            heapq.heappush(self._timers, (deadline, next(self._order), parking))
        if participant is not None:
            self.count(participant.acting, "waits")
            participant.doing, participant.parking = Doing.WAITING, parking
            participant.since, participant.why = self.now, why
            self.aside.discard(participant)
            if self.current is participant:
                self.current = None
        if self.current is None:
            self._pass_on()
        return parking

    def wake(self, parking: Parking, error: BaseException | None = None) -> None:
        """End a wait, with the lock held; with `error` it ends by raising that."""
        if parking.woken:
            return
        parking.woken = True
        if error is not None:
            parking.error = error
        if parking.participant is None:
            parking.gate.release()
        else:
            self._line_up(parking.participant)

    def block(self, parking: Parking) -> None:
        """Wait until the wait that `park` began is over."""
        try:
            parking.gate.acquire()
        except BaseException:
            self.abandon(parking)
            raise
        self.resume(parking)

    def interrupt(self, thread_id: int, error: BaseException, at_once: bool = True) -> bool:
        """Let the wait of a thread end by an error: at once, or when it ends by itself; False where it doesn't wait."""
        with self.lock:
            participant = self._participants.get(thread_id)
            parking = participant.parking if participant is not None else None
            if parking is None:
                return False
            if at_once and not parking.woken:
                self.wake(parking, error)
            else:
                parking.error = parking.error or error
            return True

    def abandon(self, parking: Parking) -> None:
        """End a wait that a signal has interrupted."""
        with self.lock:
            parking.woken = True
            if parking.participant is not None:
                parking.participant.parking = None
                self._run_out_of_turn(parking.participant)

    def resume(self, parking: Parking) -> None:
        """Go on after a wait whose gate has opened."""
        if parking.participant is not None:
            parking.participant.parking = None
        if parking.error is not None:
            self.on_raise(parking.error)
            raise parking.error

    # real waits ----------------------------------------------------------------------------------------------------

    @contextmanager
    def in_flight(self, why: Why) -> Iterator[None]:
        """Wait for something real in the block: others go on meanwhile, and time stands still where they can't."""
        participant = self.here()
        if participant is None or participant.doing is not Doing.RUNNING:
            yield
            return
        participant.why = why
        self.put_aside(participant)
        try:
            yield
        finally:
            self._return(participant)

    def _return(self, participant: Participant) -> None:
        """Line up again, unless a step that was passed meanwhile has seen to it."""
        if participant.doing is Doing.ASIDE:
            self._rejoin(participant)

    @contextmanager
    def delegating(self, why: Why) -> Iterator[None]:
        """Let another process, or thread, act in this participant's place in the block, which keeps its turn."""
        participant = self.here()
        if participant is None or participant.delegated:
            yield
            return
        participant.why, participant.delegated = why, True
        try:
            yield
        finally:
            participant.delegated = False

    def set_aside(self, why: Why) -> None:
        """Put the participant of this thread aside: what acts in its place is in a real wait."""
        participant = self.here()
        if participant is not None:
            participant.why = why
            self.put_aside(participant)

    def put_aside(self, participant: Participant) -> None:
        """Take the turn from a participant that is in a real wait."""
        with self.lock:
            if self.current is participant:
                participant.doing, participant.since = Doing.ASIDE, self.now
                if not participant.background:
                    self.aside.add(participant)
                self._give_up_turn()

    def _rejoin(self, participant: Participant) -> None:
        with self.lock:
            self.aside.discard(participant)
            self._line_up(participant)
        self._await_turn(participant)

    # when nobody can go on ------------------------------------------------------------------------------------------

    def _is_alone(self) -> bool:
        """Say whether no other thread could wake anybody: all are participants, or our own idle ones."""
        ours = self._participants.keys()
        return all(one.ident in ours or one.name.startswith("headrace-") for one in threading.enumerate())

    def tell_deadlock(self) -> None:
        """Tell the chief that everybody waits, if that is still so."""
        with self.lock:
            if self.is_stuck:
                self.raise_in_chief(deadlock(self))

    def tell_stall(self) -> None:
        """Tell the chief that a real wait has stopped everything, if that is still so."""
        with self.lock:
            if self.current is None and not self.ready:
                error = stall(self)
                if not self.raise_in_chief(error):
                    self.on_stall(error)

    def let_go_first(self) -> None:
        """Let who was woken last go on at once, and everybody else wait until it waits again."""
        participant = self.here()
        if participant is None or participant.doing is not Doing.RUNNING or not self.ready:
            return
        with self.lock:
            chosen = self.ready.pop()
            participant.doing, participant.midway = Doing.READY, False
            self.ready.insert(0, participant)
            self.changes += 1
            self._grant(chosen)
        self._await_turn(participant)

    def raise_in_chief(self, error: BaseException) -> bool:
        """End the wait of the participant that opened the simulation by this error; False where it doesn't wait."""
        with self.lock:
            self.told = error
            chief = self.chief or next(iter(self._everybody), None)
            if chief is None or chief.parking is None or chief.parking.woken:
                return False
            self.wake(chief.parking, error)
            return True

    def dismiss(self, error: Callable[[], BaseException]) -> None:
        """End every wait but the caller's, and whoever is to go on or to begin: the simulation is over."""
        with self.lock:
            for participant in list(self._everybody):
                if participant.outlives:
                    self._let_go(participant)
                elif participant.parking is not None:
                    self.wake(participant.parking, error())
                elif participant is not self.current:
                    participant.dismissal = error()

    def _let_go(self, participant: Participant) -> None:
        """Let one take part no more: it goes on in real time, at once where it waits."""
        del self._everybody[participant]
        if participant.thread_id is not None:
            self._participants.pop(participant.thread_id, None)
        self.aside.discard(participant)
        if participant in self.ready:
            self.ready.remove(participant)
        elif participant.parking is None or participant.parking.woken:
            return
        if participant.parking is not None:
            participant.parking.woken = True
        participant.gate.release()
