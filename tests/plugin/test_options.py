"""Options and markers do what they say, and refuse what makes no sense."""

from __future__ import annotations

import pytest

SEEDED = """
    import pytest
    from pipelines import greet

    {mark}
    def test_seed(runs):
        greet()
        from headrace.drive.world import current_world
        print("seed is", current_world().seed, "name is", runs.flow().name)
"""


def seed_and_name(project: pytest.Pytester, *args: str, mark: str = "") -> tuple[str, str]:
    """Run a test that prints the seed of its world and the name of a run."""
    project.makepyfile(SEEDED.format(mark=mark))
    result = project.runpytest_inprocess("-s", *args)
    result.assert_outcomes(passed=1)
    line = next(line for line in result.stdout.lines if "seed is" in line)
    words = line.removesuffix(".").split()
    return words[words.index("is") + 1], words[-1]


def test_the_options_have_a_group_of_their_own(project: pytest.Pytester) -> None:
    """`pytest --help` shows them together, with the ini keys and the fixtures' help beside."""
    result = project.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["headrace:", "*--headrace-seed=SEED*", "*headrace_seed (string):*"])


def test_fixtures_and_markers_are_documented(project: pytest.Pytester) -> None:
    """`pytest --fixtures` and `--markers` say what each is for."""
    result = project.runpytest_inprocess("--fixtures")
    result.stdout.fnmatch_lines_random(["run_store*", "runs*", "fake_clock*"])
    result.stdout.no_fnmatch_line("*no docstring available*pytest_headrace*")
    project.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.headrace(seed):*"])


def test_tests_are_alike_from_one_run_to_the_next(project: pytest.Pytester) -> None:
    """Without any option names repeat, so that they may be written into assertions."""
    first, second = seed_and_name(project), seed_and_name(project)
    assert first == second
    assert first[0] == "0"


def test_a_seed_may_be_given(project: pytest.Pytester) -> None:
    """On the command line, or in the ini file; the command line wins."""
    assert seed_and_name(project, "--headrace-seed=5")[0] == "5"
    assert seed_and_name(project, "-o", "headrace_seed=6")[0] == "6"
    assert seed_and_name(project, "-o", "headrace_seed=6", "--headrace-seed=5")[0] == "5"
    assert seed_and_name(project, "--headrace-seed=5")[1] != seed_and_name(project)[1]


def test_a_seed_may_be_drawn(project: pytest.Pytester) -> None:
    """'random' gives each test another one, which its report shows when it fails."""
    assert seed_and_name(project, "--headrace-seed=random")[0] != seed_and_name(project, "--headrace-seed=random")[0]


def test_a_marker_gives_one_test_its_seed(project: pytest.Pytester) -> None:
    """It wins over the option."""
    assert seed_and_name(project, "--headrace-seed=5", mark="@pytest.mark.headrace(seed=8)")[0] == "8"
    assert seed_and_name(project, mark="@pytest.mark.headrace(9)")[0] == "9"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--headrace-seed=many"], "*--headrace-seed can't be 'many': write a whole number, or 'random'.*"),
        (["-o", "headrace_seed="], "*headrace_seed can't be '': write a whole number, or 'random'.*"),
    ],
)
def test_a_seed_that_is_none_is_refused(project: pytest.Pytester, args: list[str], message: str) -> None:
    """Before any test runs, saying where it was written."""
    result = project.runpytest_inprocess(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


#: What can't be, and what is said of it.
_WRONG = [
    ("headrace", "*test_it: @pytest.mark.headrace missing 1 required positional argument: 'seed'*"),
    ("headrace(sed=1)", "*test_it: @pytest.mark.headrace got an unexpected keyword argument 'sed'*"),
    ("headrace(seed='1')", "*test_it: @pytest.mark.headrace: seed is a whole number, not '1'.*"),
    ("simulate(begin=1)", "*unexpected keyword argument 'begin'*"),
    ("explore(schedules=0)", "*test_it: @pytest.mark.explore tries at least one schedule, not 0*"),
    ("explore(schedule=5)", "*test_it: @pytest.mark.explore got an unexpected keyword argument 'schedule'.*"),
    ("simulate(start='soon')", "*test_it: @pytest.mark.simulate: A simulation can't start at 'soon': write ISO*"),
    ("simulate(5)", "*test_it: @pytest.mark.simulate: A simulation starts at a datetime or *, not at 5.*"),
    ("simulate(schedule='x')", "*test_it: @pytest.mark.simulate: A schedule can't be 'x': write None*"),
    ("every_runner(store='paper')", "*test_it: @pytest.mark.every_runner: *'paper'*"),
    (
        "explore(stall_seconds=-1)",
        "*test_it: @pytest.mark.explore: stall_seconds of a simulation is a number above 0, not -1.*",
    ),
    ("headrace_store('postgres')", '*@pytest.mark.headrace_store takes "memory" or "sqlite", not \'postgres\'*'),
]


def test_wrong_markers_fail_like_wrong_calls(project: pytest.Pytester) -> None:
    """Their arguments are bound to a signature while tests are collected, and no test of the file runs."""
    project.makepyfile(
        **{
            f"test_{n}": f"import pytest\n@pytest.mark.{mark}\ndef test_it(): pass"
            for n, (mark, _) in enumerate(_WRONG)
        }
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=len(_WRONG))
    for n, (_, message) in enumerate(_WRONG):
        result.stdout.fnmatch_lines([f"*ERROR collecting test_{n}.py*", message])


def test_wrong_markers_are_told_by_xdist_too(project: pytest.Pytester) -> None:
    """Where workers collect; in classes and in test cases of unittest, too."""
    project.makepyfile(
        test_functions="""
        import pytest

        @pytest.mark.simulate(sed=1)
        def test_one(): pass

        @pytest.mark.explore(0)
        def test_two(): pass
        """,
        test_cases="""
        import pytest, unittest

        class Case(unittest.TestCase):
            @pytest.mark.headrace
            def test_three(self): pass

        class TestIt:
            @pytest.mark.simulate(seed="x")
            def test_four(self): pass
        """,
    )
    result = project.runpytest("-p", "xdist", "-n", "2")
    result.stdout.fnmatch_lines_random(
        [
            "*::test_one: @pytest.mark.simulate got an unexpected keyword argument 'sed'.*",
            "*::test_two: @pytest.mark.explore tries at least one schedule, not 0.",
            "*TestIt::test_four: @pytest.mark.simulate: seed is a whole number, not 'x'.",
            "*Case::test_three: @pytest.mark.headrace missing 1 required positional argument: 'seed'.",
        ]
    )
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.assert_outcomes(errors=3)


def test_a_wrong_marker_that_a_conftest_adds_is_refused(project: pytest.Pytester) -> None:
    """Such are added when all has been collected."""
    project.makeconftest(
        """
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.simulate(sed=1))
        """
    )
    project.makepyfile("def test_it(): pass")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *test_it: @pytest.mark.simulate got an unexpected keyword argument 'sed'.*"])
