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


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ("headrace", "*test_it: @pytest.mark.headrace missing 1 required positional argument: 'seed'*"),
        ("headrace(sed=1)", "*test_it: @pytest.mark.headrace got an unexpected keyword argument 'sed'*"),
        ("headrace(seed='1')", "*test_it: @pytest.mark.headrace: seed is a whole number, not '1'.*"),
        ("simulate(begin=1)", "*unexpected keyword argument 'begin'*"),
        ("explore(schedules=0)", "*test_it: @pytest.mark.explore tries at least one schedule, not 0*"),
        ("headrace_store('postgres')", '*@pytest.mark.headrace_store takes "memory" or "sqlite", not \'postgres\'*'),
    ],
)
def test_a_wrong_marker_fails_like_a_wrong_call(project: pytest.Pytester, mark: str, message: str) -> None:
    """Its arguments are bound to a signature, before any test runs."""
    project.makepyfile(f"import pytest\n@pytest.mark.{mark}\ndef test_it(): pass")
    result = project.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
