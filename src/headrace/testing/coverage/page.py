"""The HTML report: one file that needs nothing else, in the reader's own choice of light or dark."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from headrace.pages.assets import style
from headrace.testing.coverage.arcs import Arc
from headrace.testing.coverage.findings import Finding, Findings

_STYLE = """
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
p { color: var(--soft); margin: 0 0 1.5rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 0 0 .5rem; }
summary { display: grid; grid-template-columns: minmax(0, 1fr) 8rem 4rem 4rem; gap: 1rem; align-items: center;
  padding: .5rem .75rem; cursor: pointer; background: var(--fill); border-radius: 6px; }
summary > :nth-child(n+3) { text-align: right; font-variant-numeric: tabular-nums; }
small { color: var(--soft); font-size: .85em; display: block; overflow-wrap: anywhere; }
meter { width: 100%; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .75rem; border-top: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
td:last-child, th:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.reached { color: var(--good); } .missing { color: var(--bad); }
@media (max-width: 40rem) { summary { grid-template-columns: minmax(0, 1fr) 3.5rem 4rem; } meter { display: none; }
  summary > :nth-child(n+2) { text-align: right; } }
"""


def page(findings: Findings) -> str:
    """Return the report as HTML. What has gaps is opened, what is covered in full is closed."""
    found = list(findings)
    body = "\n".join(_definition(finding) for finding in found) or "<p>No flow or task was imported.</p>"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>State-transition coverage: {findings.percent:g}%</title>
<style>{style("base")}{_STYLE}</style>
</head>
<body>
<h1>State-transition coverage: {findings.percent:g}%</h1>
<p>{findings.covered} of the {findings.possible} transitions that the declared policies of {_counted(len(found))} make
possible were reached by a test.</p>
{body}
</body>
</html>
"""


def _counted(count: int) -> str:
    return "one flow or task" if count == 1 else f"{count} flows and tasks"


def _definition(finding: Finding) -> str:
    subject = finding.subject
    where = escape(f"{subject.file}:{subject.line} · {_runs(finding.runs)}")
    rows = "\n".join(_rows(finding))
    return f"""<details{" open" if finding.missing else ""}>
<summary>
<span>{subject.kind} <code>{escape(subject.qualname)}</code><small>{where}</small></span>
<meter min="0" max="{finding.possible}" value="{finding.covered}" aria-label="covered"></meter>
<span>{finding.covered}/{finding.possible}</span>
<span>{finding.percent:g}%</span>
</summary>
<table>
<tr><th>transition</th><th>reached</th><th>runs</th></tr>
{rows}
</table>
</details>"""


def _runs(runs: int) -> str:
    return {0: "never run", 1: "1 run"}.get(runs, f"{runs} runs")


def _rows(finding: Finding) -> Iterator[str]:
    for arc in finding.arcs:
        yield _row(arc, finding.counts[arc.name])


def _row(arc: Arc, runs: int) -> str:
    kind, said = ("reached", "✓ reached") if runs else ("missing", f"✗ {arc.missing}")
    shown = f"{arc.path}<small>{escape(arc.name)}</small>"
    return f'<tr><td>{shown}</td><td class="{kind}">{escape(said)}</td><td>{runs}</td></tr>'
