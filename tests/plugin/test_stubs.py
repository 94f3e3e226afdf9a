"""Stubs in tests that have the fixture `simulation`: what they have to say fails the test itself."""

from __future__ import annotations

import pytest


def test_stubs_fail_the_test_and_not_its_tear_down(project: pytest.Pytester) -> None:
    """One that was never called, and one that was called too often where user code swallowed that; async tests too."""
    project.makepyfile(
        """
        import pytest
        from headrace import flow
        from pipelines import fetch, ingest

        @flow
        def swallowing():
            try:
                fetch("a"), fetch("b")
            except Exception:
                pass

        def test_unused(simulation):
            simulation.stub(fetch, 1)

        @pytest.mark.asyncio
        async def test_unused_in_async_code(simulation):
            simulation.stub(fetch, 1)

        def test_exhausted(simulation):
            simulation.stub(fetch, ["a"])
            swallowing()

        @pytest.fixture
        def stubbed(simulation):
            simulation.stub(fetch, 1)

        def test_unused_of_a_fixture(stubbed):
            pass
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(["*AssertionError: The stub of the task 'fetch' was never called. Nothing ran.*"])
    result.stdout.fnmatch_lines(["*StubError: The stub of the task 'fetch' has 1 outcome, and*made call 2*"])


def test_a_test_that_fails_or_is_skipped_hears_nothing_of_its_stubs(project: pytest.Pytester) -> None:
    """Its own error is the one to read; what passes passes."""
    project.makepyfile(
        """
        import pytest
        from pipelines import fetch

        @pytest.fixture
        def stub(simulation):
            return simulation.stub(fetch, 1)

        def test_fails(stub):
            raise KeyError("mine")

        def test_skipped(stub):
            pytest.skip()

        @pytest.mark.xfail(raises=KeyError, strict=True)
        def test_expected(stub):
            raise KeyError("expected")

        def test_passes(stub):
            assert fetch("a") == 1
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1, skipped=1, xfailed=1, passed=1)
    result.stdout.fnmatch_lines(["*KeyError: 'mine'*"])
