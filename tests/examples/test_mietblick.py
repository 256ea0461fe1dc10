"""The guide's example is true: its excerpts are in these files, and its partner works from end to end.

That Mietblick fulfils the contract of a partner is tested by ``tests/systems/partners``, where it is one of the cases.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from mietblick.operators import MietblickExtractOperator
from mietblick_case import MietblickCase
from mietblick_system import Mietblick

from include.sandbox import Sandbox
from include.sandbox.common import now
from letting_sync.customers import systems
from letting_sync.customers.loader import read_customer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
GUIDE = ROOT / "docs" / "adding-a-system.md"
EXCERPT = re.compile(r"<!-- (tests/examples/\S+): (\w+) -->\n```\w+\n(.*?)```", re.DOTALL)


def excerpt(path: Path, name: str) -> str:
    """What is in a file between ``# guide: NAME`` and ``# guide: end``."""
    _, found, rest = path.read_text().partition(f"# guide: {name}\n")
    assert found, f"{path.name} has no part {name!r}"
    return textwrap.dedent(rest.partition("# guide: end")[0]).strip("\n") + "\n"


def test_the_guide_shows_what_is_in_the_files() -> None:
    shown = EXCERPT.findall(GUIDE.read_text())

    assert {(path, name) for path, name, _ in shown} >= {
        (f"tests/examples/mietblick/{file}.py", name)
        for file, name in [
            ("hook", "hook"),
            ("hook", "reading"),
            ("mapping", "mapping"),
            ("operators", "operator"),
        ]
    }
    for path, name, text in shown:
        assert text == excerpt(ROOT / path, name), f"{path}, part {name!r}: copy it into the guide anew"


@pytest.fixture
def in_the_plugins_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The example's package in Airflow's plugins folder."""
    (tmp_path / "mietblick").symlink_to(HERE / "mietblick")
    monkeypatch.setenv("AIRFLOW__CORE__PLUGINS_FOLDER", str(tmp_path))
    systems._packages.cache_clear()
    yield
    systems._packages.cache_clear()


def test_a_customers_file_names_the_package(in_the_plugins_folder: None) -> None:
    pair = read_customer(HERE / "pairs" / "mietblick-sued.yaml")

    assert pair.partner.system.extract is MietblickExtractOperator
    assert (pair.dag_id, pair.partner.separator, pair.acceptance.accept) == (
        "mietblick-sued",
        "|",
        "approval",
    )


def test_a_partners_own_code_is_about_130_lines() -> None:
    """Statements' lines, without documentation; if a partner needs more, the shared part is too weak."""

    def code_lines(path: Path) -> int:
        tree = ast.parse(path.read_text())
        described = {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        lines = enumerate(path.read_text().splitlines(), start=1)
        return sum(
            bool(text.strip()) and not text.strip().startswith("#") and n not in described
            for n, text in lines
        )

    assert sum(map(code_lines, (HERE / "mietblick").glob("*.py"))) <= 136


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[MietblickCase, Sandbox]]:
    """An empty Mietblick, and the sandbox's ERPs with their units."""
    mietblick = MietblickCase(Mietblick())
    mietblick.system.start()
    with Sandbox(populate=False) as box:
        box.yuneo.options.work_order_seconds = 0
        box.yuneo.options.exchanges = ("Mietblick",)
        monkeypatch.setenv("AIRFLOW_CONN_MIETBLICK", mietblick.connection())
        monkeypatch.setenv("AIRFLOW_CONN_YUNEO", json.dumps(box.yuneo.connection()))
        monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(HERE / "dags"))
        yield mietblick, box
    mietblick.system.stop()


def test_from_mietblick_to_a_lease_in_yuneo(
    world: tuple[MietblickCase, Sandbox], airflow_db: None, own_ledger: Path
) -> None:
    mietblick, box = world
    yesterday = now() - timedelta(days=1)
    first, second, contested = list(box.yuneo.units)[:3]
    tenants = {
        mietblick.add(
            yesterday, unit=unit, person={"first": "Anna", "last": name, "born": "1990-05-01", "mail": mail}
        )
        for unit, name, mail in [
            (first, "Groß", "anna@gross.example"),
            (second, "Klein", "anna@klein.example"),
            (contested, "Lang", "anna@lang.example"),
            (contested, "Kurz", "anna@kurz.example"),
        ]
    }
    mietblick.add(yesterday, unit=first, stage="applied")
    mietblick.add(yesterday, unit="1/2/3")

    bag = DagBag(HERE / "dags")
    run = bag.dags["mietblick_yuneo"].test()

    assert bag.import_errors == {}
    assert run.state == "success"
    assert {offer.external_id for offer in box.yuneo.offers} == tenants
    assert {lease.unit for lease in box.yuneo.leases} == {first, second}
    people = {(one.person.first_name, one.person.last_name) for one in box.yuneo.business_partners}
    assert people == {("Anna", name) for name in ("Groß", "Klein", "Lang", "Kurz")}
