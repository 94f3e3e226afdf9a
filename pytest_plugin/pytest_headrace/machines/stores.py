"""All stores must agree, whatever is done to them and in whichever order."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from headrace.core.records import Run
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound
from headrace.store.conditions import Condition
from headrace.store.memory import MemoryStore
from headrace.store.protocol import (
    EVERY_RUN,
    ConcurrencyLimit,
    LogFilter,
    LogRecord,
    Order,
    Place,
    RunFilter,
    RunKind,
    SlotRequest,
    Store,
)
from headrace.store.sqlite import SqliteStore

from .records import (
    NEVER,
    T0,
    conditions,
    filters,
    flow_run,
    ids_from,
    limit_names,
    orders,
    queues,
    run_ids,
    seconds,
    states,
    task_run,
    thing_orders,
    told,
    told_state,
    values,
    words,
)


class StoresAgree(RuleBasedStateMachine):
    """Do the same to every store: each answer must be the same, and so must be all that they hold.

    `stores` says, by name, how each is made, given an empty folder that goes away in the end. The first is what the
    others are held against; the one in memory is the plainest reading of `headrace.store.protocol.Store`::

        class MineAgrees(StoresAgree):
            stores = {"memory": lambda folder: MemoryStore(), "mine": lambda folder: MyStore(folder / "runs")}

        TestMineAgrees = MineAgrees.TestCase
    """

    stores: ClassVar[Mapping[str, Callable[[Path], Store]]] = {
        "memory": lambda folder: MemoryStore(),
        "sqlite": lambda folder: SqliteStore(folder / "runs.db"),
    }

    runs = Bundle("runs")
    tickets = Bundle("tickets")
    claims = Bundle("claims")
    artifacts = Bundle("artifacts")
    variables = Bundle("variables")

    def __init__(self) -> None:
        super().__init__()
        if len(self.stores) < 2:
            raise TypeError(f"{type(self).__name__}.stores names {len(self.stores)} stores; it takes two to agree.")
        self.folder = Path(tempfile.mkdtemp(prefix="headrace-stores-"))
        self.opened = {name: make(self.folder) for name, make in self.stores.items()}
        self.first = next(iter(self.opened.values()))
        self.new_id = ids_from(2)
        self.now = T0
        self.known: dict[str, list[UUID]] = {"flow": [], "task": []}

    def teardown(self) -> None:
        """Close the stores, and remove their files."""
        for store in self.opened.values():
            store.close()
        shutil.rmtree(self.folder)

    def same(self, do: Callable[[Store], Any], tell: Callable[[Any], Any] = lambda answer: answer) -> Any:
        """Do something to every store; return what the first answers, if it is what all answer."""
        (name, expected), *others = [(name, tell(do(store))) for name, store in self.opened.items()]
        for other, answer in others:
            assert answer == expected, f"{name} answers {expected!r}, and {other} {answer!r}"
        return expected

    @rule(pause=seconds)
    def time_passes(self, pause: float) -> None:
        """Let the next things happen later."""
        self.now += timedelta(seconds=pause)

    # runs ------------------------------------------------------------------------------------------------

    @rule(target=runs, data=st.data(), name=words, flow=words, tags=st.frozensets(words, max_size=2))
    def create_flow_run(self, data: st.DataObject, name: str, flow: str, tags: frozenset[str]) -> Run:
        """A flow run, perhaps a child."""
        parent = data.draw(st.sampled_from([None, NEVER, *self.known["flow"]]))
        run = flow_run(name, flow, id=self.new_id(), created=self.now, tags=tags, parent_flow_run_id=parent)
        return self.create(run, data)

    @rule(
        target=runs,
        data=st.data(),
        name=words,
        task=words,
        parameters=st.dictionaries(words, words, max_size=2),
    )
    def create_task_run(self, data: st.DataObject, name: str, task: str, parameters: dict[str, str]) -> Run:
        """A task run, of a flow run or none."""
        flow = data.draw(st.sampled_from([None, NEVER, *self.known["flow"]]))
        inputs = {"x": self.known["task"][-2:]}
        run = task_run(
            name,
            task,
            id=self.new_id(),
            created=self.now,
            flow_run_id=flow,
            parameters=parameters,
            task_inputs=inputs,
        )
        return self.create(run, data)

    def create(self, run: Run, data: st.DataObject) -> Run:
        """Record a run with drawn first states."""
        first = [run.enter(state, self.now) for state in data.draw(states(None, run.kind))]
        self.same(lambda store: store.create(run, first))
        self.known[run.kind].append(run.id)
        return run

    @rule(run=runs)
    def create_again(self, run: Run) -> None:
        """An id that is taken: every store refuses it, or none does."""
        twin = task_run("twin", "fetch", id=run.id) if run.kind == "task" else flow_run("twin", "ingest", id=run.id)
        first = [twin.enter(unstamped(StateType.PENDING), self.now)]
        if run.id in self.known[run.kind]:
            for store in self.opened.values():
                with contextlib.suppress(ObjectAlreadyExists):
                    store.create(twin, first)
                    raise AssertionError(f"{store.location} took the id twice")

    @rule(run=runs, data=st.data(), name=words)
    def transition(self, run: Run, data: st.DataObject, name: str) -> None:
        """A run goes on, as it sees itself; where somebody else was quicker, it takes that on."""
        following = data.draw(states(run.state, run.kind, 2))
        run.name = name
        entered = [run.enter(state, self.now) for state in following]
        standing = self.same(
            partial(_transition, run, entered), lambda s: s if isinstance(s, str | None) else told_state(s)
        )
        if standing is not None and standing != "unknown":
            self.catch_up(run)

    def catch_up(self, run: Run) -> None:
        """Take over what the store says of a run."""
        stored = getattr(self.first, f"{run.kind}_run")(run.id)
        for name in ("state", "history_length", "run_count", "start_time", "end_time", "total_run_time"):
            setattr(run, name, getattr(stored, name))

    @rule(run=runs, type_=st.sampled_from(StateType), stamped=st.booleans())
    def propose(self, run: Run, type_: StateType, stamped: bool) -> None:
        """Somebody else asks for a state."""
        state = unstamped(type_, timestamp=self.now if stamped else None, message="from outside")
        if run.id in self.known[run.kind]:
            self.same(lambda store: store.propose(run.kind, run.id, state), told_state)

    @rule(run=consumes(runs))
    def delete(self, run: Run) -> None:
        """A run is removed; a flow run takes its task runs along."""
        self.same(lambda store: store.delete(run.kind, run.id))
        for kind in ("flow", "task"):
            self.known[kind] = run_ids(getattr(self.first, f"{kind}_runs")())

    @rule(where=filters, limit=st.none() | st.integers(0, 3), offset=st.integers(0, 2), order=orders)
    def find(self, where: RunFilter, limit: int | None, offset: int, order: Order) -> None:
        """Lists and counts."""
        part: dict[str, Any] = {"limit": limit, "offset": offset, "order": order}
        self.same(lambda store: store.flow_runs(where, **part), run_ids)
        self.same(lambda store: store.task_runs(where, **part), run_ids)
        self.same(lambda store: (store.count("flow", where), store.count("task", where)))

    @rule(kind=st.sampled_from(["flow", "task"]), data=st.data(), order=orders, value=st.none() | st.just(NEVER))
    def find_by_conditions(self, kind: RunKind, data: st.DataObject, order: Order, value: Any) -> None:
        """Whatever can be asked, and the rest of a list from some place on, even if its run has changed or is gone."""
        condition = data.draw(conditions(kind, [NEVER, *self.known["flow"], *self.known["task"]]))
        found = self.same(partial(_listed, kind, condition, order, None), run_ids)
        self.same(lambda store: store.tally(kind, condition))
        if found:
            run = getattr(self.first, f"{kind}_run")(data.draw(st.sampled_from(found)))
            place = Place(getattr(run, order.field), run.id if value is None else value)
            self.same(partial(_listed, kind, condition, order, place), run_ids)

    @rule(run=runs)
    def find_by_flow_run_and_id(self, run: Run) -> None:
        """Filters that name ids."""
        for where in (RunFilter(flow_run_id=run.id), RunFilter(ids=frozenset({run.id, NEVER}))):
            self.same(partial(_found, where), run_ids)

    # what is scheduled -----------------------------------------------------------------------------------

    @rule(target=runs, data=st.data(), queue=queues)
    def schedule(self, data: st.DataObject, queue: str) -> Run:
        """A task run that somebody is to claim."""
        flow = data.draw(st.sampled_from([None, *self.known["flow"]]))
        run = task_run("later", "fetch", id=self.new_id(), created=self.now, flow_run_id=flow)
        first = [run.enter(State(StateType.SCHEDULED), self.now)]
        self.same(lambda store: store.schedule(run, first, queue, queue.encode()))
        self.known["task"].append(run.id)
        return run

    @rule(target=claims, wanted=st.lists(queues, max_size=2), lease=seconds)
    def claim(self, wanted: list[str], lease: float) -> UUID:
        """Somebody looks for something to run."""
        claim = self.new_id()
        self.same(lambda store: store.claim(wanted, claim, lease, self.now))
        return claim

    @rule(held=st.lists(claims, max_size=3), lease=seconds)
    def renew_claims(self, held: list[UUID], lease: float) -> None:
        """Leases are extended, of those that still hold."""
        self.same(lambda store: store.renew_claims(held, lease, self.now))

    @rule(claim=claims)
    def dismiss(self, claim: UUID) -> None:
        """A run that was claimed is done with, once."""
        self.same(lambda store: store.dismiss(claim))

    # logs ------------------------------------------------------------------------------------------------

    @rule(data=st.data(), level=st.sampled_from([10, 20, 40]), message=words, back=seconds)
    def append_log(self, data: st.DataObject, level: int, message: str, back: float) -> None:
        """A line of some run, or none, perhaps of an earlier time."""
        flow = data.draw(st.sampled_from([None, NEVER, *self.known["flow"]]))
        task = data.draw(st.sampled_from([None, NEVER, *self.known["task"]]))
        line = LogRecord(self.now - timedelta(seconds=back), level, message, f"log.{level}", flow, task)
        self.same(lambda store: store.append_logs([line, line]))

    @rule(
        data=st.data(),
        level=st.sampled_from([0, 20, 40]),
        text=st.none() | words,
        limit=st.none() | st.integers(0, 3),
    )
    def find_logs(self, data: st.DataObject, level: int, text: str | None, limit: int | None) -> None:
        """Lines of a run, or of all."""
        flow = data.draw(st.sampled_from([None, *self.known["flow"]]))
        task = data.draw(st.sampled_from([None, *self.known["task"]]))
        where = LogFilter(flow_run_id=flow, task_run_id=task, min_level=level, text=text)
        self.same(lambda store: store.logs(where, limit=limit, offset=1))
        condition = data.draw(conditions("log", [NEVER, *self.known["flow"], *self.known["task"]]))
        self.same(lambda store: store.logs(condition, limit=limit, newest_first=True))
        self.same(lambda store: store.count_logs(condition))

    # artifacts and variables -----------------------------------------------------------------------------

    @rule(target=artifacts, data=st.data(), key=st.none() | words, type_=st.none() | words, value=values)
    def create_artifact(self, data: st.DataObject, key: str | None, type_: str | None, value: Any) -> UUID:
        """An artifact of some run, or none."""
        made = ArtifactRecord(
            id=self.new_id(),
            created=self.now,
            updated=self.now,
            key=key,
            type=type_,
            data=value,
            metadata_=None if key is None else {"of": key},
            flow_run_id=data.draw(st.sampled_from([None, NEVER, *self.known["flow"]])),
            task_run_id=data.draw(st.sampled_from([None, NEVER, *self.known["task"]])),
        )
        self.same(lambda store: store.create_artifact(made))
        return made.id

    @rule(artifact_id=artifacts, value=values, description=st.none() | words)
    def update_artifact(self, artifact_id: UUID, value: Any, description: str | None) -> None:
        """An artifact changes, if it is still there."""
        changes = {"data": value} | ({} if description is None else {"description": description})
        self.same(lambda store: store.update_artifact(artifact_id, changes, self.now))

    @rule(artifact_id=consumes(artifacts))
    def delete_artifact(self, artifact_id: UUID) -> None:
        """An artifact goes, if its run has not taken it along."""
        self.same(lambda store: store.delete_artifact(artifact_id))

    @rule(
        target=variables,
        name=limit_names,
        value=values,
        tags=st.lists(words, max_size=2, unique=True).map(tuple),
        overwrite=st.booleans(),
    )
    def put_variable(self, name: str, value: Any, tags: tuple[str, ...], overwrite: bool) -> UUID:
        """A variable is set, where it may be."""
        now = self.now
        made = VariableRecord(id=self.new_id(), created=now, updated=now, name=name, value=value, tags=tags)
        self.same(partial(_or_taken, lambda store: store.put_variable(made, overwrite=overwrite)))
        return made.id

    @rule(variable_id=variables, name=limit_names, value=values)
    def update_variable(self, variable_id: UUID, name: str, value: Any) -> None:
        """A variable changes, perhaps to a name that another one has."""
        changes = {"name": name, "value": value}
        self.same(partial(_or_taken, lambda store: store.update_variable(variable_id, changes, self.now)))

    @rule(variable_id=consumes(variables))
    def delete_variable(self, variable_id: UUID) -> None:
        """A variable goes, if it was its own and not another's that was overwritten."""
        self.same(lambda store: store.delete_variable(variable_id))

    @rule(data=st.data(), limit=st.none() | st.integers(0, 2), offset=st.integers(0, 1))
    def find_things(self, data: st.DataObject, limit: int | None, offset: int) -> None:
        """Lists and counts of both."""
        ids = [NEVER, *self.known["flow"], *self.known["task"]]
        of_artifacts, of_variables = data.draw(conditions("artifact", ids)), data.draw(conditions("variable", ids))
        one, other = data.draw(thing_orders("artifact")), data.draw(thing_orders("variable"))
        part: dict[str, Any] = {"limit": limit, "offset": offset}
        self.same(lambda store: store.artifacts(of_artifacts, order=one, **part))
        self.same(lambda store: store.variables(of_variables, order=other, **part))
        self.same(lambda store: (store.count_artifacts(of_artifacts), store.count_variables(of_variables)))

    # limits ----------------------------------------------------------------------------------------------

    @rule(
        name=limit_names,
        limit=st.integers(0, 3),
        decay=st.sampled_from([0.0, 0.0, 0.1, 3]),
        active=st.booleans(),
    )
    def put_limit(self, name: str, limit: int, decay: float, active: bool) -> None:
        """A limit, new or changed; seldom an inactive one."""
        wish = ConcurrencyLimit(name=name, limit=limit, slot_decay_per_second=decay, active=active or limit > 0)
        self.same(lambda store: store.put_limit(wish))

    @rule(name=limit_names)
    def delete_limit(self, name: str) -> None:
        """A limit goes, with what is held of it."""
        self.same(lambda store: store.delete_limit(name))

    @rule(
        target=tickets,
        names=st.lists(limit_names, max_size=3),
        occupy=st.integers(1, 3),
        lease=seconds,
        rate=st.booleans(),
    )
    def request_slots(self, names: list[str], occupy: int, lease: float, rate: bool) -> Any:
        """A new ticket asks."""
        request = SlotRequest(
            ticket=self.new_id(),
            names=tuple(names),
            occupy=occupy,
            lease_seconds=lease,
            rate=rate,
            holder="me",
        )
        self.same(lambda store: store.request_slots(request, self.now))
        return request

    @rule(request=tickets)
    def request_again(self, request: SlotRequest) -> None:
        """A known ticket asks, or is granted again."""
        self.same(lambda store: store.request_slots(request, self.now))

    @rule(requests=st.lists(tickets, max_size=3), lease=seconds)
    def renew(self, requests: list[SlotRequest], lease: float) -> None:
        """Leases are extended."""
        ids = [request.ticket for request in requests]
        self.same(lambda store: store.renew_slots(ids, lease, self.now))

    @rule(request=consumes(tickets))
    def release(self, request: SlotRequest) -> None:
        """A ticket goes."""
        self.same(lambda store: store.release_slots(request.ticket, self.now))

    # always ----------------------------------------------------------------------------------------------

    @invariant()
    def all_is_the_same(self) -> None:
        """Every run, history, limit and lease."""
        self.same(lambda store: store.flow_runs(), lambda runs: [told(run) for run in runs])
        self.same(lambda store: store.task_runs(), lambda runs: [told(run) for run in runs])
        for run_id in self.known["flow"] + self.known["task"]:
            self.same(partial(_history, run_id), lambda states: [told_state(state) for state in states])
        self.same(lambda store: store.flows())
        self.same(lambda store: store.tallies("task", EVERY_RUN, T0, T0 + timedelta(minutes=1), 7))
        self.same(partial(_histories, self.known["flow"] + self.known["task"]))
        self.same(partial(_currently, "flow", self.known["flow"]))
        self.same(partial(_currently, "task", self.known["task"]))
        self.same(lambda store: store.limits(self.now))
        self.same(partial(_leases, self.now))
        self.same(lambda store: (store.artifacts(), store.variables()))


