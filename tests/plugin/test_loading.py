"""The plugin costs nothing to those who do not use it."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_a_session_that_does_not_touch_headrace_imports_neither_it_nor_hypothesis(project: pytest.Pytester) -> None:
    """Everybody who has headrace installed loads the plugin in each of their test sessions."""
    project.makepyfile(
        """
        import sys
        import pytest

        @pytest.fixture(scope="session")
        def shared():
            return 1

        def test_something(shared, tmp_path):
            loaded = [name for name in sys.modules if name.split(".")[0] in ("headrace", "hypothesis")]
            assert loaded == []
            assert "pytest_headrace.plugin" in sys.modules
        """
    )
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1)


def test_the_plugins_own_package_imports_no_headrace() -> None:
    """The assertions it offers are imported when they are first used."""
    code = "import sys, pytest_headrace.plugin; print([name for name in sys.modules if name[:8] == 'headrace'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("look", "spared"),
    [
        ("import headrace.testing.isolation", ["runs", "assertions", "simulation"]),
        ("from headrace.testing import Runs", ["history", "patterns", "conditions", "causes", "simulation"]),
    ],
)
def test_who_uses_a_part_of_headrace_testing_does_not_load_the_rest(look: str, spared: list[str]) -> None:
    """The first is what every session needs that uses headrace, the second what most of their tests do."""
    names = [f"headrace.testing.{name}" for name in spared]
    code = f"import sys; {look}; print([name for name in {names} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_every_name_of_headrace_testing_is_found() -> None:
    """Each where it is said to be, and no other; they are listed for completion too."""
    import headrace.testing

    assert all(getattr(headrace.testing, name) is not None for name in headrace.testing.__all__)
    assert set(headrace.testing.__all__) <= set(dir(headrace.testing))
    with pytest.raises(AttributeError, match="has no attribute 'assert_nonsense'"):
        headrace.testing.assert_nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_headrace_testing_needs_no_pytest() -> None:
    """Its assertions are of use in any framework, and in scripts."""
    code = "import sys; from headrace.testing import *; print({'pytest', '_pytest', 'hypothesis'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_assertions_are_the_same_in_both_packages() -> None:
    """`pytest_headrace` gives those of `headrace.testing`, and says so of a name that is none."""
    import headrace.testing
    import pytest_headrace

    for name in pytest_headrace.__all__:
        assert getattr(pytest_headrace, name) is getattr(headrace.testing, name)
    with pytest.raises(AttributeError, match="assert_nothing"):
        _ = pytest_headrace.assert_nothing  # type: ignore[attr-defined]


def test_the_engine_is_imported_as_it_is(project: pytest.Pytester) -> None:
    """pytest would rewrite the assertions of all that is installed with a plugin; the plugin's own it may."""
    project.makepyfile(
        plug="""
        def pytest_load_initial_conftests(early_config):
            import headrace.core.walk
            assert type(headrace.core.walk.__loader__).__name__ == "SourceFileLoader"
        """,
        test_nothing="def test_nothing(): pass",
    )
    project.makepyfile(
        marking="""
        import pytest

        def pytest_addoption(parser, pluginmanager):
            pluginmanager.rewrite_hook.mark_rewrite("headrace", "pytest_headrace")
        """
    )
    project.runpytest_subprocess("-p", "marking", "-p", "plug").assert_outcomes(passed=1)


def test_a_failed_test_without_runs_gets_no_section(project: pytest.Pytester) -> None:
    """What has nothing to do with headrace reports nothing of it."""
    project.makepyfile("def test_plain(): assert False")
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*headrace ---*")


@pytest.mark.parametrize("imported", ["at the top", "inside the test"])
def test_modules_say_the_truth_about_their_loader(project: pytest.Pytester, imported: str) -> None:
    """Being told of an import leaves no trace on the module: reloading it and reading its source work."""
    top, inside = (
        ("import headrace.drive.world", "") if imported == "at the top" else ("", "import headrace.drive.world")
    )
    project.makepyfile(
        f"""
        import importlib, inspect, sys
        {top}

        def test_loader():
            {inside}
            module = sys.modules["headrace.drive.world"]
            assert type(module.__loader__).__name__ == "SourceFileLoader"
            assert module.__spec__.loader is module.__loader__
            assert "class World" in inspect.getsource(module)
        """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "first",
    [
        *("from headrace import flow", "from headrace import task", "from headrace import State"),
        *("import headrace.flows", "import headrace.tasks", "import headrace.testing", "import headrace.futures"),
    ],
)
def test_any_module_may_be_the_first_that_a_test_imports(project: pytest.Pytester, first: str) -> None:
    """The plugin takes part in that import, and must not need what is only half imported by then."""
    project.makepyfile(f"{first}\n\ndef test_nothing(): pass\n")
    project.runpytest_subprocess().assert_outcomes(passed=1)
