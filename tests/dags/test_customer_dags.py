"""Customers' files in Airflow: right ones are DAGs, wrong ones are said, neither touches the other."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from include.sandbox import Sandbox
from letting_sync.customers import loader
from tests.conftest import ROOT

GOOD = """\
partner: {partner}
erp: {erp}
partner_conn_id: {partner}
erp_conn_id: {erp}
exchange: {exchange}
erp_separator: "{separator}"
start_date: 2026-11-01
poll: PT0.2S
"""
BROKEN = {
    "broken-0": b"",
    "broken-1": b"\x00\xff\xfe\x00",
    "broken-2": b"- a\n- b\n",
    "broken-3": b"partner: [immomio\n",
    "broken-4": b"partner: immomio\npartner: everreal\n",
    "broken-5": b"a: &a [b]\nc: [*a, *a]\n",
    "broken-6": GOOD.format(partner="nobody", erp="yuneo", exchange="X", separator="/").encode(),
    "broken-7": (
        GOOD.format(partner="immomio", erp="yuneo", exchange="X", separator="/") + "retries: x"
    ).encode(),
    "broken-8": (
        GOOD.format(partner="immomio", erp="yuneo", exchange="X", separator="/") + "retires: 3"
    ).encode(),
    "broken-9": "exchange: Börse".encode("latin-1"),
}
RIGHT = [f"customer-{number:02}" for number in range(20)]


def _write(folder: Path, name: str, partner: str = "immomio", erp: str = "yuneo") -> Path:
    path = folder / f"{name}.yaml"
    separator = "/" if erp == "yuneo" else "."
    exchange = {"immomio": "Immomio", "everreal": "EverReal"}[partner]
    path.write_text(GOOD.format(partner=partner, erp=erp, exchange=exchange, separator=separator))
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(pairs))
    return pairs


@pytest.fixture
def thirty(folder: Path) -> Path:
    for number, name in enumerate(RIGHT):
        _write(folder, name, ("immomio", "everreal")[number % 2], ("yuneo", "sigma")[number // 2 % 2])
    for name, raw in BROKEN.items():
        (folder / f"{name}.yaml").write_bytes(raw)
    return folder


def _read(file: str) -> DagBag:
    return DagBag(ROOT / "dags" / file)


def test_without_customers_nothing_is_made_and_nothing_is_wrong() -> None:
    for file in ("customer_pairs.py", "customer_pair_errors.py"):
        bag = _read(file)
        assert (bag.dags, bag.import_errors) == ({}, {})


def test_exactly_the_right_ones_are_dags(thirty: Path) -> None:
    bag = _read("customer_pairs.py")

    assert bag.import_errors == {}
    assert sorted(bag.dags) == RIGHT


def test_garbage_is_collected_again_after_the_files_are_read(thirty: Path) -> None:
    _read("customer_pairs.py")

    assert gc.isenabled()


def test_the_wrong_ones_are_said_until_they_are_fixed(thirty: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the log with file and line; the error that Airflow shows to everybody names no customer."""
    (error,) = _read("customer_pair_errors.py").import_errors.values()
    (told,) = [
        record.getMessage().splitlines()[1:] for record in caplog.records if "files have errors" in record.msg
    ]
    assert f"{len(told)} lines of customer files have errors" in error
    assert [name for name in [*BROKEN, *RIGHT] if name in error] == []
    assert {line.split(".yaml, line ")[0] for line in told} == set(BROKEN)
    assert all(line.split(", line ")[1].split(":")[0].isdigit() for line in told)

    for name in BROKEN:
        _write(thirty, name)

    assert _read("customer_pair_errors.py").import_errors == {}
    assert sorted(_read("customer_pairs.py").dags) == sorted([*RIGHT, *BROKEN])


def test_for_the_start_of_a_task_one_file_is_read(thirty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow says for which DAG; all other files could as well not be there."""
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "customer-07")
    for path in thirty.glob("*.yaml"):
        if path.stem != "customer-07":
            path.unlink()
            path.mkdir()  # a file that cannot be read at all

    assert list(_read("customer_pairs.py").dags) == ["customer-07"]
    assert _read("customer_pair_errors.py").import_errors == {}


def test_a_task_whose_file_has_become_wrong_says_so_in_its_log(
    thirty: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised: whoever stores what was read would hide all other customers (``airflow dags test`` does)."""
    path = thirty / "customer-07.yaml"
    path.write_text(path.read_text() + "accept: always\n")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "customer-07")

    with caplog.at_level(logging.ERROR, logger=loader.__name__):
        bag = _read("customer_pairs.py")

    assert (bag.dags, bag.import_errors) == ({}, {})
    assert "customer-07.yaml, line 9: accept = 'always'" in caplog.text


