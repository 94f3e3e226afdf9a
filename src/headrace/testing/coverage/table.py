"""The table at the end of a session: what no test reaches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.testing.coverage.findings import Finding, Findings, percent

_TITLES = ("where", "flow or task", "covered", "percent", "no test reaches")


def table(findings: Findings) -> list[str]:
    """Return the lines of the table, the total last; a line that says so where there is nothing to cover."""
    found = list(findings)
    if not found:
        return ["No flow or task of this project was imported."]
    rows = [_TITLES, *(row for finding in found for row in _rows(finding))]
    totals = _shares(findings.covered, findings.possible)
    rows.append(("total", _counted(found), *totals, ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [_line(row, widths) for row in rows]
    return [lines[0], "─" * max(map(len, lines)), *lines[1:-1], "─" * max(map(len, lines)), lines[-1]]


def _rows(finding: Finding) -> Iterator[tuple[str, ...]]:
    subject = finding.subject
    first, *more = finding.said() if finding.missing else [""]
    where, what = f"{subject.file}:{subject.line}", f"{subject.kind} {subject.qualname}"
    yield where, what, *_shares(finding.covered, finding.possible), first
    for said in more:
        yield "", "", "", "", said


def _shares(covered: int, possible: int) -> tuple[str, str]:
    return f"{covered}/{possible}", f"{percent(covered, possible):g}%"


def _counted(found: Sequence[Finding]) -> str:
    flows = sum(finding.subject.kind == "flow" for finding in found)
    tasks = len(found) - flows
    return f"{flows} flow{'s' * (flows != 1)}, {tasks} task{'s' * (tasks != 1)}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    where, what, covered, share, missing = row
    left = f"{where:{widths[0]}}  {what:{widths[1]}}"
    return f"{left}  {covered:>{widths[2]}}  {share:>{widths[3]}}  {missing}".rstrip()
