"""What a transaction is: its states, when it commits, what it sees of others, and what it holds."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

_NOTHING: Any = object()


class TransactionState(StrEnum):
    """PENDING before it begins; STAGED once it has a value to commit; COMMITTED and ROLLED_BACK are ends."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    STAGED = "STAGED"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"


#: How long to wait between two looks whether a lock is free, in seconds: first, and at most.
FIRST_LOOK, LONGEST_LOOK = 0.001, 0.1

#: The states in which it is settled what becomes of a transaction.
DECIDED = frozenset({TransactionState.COMMITTED, TransactionState.ROLLED_BACK})


class CommitMode(StrEnum):
    """When a transaction commits.

    LAZY: with the outermost one around it. EAGER: as soon as it is left. OFF: only if told to.
    """

    EAGER = "EAGER"
    LAZY = "LAZY"
    OFF = "OFF"


class IsolationLevel(StrEnum):
    """READ_COMMITTED sees what others have committed; SERIALIZABLE waits for others with the same key."""

    READ_COMMITTED = "READ_COMMITTED"
    SERIALIZABLE = "SERIALIZABLE"


class BaseTransaction:
    """Work that is committed or rolled back together: a block of code, or a task run.

    `context` is the run that it is in (of a task run: its own), `parent` the transaction around it. What is staged is
    written under `key` when it commits. Values that are set may be read by what is inside, and by hooks.
    """

    def __init__(
        self,
        key: str | None = None,
        store: Any = None,
        commit_mode: CommitMode | str | None = None,
        isolation_level: IsolationLevel | str | None = None,
        overwrite: bool = False,
        write_on_commit: bool = True,
        logger: Any = None,
        *,
        context: Any = None,
        parent: BaseTransaction | None = None,
        of_task_run: bool = False,
    ) -> None:
        self.key = key
        self.store = store
        self.commit_mode = CommitMode(commit_mode) if commit_mode is not None else None
        self.isolation_level = IsolationLevel(isolation_level) if isolation_level is not None else None
        self.overwrite = overwrite
        self.write_on_commit = write_on_commit
        self.logger = logger
        self.context = context
        self.parent = parent
        self.of_task_run = of_task_run
        self.state = TransactionState.PENDING
        self.children: list[BaseTransaction] = []
        self.on_commit_hooks: list[Any] = []
        self.on_rollback_hooks: list[Any] = []
        self.staged: Any = None
        self.holder: str | None = None
        self.interrupted_by: BaseException | None = None
        self.lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._inside: dict[str, BaseTransaction] = {}

    def set(self, name: str, value: Any) -> None:
        """Keep a value for what is inside, and for hooks."""
        self._values[name] = value

    def get(self, name: str, default: Any = _NOTHING) -> Any:
        """Return a copy of a value set here or further out, else the default. Raises ValueError where there is none."""
        if name in self._values:
            return copy.deepcopy(self._values[name])
        if self.parent is not None:
            return self.parent.get(name, default)
        if default is _NOTHING:
            raise ValueError(f"Nothing was set as {name!r} in this transaction or one around it.")
        return default

    def stage(
        self,
        value: Any,
        on_rollback_hooks: Sequence[Any] | None = None,
        on_commit_hooks: Sequence[Any] | None = None,
    ) -> None:
        """Say what is to be written at the commit, and add hooks. Does nothing once committed."""
        if self.state is not TransactionState.COMMITTED:
            self.staged = value
            self.on_rollback_hooks += on_rollback_hooks or []
            self.on_commit_hooks += on_commit_hooks or []
            self.state = TransactionState.STAGED

    def inherit(self) -> None:
        """Take what was not given from the transaction around this one."""
        outer = self.parent
        if self.commit_mode is None:
            self.commit_mode = (outer.commit_mode if outer is not None else None) or CommitMode.LAZY
        if self.isolation_level is None:
            self.isolation_level = (outer.isolation_level if outer else None) or IsolationLevel.READ_COMMITTED
        if self.store is not None and self.store.lock_manager is None and outer is not None and outer.store is not None:
            self.store = copy.copy(self.store)  # it may be the user's, and used elsewhere
            self.store.lock_manager = outer.store.lock_manager

    def adopt(self, child: BaseTransaction) -> bool:
        """Answer for a transaction inside this one; False where it is settled already what becomes of this one."""
        with self.lock:
            if self.state in DECIDED:
                return False
            self.children.append(child)
            self._inside.update(child._inside)
            if child.key is not None:
                self._inside[child.key] = child
            return True

    def already_inside(self) -> BaseTransaction | None:
        """Return what has the same key and store and waits for the same commit: it is not written yet, but will be."""
        outer = self.parent
        while outer is not None and self.key is not None:
            other = outer._inside.get(self.key)
            if other is not None and other.waits_for_commit(self.store):
                return other
            outer = outer.parent
        return None

    def waits_for_commit(self, store: Any) -> bool:
        """Say whether it will be written to this store, or has been."""
        return self.store is not None and not self.is_rolled_back() and bool(self.store.is_same_place(store))

    def decide(self, state: TransactionState) -> bool:
        """Settle what becomes of it; False where that is settled already."""
        with self.lock:
            if self.state in DECIDED:
                return False
            self.state = state
            return True

    def get_parent(self) -> BaseTransaction | None:
        """Return the transaction around this one."""
        return self.parent

    def is_committed(self) -> bool:
        """Say whether it has been committed, by this run or an earlier one with the same key."""
        return self.state is TransactionState.COMMITTED

    def is_rolled_back(self) -> bool:
        """Say whether it has been rolled back."""
        return self.state is TransactionState.ROLLED_BACK

    def is_staged(self) -> bool:
        """Say whether it has a value to commit."""
        return self.state is TransactionState.STAGED

    def is_pending(self) -> bool:
        """Say whether it has not begun."""
        return self.state is TransactionState.PENDING

    def is_active(self) -> bool:
        """Say whether it has begun, and has no value yet."""
        return self.state is TransactionState.ACTIVE

    def __repr__(self) -> str:
        key = f" {self.key!r}" if self.key is not None else ""
        return f"<{type(self).__name__}{key}, {self.state}>"
