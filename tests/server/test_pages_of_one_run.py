"""A flow run and a task run, as pages and as JSON, and what can be done about a run there."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from headrace import flow, get_run_logger, task
from headrace.core.kept import Kept
from headrace.core.records import FlowRun, LogRecord, TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.drive.world import current_world
from headrace.exceptions import ObjectNotFound
from headrace.server.ui import flow_run as flow_run_module
from headrace.server.ui import logs
from headrace.store.protocol import RunFilter, RunKind

from .conftest import EVIL, begun, count_questions, elsewhere, named

HERE = {"Origin": "http://localhost"}


@task(retries=1, retry_delay_seconds=30, task_run_name="load-{n}")
def load(n: int) -> float:
    get_run_logger().info("loading %d", n)
    return 10 / n


@task
def double(x: float) -> float:
    return 2 * x


@flow(name="Inner", flow_run_name="inner")
def inner() -> float:
    return load(5)


@flow(name="Outer", flow_run_name="outer-{n}")
def outer(n: int) -> Any:
    inner()
    get_run_logger().warning("take care")
    loaded = load.submit(n)
    double.submit(loaded).wait()
    return loaded.result()


@pytest.fixture
def failed() -> UUID:
    """A run of which a task failed twice, with half a minute between."""
    with elsewhere():
        outer(0, return_state=True)
    return named("outer-0")


def told(client: TestClient, run_id: UUID, query: str = "", kind: str = "flow") -> Any:
    response = client.get(f"/runs/{kind}-run/{run_id}?format=json{query}")
    assert response.status_code == 200, response.text
    return response.json()


# flow runs -----------------------------------------------------------------------------------------------------


def test_a_flow_run_is_told_with_its_timeline(client: TestClient, failed: UUID) -> None:
    """Its task runs and subflow runs in rows, each with what it went through."""
    page = told(client, failed)
    assert page["title"] == "Outer › outer-0"
    assert [(row["depth"], row["name"], row["attempts"]) for row in page["rows"]][:3] == [
        (0, "outer-0", 1),
        (1, "inner", 1),
        (2, "load-5", 1),
    ]
    assert page["counts"] == {"task-runs": 3, "subflow-runs": 1, "artifacts": 0}
    assert page["left_out"] == 0


def test_a_run_that_did_not_complete_says_which_task_runs_failed(client: TestClient, failed: UUID) -> None:
    """With what went wrong in each, so that nobody has to look for it."""
    (one,) = told(client, failed)["failed"]
    assert one["name"] == "load-0"
    assert "ZeroDivisionError: division by zero" in one["message"]


def test_what_failed_in_a_subflow_is_found_in_the_subflow(client: TestClient) -> None:
    """The task run that stands for it has no log and no task runs; it leads to what has them."""

    @flow(name="Around", flow_run_name="around")
    def around() -> None:
        outer(0)

    with elsewhere():
        around(return_state=True)
    (one,) = told(client, named("around"))["failed"]
    assert (one["kind"], one["name"], one["id"]) == ("flow", "outer-0", str(named("outer-0")))
    (standing,) = current_world().store.task_runs(RunFilter(flow_run_id=named("around")))
    assert told(client, standing.id, kind="task")["stands_for"]["name"] == "outer-0"
    assert f'href="/runs/flow-run/{named("outer-0")}">outer-0' in client.get(f"/runs/task-run/{standing.id}").text


def test_a_flow_run_that_failed_shows_where(client: TestClient, failed: UUID) -> None:
    """However long its log is. The traceback is folded where a task run that failed tells more."""

    @flow(name="Careless", flow_run_name="careless")
    def careless() -> None:
        raise LookupError("nothing there")

    careless(return_state=True)
    assert told(client, named("careless"))["traceback"].endswith("LookupError: nothing there")
    assert '<details class="traceback" id="traceback" open>' in client.get(f"/runs/flow-run/{named('careless')}").text
    assert told(client, failed)["traceback"].endswith("ZeroDivisionError: division by zero")
    assert '<details class="traceback" id="traceback">' in client.get(f"/runs/flow-run/{failed}").text
    assert told(client, named("inner"))["traceback"] is None


def test_a_run_that_is_to_begin_later_says_when(client: TestClient) -> None:
    """On its page and on lists, instead of when it was recorded."""
    world = current_world()
    now = world.clock.now()
    run = FlowRun(id=world.new_id(), name="later", created=now, flow_name="Later", flow_id=world.new_id())
    details = StateDetails(scheduled_time=now + timedelta(hours=3))
    world.store.create(run, [run.enter(State(StateType.SCHEDULED, timestamp=now, state_details=details), now)])
    page = told(client, run.id)["run"]
    assert datetime.fromisoformat(page["due"]) == now + timedelta(hours=3)
    for address in (f"/runs/flow-run/{run.id}", "/runs", "/"):
        shown = " ".join(re.sub("<[^>]+>", " ", client.get(address).text).split())
        assert f"due {now + timedelta(hours=3):%Y-%m-%d %H:%M:%S}" in shown
    assert "waits to begin" in client.get(f"/runs/flow-run/{run.id}").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("&level=warning", "take care"),
        ("&level=error", "Finished in state Failed"),
        ("&order=newest", "Finished in state"),
    ],
)
def test_the_log_is_filtered_by_level_and_ordered(client: TestClient, failed: UUID, query: str, expected: str) -> None:
    """Lines of task runs are among those of their flow run, and say which."""
    lines = told(client, failed, query)["log"]["lines"]
    assert any(expected in line["message"] for line in lines)
    if "level" in query:
        assert all("loading" not in line["message"] for line in lines)
    else:
        moments = [line["at"] for line in lines]
        assert moments == sorted(moments, reverse=True)
        assert {"load-0", None} <= {line["run_name"] for line in lines}


def test_of_a_run_that_goes_on_the_last_lines_are_shown(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of time, and the earlier ones on further parts; of one that has ended, the first come first."""
    monkeypatch.setattr(logs, "MOST", 2)
    world, run = current_world(), begun()
    now = world.clock.now()
    world.store.append_logs([LogRecord(now, 20, f"line {n}", "log", run.id) for n in range(5)])

    def lines(query: str = "") -> list[str]:
        return [line["message"] for line in told(client, run.id, query)["log"]["lines"]]

    assert lines() == ["line 3", "line 4"]
    assert lines("&order=tail&part=1") == ["line 1", "line 2"]
    world.store.propose("flow", run.id, State(StateType.COMPLETED))
    assert lines() == ["line 0", "line 1"]
    assert lines("&order=tail") == ["line 3", "line 4"]


