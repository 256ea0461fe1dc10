"""Whoever follows a link in the documents arrives, and what they list is all there is."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from letting_sync.pipeline.pair import Pair

ROOT = Path(__file__).resolve().parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
DECISIONS = ROOT / "docs" / "decisions"


def _documents() -> list[Path]:
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in told.stdout.splitlines() if (ROOT / name).exists()]


def _prose(document: Path) -> str:
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)


def _anchors(document: Path) -> set[str]:
    """The anchors of its headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ +(.+?) *$", _prose(document), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _leads_nowhere(document: Path, target: str) -> bool:
    place, _, anchor = target.partition("#")
    goal = (document.parent / place).resolve() if place else document
    if not goal.exists():
        return True
    return bool(anchor) and goal.suffix == ".md" and anchor not in _anchors(goal)


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    prose = _prose(document)
    targets = re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r"^\[[^\]]+\]: (\S+)$", prose, flags=re.M)
    near = [target for target in targets if not re.match(r"[a-z]+:", target)]

    assert [target for target in near if _leads_nowhere(document, target)] == []


def test_every_decision_is_in_the_index_and_has_the_four_paragraphs() -> None:
    index = (DECISIONS / "README.md").read_text()
    pages = [page for page in sorted(DECISIONS.glob("*.md")) if page.name != "README.md"]

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        parts = ("**Context.**", "**Decision.**", "**Consequences.**", "**Instead of.**")
        assert f"({page.name})" in index, page.name
        assert [part for part in parts if part not in page.read_text()] == [], page.name


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_issue_forms_can_be_read(form: Path) -> None:
    content = YAML(typ="safe", pure=True).load(form)

    assert content.get("body") or "blank_issues_enabled" in content
    ids = [field["id"] for field in content.get("body", ()) if "id" in field]
    assert len(ids) == len(set(ids))


def test_every_setting_of_a_pair_is_described() -> None:
    described = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "settings.md").read_text()))

    assert set(Pair.model_fields) <= described


@pytest.mark.parametrize(
    "name", ["CONTRIBUTING.md", "docs/architecture.md", "docs/console.md", "docs/operations.md"]
)
def test_a_file_that_the_documents_name_is_there(name: str) -> None:
    there = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    named = re.findall(r"`([\w*/.-]*\w[\w*-]*\.(?:py|js|toml|yaml))`", (ROOT / name).read_text())

    assert named
    gone = [path for path in named if not any(fnmatchcase(f"/{file}", f"*/{path}") for file in there)]
    assert gone == []


def test_the_drawing_of_the_layers_shows_each_folder_of_the_product() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawing = re.split(r"^```.*$", page.partition("## Layers")[2], flags=re.M)[1]
    _, _, product = drawing.partition("plugins/letting_sync/\n")
    drawn = re.findall(r"(?<!\S)(\w+)/(?!\S)", product.partition("\n\n")[0])
    package = ROOT / "plugins" / "letting_sync"

    assert sorted(drawn) == sorted(path.parent.name for path in package.glob("*/__init__.py"))


def test_each_picture_is_shown_somewhere() -> None:
    shown = {name for page in _documents() for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}

    assert {path.name for path in (ROOT / "docs" / "images").glob("*.png")} == shown
