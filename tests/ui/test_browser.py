"""Where there is no browser, tests that need one are skipped; but not where somebody relies on them."""

from __future__ import annotations

import pytest

from .conftest import chromium


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_a_browser_tests_are_skipped_but_fail_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And say what to install."""
    monkeypatch.delenv("HEADRACE_TEST_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="apt-get install chromium"):
        chromium()


def test_another_browser_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path."""
    monkeypatch.setenv("HEADRACE_TEST_CHROMIUM", "/opt/chrome")
    assert chromium() == "/opt/chrome"