def test_a_long_log_comes_in_parts(client: TestClient, failed: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """Together they are all of it."""
    whole = told(client, failed)["log"]["lines"]
    monkeypatch.setattr(logs, "MOST", 3)
    parts, found = 0, []
    while True:
        log = told(client, failed, f"&part={parts}")["log"]
        found += log["lines"]
        parts += 1
        if not log["more"]:
            break
    assert (found, parts > 1) == (whole, True)


def test_the_log_is_had_as_text(client: TestClient, failed: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be kept as a file; however long it is, it is read piece by piece."""
    monkeypatch.setattr(logs, "_AT_A_TIME", 2)
    answer = client.get(f"/runs/flow-run/{failed}/log.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    assert "INFO     load-0: loading 0\n" in answer.text
    assert "loading" not in client.get(f"/runs/flow-run/{failed}/log.txt?level=warning").text


def test_task_runs_and_subflow_runs_are_listed(
    client: TestClient, failed: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oldest first, part by part."""
    monkeypatch.setattr(flow_run_module, "MOST", 2)
    first = told(client, failed, "&tab=task-runs")
    rest = told(client, failed, f"&tab=task-runs&cursor={first['next']}")
    assert len(first["runs"]) == 2
    assert [run["name"].partition("-")[0] for run in rest["runs"]] == ["double"]
    assert [run["name"] for run in told(client, failed, "&tab=subflow-runs")["runs"]] == ["inner"]


def test_a_history_tells_each_state_with_its_time_and_message(client: TestClient, failed: UUID) -> None:
    """And how long it stood."""
    history = told(client, failed, "&tab=history")["history"]
    assert [one["name"] for one in history] == ["Pending", "Running", "Failed"]
    assert history[1]["lasted"] == pytest.approx(30, abs=0.001)
    shown = client.get(f"/runs/flow-run/{failed}?tab=history").text
    assert "division by zero" in shown


@pytest.mark.parametrize("tab", ["log", "task-runs", "subflow-runs", "parameters", "history", "details"])
def test_every_tab_can_be_looked_at(client: TestClient, failed: UUID, tab: str) -> None:
    """With the one that is chosen marked as such."""
    shown = client.get(f"/runs/flow-run/{failed}?tab={tab}")
    assert shown.status_code == 200
    assert f'?tab={tab}#tabs" aria-current="page"' in shown.text


def test_a_subflow_run_says_what_it_is_part_of(client: TestClient, failed: UUID) -> None:
    """From the outermost run on."""
    page = told(client, named("inner"))
    assert [crumb["name"] for crumb in page["way"]] == ["outer-0"]
    assert f'href="/runs/flow-run/{failed}"' in client.get(f"/runs/flow-run/{named('inner')}").text


def test_of_very_many_task_runs_some_are_drawn_and_the_page_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that failed before those that completed; the store is asked no more for it."""

    @flow(flow_run_name="many")
    def many() -> None:
        load.map([1] * 20)
        load.map([0] * 20)

    with elsewhere():
        many(return_state=True)
    page = told(client, named("many"), "&rows=10")
    assert page["left_out"] == 40 - (len(page["rows"]) - 1)
    assert len(page["rows"]) <= 11
    assert {row["state_type"] for row in page["rows"][1:]} == {"FAILED"}
    shown = client.get(f"/runs/flow-run/{named('many')}?rows=10").text
    assert "more task runs are not drawn" in shown
    assert "rows=10000" in shown
    assert told(client, named("many"))["left_out"] == 0
    asked = count_questions(monkeypatch)
    client.get(f"/runs/flow-run/{named('many')}")
    assert sum(asked.values()) < 20


# task runs -----------------------------------------------------------------------------------------------------


def test_a_task_run_is_told_with_its_attempts_and_delays(client: TestClient, failed: UUID) -> None:
    """And its own lines of the log."""
    page = told(client, named("load-0"), kind="task")
    assert [(one["name"], one["attempt"]) for one in page["history"]] == [
        ("Pending", 0),
        ("Running", 1),
        ("AwaitingRetry", 0),
        ("Retrying", 2),
        ("Failed", 0),
    ]
    assert page["history"][2]["delay"] == pytest.approx(30, abs=0.001)
    assert page["parameters"] == {"n": "0"}
    assert [crumb["name"] for crumb in page["way"]] == ["outer-0"]
    assert sum("loading 0" in line["message"] for line in page["log"]["lines"]) == 2
    assert "loading 0" in client.get(f"/runs/task-run/{page['run']['id']}/log.txt").text


def test_inputs_lead_to_the_runs_that_they_came_from(client: TestClient) -> None:
    """Parameter by parameter; a run that is not there any more is told by its id."""
    outer(4)
    fed = named("double*")
    page = told(client, fed, kind="task")
    assert [(one["name"], one["state_name"]) for one in page["inputs"]["x"]] == [("load-4", "Completed")]
    shown = client.get(f"/runs/task-run/{fed}").text
    assert f'href="/runs/task-run/{named("load-4")}"' in shown
    current_world().store.delete("task", named("load-4"))
    assert [one["name"] for one in told(client, fed, kind="task")["inputs"]["x"]] == [None]


@pytest.mark.parametrize("address", ["flow-run/{}", "task-run/{}", "delete?id={}", "flow-run/{}/log.txt"])
def test_a_run_that_is_not_there_is_a_page_that_says_so(client: TestClient, address: str) -> None:
    """Not found, in words."""
    answer = client.get(f"/runs/{address.format(UUID(int=7))}")
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text
    assert str(UUID(int=7)) in answer.text
    assert client.get(f"/runs/{address.format('nonsense')}").status_code == 400


@task(persist_result=True)
def returning(value: Any) -> Any:
    return value


def test_a_task_run_tells_what_it_returned_or_where_it_failed(client: TestClient, failed: UUID) -> None:
    """As far as that is known; of what takes code to be made, it says why it is not shown."""
    assert "return 10 / n" in told(client, named("load-0"), kind="task")["traceback"]
    assert told(client, named("load-5"), kind="task")["result"]["text"] == "2.0"
    returning({"answer": 42})
    (run,) = current_world().store.task_runs(RunFilter(task_name="returning"))
    assert told(client, run.id, kind="task")["result"] == {"text": "{'answer': 42}", "why": "", "cut": 0}
    assert "<h2>Result</h2>" in client.get(f"/runs/task-run/{run.id}").text


@pytest.mark.headrace_store("sqlite")
def test_a_result_that_was_kept_is_read_without_loading_code(client: TestClient) -> None:
    """One that was not, and one of a class, are not shown, and the page says why."""
    for value in (7, Decoy()):
        returning(value)
    double(4)
    runs = current_world().store.task_runs()
    first, second, third = (told(client, run.id, kind="task")["result"] for run in runs)
    assert first["text"] == "7"
    assert (second["text"], "Decoy, which only code can make" in second["why"]) == (None, True)
    assert (third["text"], "was not kept" in third["why"]) == (None, True)


def test_a_record_leads_to_no_other_place(client: TestClient, tmp_path: Path) -> None:
    """A run may have been reported from anywhere: pages read what is kept where results are, and nothing else."""
    (tmp_path / "secret").write_text("the secret")
    world = current_world()
    now, new_id = world.clock.now(), world.new_id
    for storage, key in ((str(tmp_path), "secret"), (None, str(tmp_path / "secret")), (None, "../../etc/passwd")):
        run = TaskRun(id=new_id(), name="t", created=now, task_name="t", task_key="t")
        details = StateDetails(result_storage=storage, result_key=key)
        end = State(StateType.COMPLETED, state_details=details, data=Kept(key, storage))
        states = [run.enter(state, now) for state in (State(StateType.PENDING), State(StateType.RUNNING), end)]
        world.store.create(run, states)
        result = told(client, run.id, kind="task")["result"]
        assert result["text"] is None
        assert "the sec" not in result["why"]
    assert "which is not read from here" in client.get(f"/runs/task-run/{world.store.task_runs()[0].id}").text


class Decoy:
    pass


# what can be done ----------------------------------------------------------------------------------------------


def test_a_run_that_goes_on_can_be_cancelled(client: TestClient) -> None:
    """It is asked to stop; where its process is gone, it can be recorded as cancelled."""
    run = begun()
    page = f"/runs/flow-run/{run.id}"
    assert f'action="{page}/cancel"' in client.get(page).text
    done = client.post(f"{page}/cancel", headers=HERE)
    assert done.url.path == page
    assert current_world().store.flow_run(run.id).state_type is StateType.CANCELLING
    assert f'action="{page}/record-cancelled"' in done.text
    client.post(f"{page}/record-cancelled", headers=HERE)
    stands = current_world().store.flow_run(run.id)
    assert (stands.state_type, stands.state and stands.state.message) == ("CANCELLED", "Cancelled in the browser.")
    assert f'action="{page}/cancel"' not in client.get(page).text


def test_a_run_of_a_deployment_can_be_run_again(client: TestClient) -> None:
    """Whoever serves the deployment is asked to, as a server runs no code."""
    run = ended(deployment_id=current_world().new_id())
    page = f"/runs/flow-run/{run.id}"
    assert f'action="{page}/retry"' in client.get(page).text
    done = client.post(f"{page}/retry", headers=HERE)
    assert done.url.path == page
    assert current_world().store.flow_run(run.id).state_name == "AwaitingRetry"
    refused = client.post(f"{page}/retry", headers=HERE)
    assert (refused.status_code, "That can&#39;t be done" in refused.text) == (409, True)


def test_of_another_run_the_page_says_which_command_runs_it_again(client: TestClient) -> None:
    """If it has ended."""
    run = ended()
    assert f"headrace flow-run retry {run.id}" in client.get(f"/runs/flow-run/{run.id}").text
    assert "flow-run retry" not in client.get(f"/runs/flow-run/{begun().id}").text


@flow(flow_run_name="kept")
def kept() -> None:
    double(1)


def test_a_run_is_copied_as_a_test(client: TestClient) -> None:
    """Shown, as JSON, and as a file; what can't be a test says why not."""
    kept()
    page = f"/runs/flow-run/{named('kept')}"
    assert f'href="{page}/as-test"' in client.get(page).text
    text = client.get(f"{page}/as-test?format=json").json()["text"]
    assert "from tests.server.test_pages_of_one_run import kept\n" in text
    file = client.get(f"{page}/test.py")
    assert (file.text, file.headers["content-type"]) == (text, "text/x-python; charset=utf-8")
    assert "simulation.stub(&#39;double&#39;, 2)" in client.get(f"{page}/as-test").text
    going = f"/runs/flow-run/{begun().id}"
    assert "as-test" not in client.get(going).text
    refused = client.get(f"{going}/as-test")
    assert (refused.status_code, "has not ended" in refused.text) == (409, True)


def ended(**given: Any) -> FlowRun:
    """Record a flow run that failed elsewhere."""
    world = current_world()
    now, new_id = world.clock.now(), world.new_id
    run = FlowRun(id=new_id(), name="ended", created=now, flow_name="Elsewhere", flow_id=new_id(), **given)
    types = (StateType.PENDING, StateType.RUNNING, StateType.FAILED)
    world.store.create(run, [run.enter(State(type_), now) for type_ in types])
    return run


def test_a_run_is_deleted_after_it_was_asked_whether_to(client: TestClient, failed: UUID) -> None:
    """The question says what goes with it."""
    assert f'href="/runs/delete?id={failed}"' in client.get(f"/runs/flow-run/{failed}").text
    asked = client.get(f"/runs/delete?id={failed}").text
    assert "3 task runs" in asked
    assert "1 subflow run stays" in asked
    assert "not ended" not in asked
    done = client.post("/runs/delete", data={"kind": "flow", "id": str(failed)}, headers=HERE)
    assert done.url.path == "/runs"
    with pytest.raises(ObjectNotFound):
        current_world().store.flow_run(failed)
    assert client.post("/runs/delete", data={"id": str(failed)}, headers=HERE).status_code == 404
    assert "It has not ended" in client.get(f"/runs/delete?id={begun().id}").text


@pytest.mark.parametrize("kind", ["flow", "task"])
def test_runs_that_were_selected_are_deleted_together(client: TestClient, failed: UUID, kind: RunKind) -> None:
    """And the list is shown again, as it was."""
    store = current_world().store
    ids = [str(run.id) for run in (store.flow_runs() if kind == "flow" else store.task_runs())][:2]
    listed = f"/runs?kind={kind}&sort=oldest"
    assert f'name="id" value="{ids[0]}"' in client.get(listed).text
    asked = client.get("/runs/delete", params={"kind": kind, "id": ids, "back": listed})
    assert f"Delete 2 {kind} runs?" in asked.text
    done = client.post("/runs/delete", data={"kind": kind, "id": ids, "back": listed}, headers=HERE)
    assert (done.url.path, done.url.params.get("sort")) == ("/runs", "oldest")
    assert store.count(kind, RunFilter(ids=frozenset(map(UUID, ids)))) == 0


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/runs@evil.example", "javascript:1"])
def test_a_form_leads_to_a_list_of_runs_and_nowhere_else(client: TestClient, back: str) -> None:
    """Whatever it says."""
    done = client.post("/runs/delete", data={"id": str(begun().id), "back": back}, headers=HERE)
    assert str(done.url) == "http://localhost/runs"


def test_where_nothing_was_selected_the_page_says_so(client: TestClient) -> None:
    """And so it does for what is no id."""
    assert "Nothing was selected" in client.get("/runs/delete?kind=flow").text
    assert client.post("/runs/delete", data={"id": "nonsense"}, headers=HERE).status_code == 400


@pytest.mark.parametrize(
    "action", ["flow-run/{}/cancel", "flow-run/{}/record-cancelled", "flow-run/{}/retry", "delete"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    ],
)
def test_a_form_that_is_not_from_here_does_nothing(client: TestClient, action: str, headers: dict[str, str]) -> None:
    """Nor one that does not say where it is from."""
    run = begun()
    answer = client.post(f"/runs/{action.format(run.id)}", data={"id": str(run.id)}, headers=headers)
    assert answer.status_code == 403
    assert current_world().store.flow_run(run.id).state_type is StateType.RUNNING


# what is true of both ------------------------------------------------------------------------------------------


def test_pages_of_runs_that_go_on_will_be_fetched_again(client: TestClient, failed: UUID) -> None:
    """Those of others will not."""
    assert told(client, begun().id)["live"]
    assert not told(client, failed)["live"]
    part = client.get(f"/runs/flow-run/{begun().id}?format=live").text
    assert 'data-live="yes"' in part
    assert "icon-RUNNING.svg" in part


def test_what_users_named_and_said_is_text_and_nothing_else(client: TestClient) -> None:
    """In names, parameters, logs, messages, and in what leads to a run."""

    @task(task_run_name="t{text}")
    def evil(text: str) -> str:
        get_run_logger().error(text)
        raise ValueError(text)

    @flow(flow_run_name="r{text}")
    def around(text: str) -> None:
        evil(text)

    around(EVIL, return_state=True)
    flow_page, task_page = f"/runs/flow-run/{named(f'r{EVIL}')}", f"/runs/task-run/{named(f't{EVIL}')}"
    tabs = ("log", "task-runs", "parameters", "history", "details")
    for address in (*(f"{flow_page}?tab={tab}" for tab in tabs), task_page, f"/runs/delete?id={named(f'r{EVIL}')}"):
        shown = client.get(address).text
        assert "<script>" not in shown
        assert "&lt;script&gt;" in shown
    assert client.get(f"{flow_page}/log.txt").headers["x-content-type-options"] == "nosniff"