def test_a_pair_with_a_dag_file_cannot_be_a_customer_too(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _write(folder, "immomio_yuneo")

    assert len(_read("customer_pair_errors.py").import_errors) == 1
    assert "dags/immomio_yuneo.py has the same name" in caplog.text
    assert _read("customer_pairs.py").dags == {}


def test_what_airflow_stores_is_the_same_each_time(thirty: Path) -> None:
    """Each reading is a process of its own; if the order of a set or the time were in it, each would make a new version of each DAG."""
    script = f"""
import json
from airflow.dag_processing.dagbag import DagBag
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.serialized_objects import DagSerialization
dags = DagBag({str(ROOT / "dags")!r}).dags
print(json.dumps({{name: SerializedDagModel.hash(DagSerialization.to_dict(dag)) for name, dag in dags.items()}}))
"""

    def stored(seed: str) -> dict[str, str]:
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        hashes: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return hashes

    first = stored("1")
    assert {*RIGHT, "immomio_yuneo", "prospect_retention"} <= first.keys()
    assert stored("2") == first


def test_airflow_drops_a_customer_that_became_wrong_and_keeps_the_others(
    folder: Path, airflow_db: None
) -> None:
    """As the DAG processor does it: read both files, store what was found, look for what is found no more."""
    from airflow.models.dag import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    for name in ("left", "right"):
        _write(folder, name)
    _store()
    (folder / "left.yaml").write_text("partner: nobody\n")
    _store()

    with create_session() as session:
        errors = session.scalars(select(ParseImportError)).all()
        assert [error.filename for error in errors] == ["customer_pair_errors.py"]
        assert "lines of customer files have errors" in errors[0].stacktrace
        right = session.get(DagModel, "right")
        assert not right.is_stale
        assert not right.has_import_errors
        assert session.get(DagModel, "left").last_parsed_time < right.last_parsed_time, (
            "by this it becomes stale"
        )
    _write(folder, "left")
    _store()

    with create_session() as session:
        assert session.scalars(select(ParseImportError)).all() == []


def _store() -> None:
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    for file in ("customer_pairs.py", "customer_pair_errors.py"):
        bag = BundleDagBag(ROOT / "dags" / file, bundle_path=ROOT / "dags", bundle_name="dags-folder")
        sync_bag_to_db(bag, "dags-folder", None)


def test_a_customer_runs_whole(
    folder: Path, airflow_db: None, own_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file to offers and leases in the ERP."""
    _write(folder, "hausbau-nord", "everreal", "sigma")
    with Sandbox(seed=7) as box:
        box.sigma.options.run_seconds = 0
        for name, connection in box.connections().items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", connection)
        before = len(box.sigma.offers), len(box.sigma.leases)

        run = _read("customer_pairs.py").dags["hausbau-nord"].test()

        assert run.state == "success"
        assert len(box.sigma.offers) > before[0]
        assert len(box.sigma.leases) > before[1]


def test_each_version_of_a_project_reads_its_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a Git bundle, where a run's DAG files are in a folder of its version, wherever the package is."""
    monkeypatch.delenv("AIRFLOW__PROSPECTS__PAIRS", raising=False)
    for version, exchange in (("a", "Immomio"), ("b", "Portal")):
        (tmp_path / version / "dags").mkdir(parents=True)
        (tmp_path / version / "include" / "pairs").mkdir(parents=True)
        shutil.copy(ROOT / "dags" / "customer_pairs.py", tmp_path / version / "dags")
        path = _write(tmp_path / version / "include" / "pairs", "nord")
        path.write_text(path.read_text().replace("exchange: Immomio", f"exchange: {exchange}"))

    bags = [DagBag(tmp_path / version / "dags" / "customer_pairs.py") for version in ("a", "b")]

    loads = [bag.dags["nord"].get_task("load_offers") for bag in bags]
    assert [load.partial_kwargs["erp"].exchange for load in loads] == ["Immomio", "Portal"]