def _or_taken(do: Callable[[Store], Any], store: Store) -> Any:
    try:
        return do(store)
    except ObjectAlreadyExists:
        return "taken"


def _transition(run: Run, entered: list[State], store: Store) -> Any:
    try:
        return store.transition(run, entered)
    except ObjectNotFound:
        return "unknown"


def _listed(kind: RunKind, condition: Condition, order: Order, after: Place | None, store: Store) -> list[Run]:
    find: Callable[..., list[Run]] = getattr(store, f"{kind}_runs")
    return find(condition, order=order, after=after)


def _found(where: RunFilter, store: Store) -> list[Run]:
    return [*store.flow_runs(where), *store.task_runs(where)]


def _history(run_id: UUID, store: Store) -> list[State]:
    return store.history(run_id)


def _histories(ids: list[UUID], store: Store) -> dict[UUID, list[Any]]:
    return {run_id: [told_state(state) for state in found] for run_id, found in store.histories([*ids, NEVER]).items()}


def _currently(kind: RunKind, ids: list[UUID], store: Store) -> dict[UUID, Any]:
    return {run_id: told_state(state) for run_id, state in store.current_states([*ids, NEVER], kind).items()}


def _leases(now: datetime, store: Store) -> list[Any]:
    return [store.leases(name, now) for name in "xyz"]
