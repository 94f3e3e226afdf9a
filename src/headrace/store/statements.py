"""The SQL statements, by name. What is written differently from one database to the next is in `dialect.py`.

Placeholders are question marks; columns are in the order in which `rows.py` makes and reads them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

_WRITTEN = (
    "id, created, expected_start_time, name, history_length, run_count, start_time, end_time, "
    "total_run_time, state, tags"
)
_READ_STATE = "h.position, s.type, s.name, h.timestamp, h.message, h.details"
_READ = (
    "r.id, r.created, r.expected_start_time, r.name, r.history_length, r.run_count, r.start_time, "
    "r.end_time, r.total_run_time, r.tags, r.parameters"
)
_MOVED = "history_length = ?, run_count = ?, start_time = ?, end_time = ?, total_run_time = ?, state = ?"


class RunStatements(NamedTuple):
    """What is asked of the runs of one kind, and told of them."""

    #: A new run, and one of its states.
    insert: str
    insert_states: str
    #: The moving columns, if the history is still as long as expected; `settle` writes what was given as well.
    move: str
    settle: str
    #: One more state; the run's number is looked up by its id, which `move` has just found.
    append_state: str
    #: Runs with their standing state, to be followed by a condition.
    find: str
    how_many: str
    #: How many of those that meet a condition are in each state.
    tally: str
    #: The same, for each part of a stretch of time; takes where it begins and how long a part is, before the condition.
    tallies: str
    history: str
    #: States of runs, each followed by the id of its run; to be followed by a condition and `IN_ORDER`.
    histories: str
    standing: str
    delete_states: str
    delete: str


@cache
def rows_of(insert: str, count: int) -> str:
    """Return an INSERT of several rows at once, from one of a single row."""
    marks = insert[insert.rindex("(") :]
    return insert + f", {marks}" * (count - 1)


def _statements(
    run: str, own: str, read_own: str, joined: str, owner: str, moved: str = "", given: str = ""
) -> RunStatements:
    columns = f"{_WRITTEN}, {own}"
    marks = ", ".join("?" * (columns.count(",") + 1))
    states = f"{run}_state"
    read_state = f"{_READ_STATE}, {owner}"
    standing = f"JOIN {states} h ON h.run = r.seq AND h.position = r.history_length - 1"
    return RunStatements(
        insert=f"INSERT INTO {run} ({columns}) VALUES ({marks})",
        insert_states=f"INSERT INTO {states} VALUES (?, ?, ?, ?, ?, ?)",
        move=f"UPDATE {run} SET {_MOVED}{moved} WHERE id = ? AND history_length = ?",
        settle=f"UPDATE {run} SET {_MOVED}{moved}, name = ?, tags = ?, parameters = ?{given} "
        "WHERE id = ? AND history_length = ?",
        append_state=f"INSERT INTO {states} SELECT seq, ?, ?, ?, ?, ? FROM {run} WHERE id = ?",
        find=f"SELECT {_READ}, {read_state}, {read_own} FROM {run} r {joined} {standing} "
        "JOIN state s ON s.seq = h.state",
        how_many=f"SELECT count(*) FROM {run} r",
        tally=f"SELECT s.type, s.name, n.many FROM (SELECT r.state AS state, count(*) AS many FROM {run} r"
        "{} GROUP BY r.state) n JOIN state s ON s.seq = n.state ORDER BY s.seq",
        tallies="SELECT s.type, s.name, n.part, n.many FROM (SELECT r.state AS state, (r.created - ?) / ? AS part, "
        f"count(*) AS many FROM {run} r{{}} GROUP BY r.state, part) n JOIN state s ON s.seq = n.state ORDER BY s.seq",
        histories=f"SELECT {read_state}, r.id FROM {run} r JOIN {states} h ON h.run = r.seq "
        "JOIN state s ON s.seq = h.state",
        history=f"SELECT {read_state} FROM {run} r JOIN {states} h ON h.run = r.seq "
        "JOIN state s ON s.seq = h.state WHERE r.id = ? ORDER BY h.position",
        standing=f"SELECT {read_state} FROM {run} r {standing} JOIN state s ON s.seq = h.state WHERE r.id = ?",
        delete_states=f"DELETE FROM {states} WHERE run IN (SELECT seq FROM {run} WHERE %s)",
        delete=f"DELETE FROM {run} WHERE %s",
    )


FLOW = _statements(
    "flow_run",
    own="parameters, flow, flow_version, parent_task_run_id, parent_flow_run_id, root_flow_run_id, deployment_id, "
    "entrypoint",
    read_own="f.name, f.id, r.flow_version, r.parent_task_run_id, r.parent_flow_run_id, r.root_flow_run_id, "
    "r.deployment_id, r.entrypoint",
    joined="JOIN flow f ON f.seq = r.flow",
    owner="r.id, r.parent_task_run_id",
)
TASK = _statements(
    "task_run",
    own="parameters, task_inputs, task, dynamic_key, flow_run_id, flow_run_run_count, child_flow_run_id, cache_key",
    read_own="t.name, t.key, r.dynamic_key, r.flow_run_id, r.flow_run_run_count, r.task_inputs, "
    "r.child_flow_run_id, r.cache_key",
    joined="JOIN task t ON t.seq = r.task",
    owner="r.flow_run_id, r.id",
    moved=", child_flow_run_id = ?, cache_key = ?",
    given=", task_inputs = ?",
)

IN_ORDER = " ORDER BY r.seq, h.position"

#: The flows that have runs. The newest run of each is the last of it in an index.
FLOWS = (
    "SELECT id, name, latest FROM (SELECT f.id AS id, f.name AS name, "
    "(SELECT max(r.created) FROM flow_run r WHERE r.flow = f.seq) AS latest FROM flow f) seen "
    "WHERE latest IS NOT NULL ORDER BY latest DESC, name, id LIMIT ? OFFSET ?"
)

# Names that are said once. Each pair: find the number, or make one.
STATE_SEQ = "SELECT seq FROM state WHERE type = ? AND name = ?"
ADD_STATE = "INSERT INTO state (type, name) VALUES (?, ?) ON CONFLICT DO NOTHING"
FLOW_SEQ = "SELECT seq FROM flow WHERE id = ? AND name = ?"
ADD_FLOW = "INSERT INTO flow (id, name) VALUES (?, ?) ON CONFLICT DO NOTHING"
TASK_SEQ = "SELECT seq FROM task WHERE key = ? AND name = ?"
ADD_TASK = "INSERT INTO task (key, name) VALUES (?, ?) ON CONFLICT DO NOTHING"
LOGGER_SEQ = "SELECT seq FROM logger WHERE name = ?"
ADD_LOGGER = "INSERT INTO logger (name) VALUES (?) ON CONFLICT DO NOTHING"

# A line of a task run belongs to the task run's flow run, whether it says so or not.
_LOG_MARKS = "(?, ?, ?, ?, coalesce(?, (SELECT flow_run_id FROM task_run WHERE id = ?)), ?)"


@cache
def append_logs(count: int) -> str:
    """Return the statement that appends so many lines."""
    marks = ", ".join([_LOG_MARKS] * count)
    return f"INSERT INTO log (timestamp, level, message, logger, flow_run_id, task_run_id) VALUES {marks}"


FIND_LOGS = (
    "SELECT l.timestamp, l.level, l.message, n.name, l.flow_run_id, l.task_run_id "
    "FROM log l JOIN logger n ON n.seq = l.logger"
)
COUNT_LOGS = "SELECT count(*) FROM log l"
DELETE_TASK_RUN_LOGS = "DELETE FROM log WHERE task_run_id = ?"
DELETE_FLOW_RUN_LOGS = "DELETE FROM log WHERE flow_run_id = ?"
# Lines that were written before their task run was known, and so without its flow run.
DELETE_LOGS_OF_TASK_RUNS = "DELETE FROM log WHERE task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = ?)"

# Of what is scheduled: the first that nobody has, or whose lease has run out. Each half reads an index.
FIRST_JOB = (
    "SELECT seq, run, call FROM delayed WHERE seq = (SELECT min(seq) FROM ("
    "SELECT min(seq) AS seq FROM delayed WHERE queue = ? AND claim IS NULL UNION ALL "
    "SELECT min(seq) FROM delayed WHERE queue = ? AND claim IS NOT NULL AND expires_at <= ?) AS first)"
)
FIRST_LEASE_END = "SELECT min(expires_at) FROM delayed WHERE queue = ? AND claim IS NOT NULL"
ADD_JOB = "INSERT INTO delayed (run, queue, call) VALUES (?, ?, ?)"
# Where others write at the same time, one of them may have been quicker.
CLAIM_JOB = "UPDATE delayed SET claim = ?, expires_at = ? WHERE seq = ? AND (claim IS NULL OR expires_at <= ?)"
RENEW_CLAIM = "UPDATE delayed SET expires_at = ? WHERE claim = ?"
DISMISS_CLAIM = "DELETE FROM delayed WHERE claim = ?"
DELETE_JOB = "DELETE FROM delayed WHERE run = ?"
DELETE_JOBS_OF_TASK_RUNS = "DELETE FROM delayed WHERE run IN (SELECT id FROM task_run WHERE flow_run_id = ?)"

# Which runs were deleted last, numbered in the order in which that is committed; and the highest numbers that runs
# had then, above which numbers are given again where they are not given once for all.
NOTE_DELETED = (
    "INSERT INTO deleted SELECT (SELECT coalesce(max(seq), 0) + 1 FROM deleted), ?, ?, ?, "
    "(SELECT coalesce(max(seq), 0) FROM flow_run), (SELECT coalesce(max(seq), 0) FROM task_run)"
)
FORGET_DELETED = "DELETE FROM deleted WHERE seq <= (SELECT max(seq) FROM deleted) - ?"
LAST_DELETED = "SELECT max(seq) FROM deleted"
NEW_DELETED = (
    "SELECT seq, kind, run, flow_run, last_flow_run, last_task_run FROM deleted WHERE seq > ? ORDER BY seq LIMIT ?"
)
FLOW_RUN_OF = {
    "flow": "SELECT coalesce(parent_flow_run_id, id) FROM flow_run WHERE id = ?",
    "task": "SELECT flow_run_id FROM task_run WHERE id = ?",
}

# How much of a spool is known. Who writes down the same spool at the same time waits at the first of these.
ADD_SPOOL = "INSERT INTO spool (id, line, seen_at) VALUES (?, 0, ?) ON CONFLICT (id) DO UPDATE SET seen_at = ?"
SPOOL_LINE = "SELECT line FROM spool WHERE id = ?"
MOVE_SPOOL = "UPDATE spool SET line = ? WHERE id = ?"
DROP_SPOOLS = "DELETE FROM spool WHERE seen_at < ?"

KNOWN = "SELECT id FROM {run} WHERE id IN ({frame})"
#: How many values a row of a history has.
STATE_COLUMNS = 6

# What has happened since. New runs have higher numbers; `owner` is whose states are.
LAST_RUN = "SELECT max(seq) FROM {run}"
RUNS_GOING_ON = (
    "SELECT seq, history_length FROM {run} WHERE state IN (SELECT seq FROM state WHERE type NOT IN "
    "('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED') AND name <> 'NotReady')"
)
LENGTHS = "SELECT seq, history_length FROM {run} WHERE seq IN ({frame})"


def _changes(run: str, belongs_to: str, owner: str) -> str:
    return (
        f"SELECT r.seq, r.id, r.name, {belongs_to}, {_READ_STATE}, {owner} FROM {run} r "
        f"JOIN {run}_state h ON h.run = r.seq JOIN state s ON s.seq = h.state WHERE "
    )


_CHANGES = {
    "flow": _changes("flow_run", "coalesce(r.parent_flow_run_id, r.id)", "r.id, r.parent_task_run_id"),
    "task": _changes("task_run", "r.flow_run_id", "r.flow_run_id, r.id"),
}
_IN_ORDER = " ORDER BY r.seq, h.position"
NEW_STATES = {
    kind: f"{changes} r.seq > ? AND r.seq IN (SELECT seq FROM {kind}_run WHERE seq > ? ORDER BY seq LIMIT ?){_IN_ORDER}"
    for kind, changes in _CHANGES.items()
}
STATES_OF = {kind: changes + "r.seq IN ({frame})" + _IN_ORDER for kind, changes in _CHANGES.items()}

LIMIT = "SELECT name, slots, active, decay, level, level_at FROM concurrency_limit WHERE name = ?"
LIMITS = "SELECT name, slots, active, decay, level, level_at FROM concurrency_limit ORDER BY name"
PUT_LIMIT = (
    "INSERT INTO concurrency_limit (name, slots, active, decay, level, level_at) VALUES (?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, active = excluded.active, "
    "decay = excluded.decay, level = excluded.level, level_at = excluded.level_at"
)
DELETE_LIMIT = "DELETE FROM concurrency_limit WHERE name = ?"

_ARTIFACT = "id, key, type, description, data, metadata_, flow_run_id, task_run_id, created, updated"
# As for log lines: the flow run of an artifact is that of its task run.
ADD_ARTIFACT = (
    f"INSERT INTO artifact ({_ARTIFACT}) VALUES (?, ?, ?, ?, ?, ?, "
    "coalesce(?, (SELECT flow_run_id FROM task_run WHERE id = ?)), ?, ?, ?)"
)
FIND_ARTIFACTS = f"SELECT {_ARTIFACT} FROM artifact r"
DELETE_TASK_RUN_ARTIFACTS = "DELETE FROM artifact WHERE task_run_id = ?"
DELETE_FLOW_RUN_ARTIFACTS = "DELETE FROM artifact WHERE flow_run_id = ?"
DELETE_ARTIFACTS_OF_TASK_RUNS = (
    "DELETE FROM artifact WHERE task_run_id IN (SELECT id FROM task_run WHERE flow_run_id = ?)"
)

_VARIABLE = "id, name, value, tags, created, updated"
ADD_VARIABLE = f"INSERT INTO variable ({_VARIABLE}) VALUES (?, ?, ?, ?, ?, ?)"
FIND_VARIABLES = f"SELECT {_VARIABLE} FROM variable r"
OVERWRITE_VARIABLE = "UPDATE variable SET value = ?, tags = ?, updated = ? WHERE name = ?"

COUNT_THINGS = "SELECT count(*) FROM {} r"
UPDATE_THING = "UPDATE {} SET {}, updated = ? WHERE id = ?"
DELETE_THING = "DELETE FROM {} WHERE id = ?"

_TICKET = "ticket, names, occupy, rate, held, holder, holder_run_id, since, expires_at"
TICKETS = f"SELECT {_TICKET} FROM ticket ORDER BY seq"
TICKET = f"SELECT {_TICKET} FROM ticket WHERE ticket = ?"
# A ticket that is known keeps its seq, which is its place in the queue.
PUT_TICKET = (
    f"INSERT INTO ticket ({_TICKET}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (ticket) DO UPDATE SET "
    "names = excluded.names, occupy = excluded.occupy, rate = excluded.rate, held = excluded.held, "
    "holder = excluded.holder, holder_run_id = excluded.holder_run_id, since = excluded.since, "
    "expires_at = excluded.expires_at"
)
DROP_TICKET = "DELETE FROM ticket WHERE ticket = ?"
DROP_EXPIRED = "DELETE FROM ticket WHERE expires_at <= ?"
RENEW_TICKET = "UPDATE ticket SET expires_at = ? WHERE ticket = ? AND held = 1"
