"""Whoever follows a link in the documents arrives, and what they list is all there is."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from airflow.sdk.configuration import conf
from ruamel.yaml import YAML

from letting_sync import config
from letting_sync.alerts.settings import REMOVED, alert_settings
from letting_sync.counts import counts_of
from letting_sync.deployment import RULES, check_deployment
from letting_sync.http import hook
from letting_sync.pipeline.pair import Pair
from letting_sync.privacy import retention

ROOT = Path(__file__).resolve().parents[1]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
DECISIONS = ROOT / "docs" / "decisions"


def _documents() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


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


SECTION = "prospects"
READERS: tuple[Callable[[], object], ...] = (
    config.staging_address,
    config.ledger_file,
    config.pairs_folder,
    config.language,
    alert_settings,
    retention.keeping_times,
    check_deployment,
)
"""Everything that reads the section; a module that is not among theirs fails the test below."""


def test_the_table_of_the_deployments_settings_is_what_the_code_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = set()
    original = type(conf).get

    def get(self: object, section: str, key: str, *arguments: object, **options: object) -> object:
        if section == SECTION:
            read.add(key)
        return original(self, section, key, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(type(conf), "get", get)
    for reader in READERS:
        reader()
    page = (ROOT / "docs" / "settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|", page.partition("## Settings of the deployment")[2], flags=re.M)

    assert sorted(rows) == sorted(read - set(REMOVED)) == sorted(RULES)


def test_no_other_module_reads_settings_of_the_deployment() -> None:
    package = ROOT / "plugins" / "letting_sync"
    pattern = re.compile(r"conf\.get\w*\(\s*(?:\"prospects\"|SECTION)")
    reading = {path for path in package.rglob("*.py") if pattern.search(path.read_text())}

    assert reading == {Path(inspect.getfile(inspect.unwrap(reader))) for reader in READERS}  # type: ignore[arg-type]


def test_the_dashboard_asks_for_metrics_that_are_sent(tmp_path: Path) -> None:
    """OpenTelemetry's collector puts ``_total`` at the end of a counter's name, and ``_`` for each point."""
    counts = counts_of(str(tmp_path), "r", 0, [])
    of_a_run = {name for name, value in counts.items() if isinstance(value, int)}
    of_a_system = set(re.findall(r'"prospects\.(\w+)"', inspect.getsource(hook)))
    asked = set(
        re.findall(r"airflow_prospects_(\w+)_total", (ROOT / "docs" / "grafana-prospects.json").read_text())
    )

    assert len(asked) > 5
    assert asked <= of_a_run | of_a_system


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


def _dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [line for line in project["dependencies"] if not line.startswith("apache-airflow>")]


def test_plain_folders_need_the_dependencies_of_the_package() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    listed = re.split(r"^```.*$", page.partition("## Plain folders")[2], flags=re.M)[1]

    assert listed.split() == _dependencies()


def test_the_clerks_page_has_the_texts_of_the_product() -> None:
    """Reasons in German quotation marks, and the first column of the alerts, are what the clerk reads in the product."""
    page = (ROOT / "docs" / "was-tun-wenn.md").read_text()
    german = json.loads((ROOT / "plugins" / "letting_sync" / "locales" / "de.json").read_text())
    rows = re.findall(r"^\| (.+?) \|", page, flags=re.M)
    reasons = {reason for row in rows for reason in re.findall("„(.+?)“", row)}
    alerts = page.partition("eine Meldung kommt")[2].partition("##")[0]
    headlines = {
        line for row in re.findall(r"^\| ([a-zA-Z].+?) \|", alerts, flags=re.M) for line in row.split(", ")
    }

    assert reasons - set(german["reasons"].values()) == set()
    assert headlines - {"Meldung"} <= {kind["headline"] for kind in german["alerts"]["kinds"].values()}


def test_each_page_that_the_product_names_exists() -> None:
    """Messages and docstrings lead to pages; a renamed page would leave them behind."""
    package = ROOT / "plugins" / "letting_sync"
    files = [path for path in package.rglob("*") if path.suffix in (".py", ".json", ".js")]
    named = {name for path in files for name in re.findall(r"docs/[\w/-]+\.md", path.read_text())}

    assert len(named) > 3
    assert {name for name in named if not (ROOT / name).exists()} == set()
