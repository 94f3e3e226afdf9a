"""Links between the pages lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from .reading import DOCS, PAGES, anchors, links

INDEX = DOCS / "index.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    """A reader who follows a link arrives; addresses on the web are not visited."""
    broken = [link for link in links(page) if not link.startswith("http") and not leads_somewhere(page, link)]
    assert broken == []


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors(target))


def test_a_link_to_a_heading_that_is_not_there_would_be_found() -> None:
    """The test above can fail."""
    assert leads_somewhere(INDEX, "states.md#names")
    assert not leads_somewhere(INDEX, "states.md#nothing-of-the-kind")
    assert not leads_somewhere(INDEX, "nothing.md")


def test_every_page_is_linked_from_the_index_or_from_a_page_that_is() -> None:
    """No page is an orphan."""
    reached, to_visit = {INDEX}, [INDEX]
    while to_visit:
        page = to_visit.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in reached:
                reached.add(target)
                to_visit.append(target)
    assert set(DOCS.glob("*.md")) <= reached
