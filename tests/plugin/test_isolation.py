"""Every test has a store of its own, and nobody reaches the user's."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest

from headrace import flow
from headrace.drive.world import current_world, process_world
from headrace.store.protocol import Store
from headrace.testing import Runs, isolation


@flow
def greet() -> str:
    return "hello"


@pytest.fixture
def users_home(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own home directory of headrace; it must stay as it is: not there."""
    home = pytester.path / "users-home"
    monkeypatch.setenv("HEADRACE_HOME", str(home))
    monkeypatch.setenv("HOME", str(pytester.path / "user"))
    return home


def test_runs_of_one_test_are_not_seen_by_the_next(project: pytest.Pytester) -> None:
    """Each begins with an empty store, whatever order they come in."""
    project.makepyfile(
        """
        import pytest
        from pipelines import greet

        @pytest.mark.parametrize("n", range(3))
        def test_alone(n, run_store):
            assert run_store.count("flow") == 0
            greet()
            assert run_store.count("flow") == 1
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_a_fixture_of_a_test_shares_its_store(project: pytest.Pytester) -> None:
    """Set-up and tear-down belong to the test."""
    project.makepyfile(
        """
        import pytest
        from pipelines import greet

        @pytest.fixture
        def greeted(run_store):
            greet("set-up")
            yield
            greet("tear-down")
            assert run_store.count("flow") == 3

        def test_alone(greeted, run_store):
            greet("test")
            assert run_store.count("flow") == 2
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("scope", ["class", "module", "package", "session"])
def test_a_fixture_that_outlives_a_test_runs_in_the_sessions_store(project: pytest.Pytester, scope: str) -> None:
    """Set up during the first test and torn down during the last, it is in neither's store."""
    project.makepyfile(
        f"""
        import pytest
        from pipelines import greet
        from headrace.drive.world import current_world

        @pytest.fixture(scope={scope!r})
        def shared():
            greet("set-up")
            world = current_world()
            yield
            greet("tear-down")
            assert current_world() is world
            assert world.store.count("flow") == 2

        class TestAlone:
            @pytest.mark.parametrize("n", range(2))
            def test_alone(self, shared, n, run_store):
                assert run_store.count("flow") == 0
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=2)


def test_fixtures_that_share_a_scope_nest(project: pytest.Pytester) -> None:
    """One that asks for another, and fails, leaves each test in its own world."""
    project.makepyfile(
        """
        import pytest
        from pipelines import greet

        @pytest.fixture(scope="session")
        def outer():
            greet("outer")
            yield

        @pytest.fixture(scope="module")
        def inner(outer):
            greet("inner")
            raise LookupError

        def test_errs(inner): pass

        def test_alone(outer, run_store):
            assert run_store.count("flow") == 0
        """
    )
    project.runpytest_inprocess().assert_outcomes(errors=1, passed=1)


def test_a_module_imported_in_the_middle_of_a_test_is_isolated_at_once(
    project: pytest.Pytester, users_home: Path
) -> None:
    """headrace itself may be imported late; nothing of the session has to know before."""
    project.makepyfile(
        """
        def test_late():
            from headrace import flow
            from headrace.drive.world import process_world
            flow(lambda: 1, name="late")()
            assert process_world().store.location == "memory"
            assert process_world().store.count("flow") == 1

        def test_later(run_store):
            assert run_store.count("flow") == 0
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=2)
    assert not users_home.exists()


def test_the_users_store_is_out_of_reach_everywhere(project: pytest.Pytester, users_home: Path) -> None:
    """Conftests, module bodies, session fixtures, bare threads, and children: none of them opens it."""
    project.makeconftest(
        """
        import pytest
        from pipelines import greet
        greet("conftest")

        @pytest.fixture(scope="session", autouse=True)
        def prepared():
            greet("session")
            yield
            greet("session")

        def pytest_sessionfinish():
            greet("end")
        """
    )
    project.makepyfile(
        """
        import subprocess, sys, threading
        from pipelines import greet
        greet("module")

        def test_thread():
            thread = threading.Thread(target=greet)
            thread.start()
            thread.join()

        def test_child():
            subprocess.run([sys.executable, "-c", "import pipelines; pipelines.greet()"], check=True)
        """
    )
    project.makepyprojecttoml("[tool.headrace]\nstore_path = 'users-home/pyproject.db'\n")
    project.runpytest_subprocess("-c", "tox.ini").assert_outcomes(passed=2)
    assert not users_home.exists()
    assert not (project.path / "user").exists()


def test_a_thread_that_outlives_the_session_does_not_reach_the_users_store(
    project: pytest.Pytester, users_home: Path
) -> None:
    """It goes on until the process ends, after everything was put back."""
    project.makepyfile(
        """
        import pathlib, threading
        from pipelines import greet

        def late():
            threading.main_thread().join()
            pathlib.Path("said").write_text(greet())

        def test_it():
            threading.Thread(target=late).start()
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)
    assert (project.path / "said").read_text() == "hello marvin"
    assert not users_home.exists()
    assert not (project.path / "user").exists()


def test_the_users_settings_do_not_steer_tests(project: pytest.Pytester, users_home: Path) -> None:
    """Neither environment, nor profile, nor pyproject.toml: not here, and not in a child."""
    users_home.mkdir()
    (users_home / "profiles.toml").write_text("[profiles.default]\ntasks_default_retries = 7\n")
    project.makepyprojecttoml("[tool.headrace]\nflows_default_retries = 7\nlogging_log_prints = true\n")
    project.makepyfile(
        """
        import subprocess, sys
        from headrace.settings import current_settings

        def test_here():
            settings = current_settings()
            assert settings.tasks_default_retries == 0
            assert settings.flows_default_retries == 0
            assert settings.logging_log_prints is False
            assert settings.logging_level == "INFO"

        def test_child():
            code = "from headrace.settings import current_settings as s; print(s().flows_default_retries)"
            assert subprocess.check_output([sys.executable, "-c", code]).split() == [b"0"]
        """
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADRACE_LOGGING_LEVEL", "ERROR")
        patch.setenv("HEADRACE_PROFILE", "elsewhere")
        project.runpytest_subprocess("-c", "tox.ini").assert_outcomes(passed=2)


def test_a_setting_made_inside_the_tests_counts(project: pytest.Pytester) -> None:
    """What a conftest or a test sets itself is not the user's."""
    project.makeconftest("import os\nos.environ['HEADRACE_TASKS_DEFAULT_RETRIES'] = '3'\n")
    project.makepyfile(
        """
        from headrace.settings import current_settings, refresh_settings

        def test_conftest():
            assert current_settings().tasks_default_retries == 3

        def test_own(monkeypatch):
            monkeypatch.setenv("HEADRACE_TASKS_DEFAULT_RETRIES", "4")
            assert refresh_settings().tasks_default_retries == 4
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_the_users_store_is_opened_when_a_test_says_so(project: pytest.Pytester, users_home: Path) -> None:
    """Naming its file is saying so."""
    project.makepyfile(
        f"""
        from pipelines import greet
        from headrace.drive.world import World, use_world
        from headrace.store.sqlite import SqliteStore

        def test_explicit():
            store = SqliteStore({str(users_home / "headrace.db")!r})
            world = World(store)
            with use_world(world, everywhere=True):
                greet()
            world.close()
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)
    with sqlite3.connect(users_home / "headrace.db") as connection:
        assert connection.execute("select count(*) from flow_run").fetchone() == (1,)
    connection.close()


def test_the_environment_is_put_back(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the session the user's settings are there again, and its home directory is gone."""
    monkeypatch.setenv("HEADRACE_HOME", "/somewhere")
    monkeypatch.setenv("HEADRACE_LOGGING_LEVEL", "ERROR")
    project.makepyfile(
        """
        import os, pathlib
        from pipelines import greet

        def test_home():
            home = os.environ["HEADRACE_HOME"]
            assert pathlib.Path(home).is_dir()
            assert "HEADRACE_LOGGING_LEVEL" not in os.environ
            pathlib.Path("home.txt").write_text(home)
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert os.environ["HEADRACE_HOME"] == "/somewhere"
    assert os.environ["HEADRACE_LOGGING_LEVEL"] == "ERROR"
    assert not Path((project.path / "home.txt").read_text()).exists()


def test_a_session_inside_a_test_leaves_the_test_its_world(
    project: pytest.Pytester, run_store: Store, runs: Runs
) -> None:
    """Plugins test themselves with pytest inside pytest."""
    world = current_world()
    greet()
    project.makepyfile(
        "from pipelines import greet\ndef test_inner(run_store): greet(); assert run_store.count('flow') == 1"
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)
    assert current_world() is process_world() is world
    assert [run.definition_name for run in runs.flows()] == ["greet"]


def test_only_threads_of_the_test_are_waited_for() -> None:
    """What a session fixture has going on in the background must not hold up each test."""
    joined: list[str] = []

    class Watched(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            joined.append(self.name)
            super().join(timeout)

    quit_now = threading.Event()
    elder = Watched(name="headrace-elder", target=quit_now.wait, daemon=True)
    elder.start()
    world = isolation.new_world(seed=0)
    younger = Watched(name="headrace-younger", target=quit_now.wait, args=(0.01,), daemon=True)
    younger.start()
    assert world.store.count("flow") == 0
    isolation.end(world)
    assert joined == ["headrace-younger"]
    quit_now.set()
    elder.join()


def test_nothing_is_left_after_a_test(project: pytest.Pytester) -> None:
    """Threads have ended, event loops and stores are closed; a resource left open would be a warning, so an error."""
    project.makeconftest(
        """
        import gc, threading
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_protocol(item):
            before = set(threading.enumerate())
            result = yield
            gc.collect()
            left = set(threading.enumerate()) - before
            assert [thread.name for thread in left if thread.name != "headrace-watch-time"] == []
            return result
        """
    )
    project.makepyfile(
        """
        import pytest
        from pipelines import greet, ingest, nap, rest
        from headrace import flow

        @flow
        def naps():
            nap.map([0, 0]).wait()

        def test_threads(fake_clock):
            assert ingest() == ["aa"]

        def test_async_tasks():
            naps()

        def test_abandoned_store(run_store):
            greet()
        """
    )
    project.runpytest_subprocess("-p", "no:threadexception").assert_outcomes(passed=3)
