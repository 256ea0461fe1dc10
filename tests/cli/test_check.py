"""``letting-sync check``: each single difference of a system from its contract is named, and nothing else happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine

from include.sandbox import Sandbox
from include.sandbox.immomio import Immomio
from letting_sync.cli.main import main
from tests.conftest import ROOT

SERVE = (
    "import sys; from include.sandbox.immomio import Immomio; immomio = Immomio(); immomio.start(); "
    "print(immomio.port, flush=True); sys.stdin.read(); immomio.stop()"
)
WORDS = "status words, 30 days"
PERSONAL = ("Ottokar", "Großmann", "1990-05-01", "ottokar@person.example")
Check = Callable[..., dict[tuple[str, str], dict[str, str]]]


@pytest.fixture(scope="module")
def _box() -> Iterator[Sandbox]:
    with Sandbox(populate=False) as box:
        yield box


@pytest.fixture
def box(_box: Sandbox, monkeypatch: pytest.MonkeyPatch, own_ledger: Path) -> Sandbox:
    """The four systems as their contracts say, with two prospects each at the partners, and Airflow's connections."""
    for system in _box.systems:
        system.clear()
        system.options = type(system.options)()
        monkeypatch.setenv(f"AIRFLOW_CONN_{system.name.upper()}", json.dumps(system.connection()))
    for unit in ("1.2.3.4", "1.2.3.5"):
        apply(_box, unit)
        sign(_box, unit.replace(".", "-"))
    return _box


def apply(box: Sandbox, unit: str, status: str = "ACCEPTED_AS_TENANT", **tenant: Any) -> None:
    known = {
        "firstname": "Ottokar",
        "lastname": "Großmann",
        "dateOfBirth": "1990-05-01",
        "email": PERSONAL[3],
    }
    box.immomio.add(
        {"status": status, "property": {"id": "p", "externalId": unit}, "mainTenant": known | tenant}
    )


def sign(box: Sandbox, unit: str, status: str = "SIGNED") -> None:
    data = {"dateOfBirth": "1990-05-01", "address": None}
    candidate = box.everreal.add_candidate(
        {
            "firstName": "Ottokar",
            "lastName": "Großmann",
            "email": PERSONAL[3],
            "applications": [{"isMainCandidate": True, "applicationData": data}],
            "listing": {"id": "l", "unit": {"id": "u", "objectId": unit}},
        }
    )
    box.everreal.add_contract({"candidate": candidate, "status": status})


@pytest.fixture
def check(caplog: pytest.LogCaptureFixture) -> Check:
    """Check a pair: (system, what) -> row; the exit code must be what the rows say, and nothing personal is shown."""

    def check(pair: str) -> dict[tuple[str, str], dict[str, str]]:
        out, table = StringIO(), StringIO()
        code = main(["check", pair, "--json"], out)
        assert main(["check", pair], table) == code
        assert not [word for word in PERSONAL if word in out.getvalue() + table.getvalue() + caplog.text]
        rows = {(row["system"], row["what"]): row for row in json.loads(out.getvalue())["rows"]}
        assert code == bool(differing(rows) or not_logged_in(rows))
        return rows

    return check


def differing(rows: dict[tuple[str, str], dict[str, str]]) -> list[tuple[str, str]]:
    return [key for key, row in rows.items() if row["verdict"] == "differs from the contract"]


def not_logged_in(rows: dict[tuple[str, str], dict[str, str]]) -> list[tuple[str, str]]:
    return [key for key, row in rows.items() if key[1] == "log-in" and row["verdict"] != "ok"]


@pytest.mark.parametrize("pair", ["immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma"])
def test_systems_that_keep_their_contracts_differ_in_nothing(
    box: Sandbox, check: Check, pair: str, own_ledger: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing is written: neither in a system nor here."""
    rows = check(pair)

    assert differing(rows) == []
    assert not_logged_in(rows) == []
    assert not any(own_ledger.iterdir())
    assert "Variable" not in caplog.text, "a refresh token would be stored there"
    written = {"PUT", "PATCH", "DELETE"}
    for erp in (box.yuneo, box.sigma):
        posted = {entry.path for entry in erp.requests if entry.method == "POST"}
        assert not written & {entry.method for entry in erp.requests}
        assert all("token" in path or "such" in path or "search" in path for path in posted)


@pytest.mark.parametrize("introspection", [True, False])
def test_everreals_types_are_compared_where_they_are_shown(
    box: Sandbox, check: Check, introspection: bool
) -> None:
    box.everreal.options.introspection = introspection

    rows = check("everreal_yuneo")

    verdict = "ok" if introspection else "unknown"
    assert rows["EverReal", "published types"]["verdict"] == verdict
    assert rows["EverReal", "records"]["detail"] == "2 read"


@pytest.mark.parametrize(
    ("pair", "differ", "difference", "said"),
    [
        (
            "immomio_yuneo",
            lambda box: apply(box, "1.2.3.6", status="MIETER"),
            ("Immomio", WORDS),
            "not known: other",
        ),
        (
            "everreal_yuneo",
            lambda box: sign(box, "1-2-3-6", status="UNTERSCHRIEBEN"),
            ("EverReal", WORDS),
            "not known: UNTERSCHRIEBEN",
        ),
        (
            "immomio_yuneo",
            lambda box: apply(box, "1.2.3"),
            ("Immomio", "unit numbers"),
            "unit_not_four_parts 1",
        ),
        (
            "everreal_yuneo",
            lambda box: sign(box, "1-2-3"),
            ("EverReal", "unit numbers"),
            "unit_not_four_parts 1",
        ),
        (
            "immomio_sigma",
            lambda box: setattr(box.sigma.options, "exchanges", ["Another"]),
            ("Wodis Sigma", "exchange"),
            "correct the pair's setting 'exchange'",
        ),
        (
            "everreal_yuneo",
            lambda box: setattr(box.everreal.options, "per_minute", 60),
            ("EverReal", "limit of requests"),
            "60 in the system's response, 300 a minute in the contract",
        ),
    ],
    ids=[
        "immomio's word",
        "everreal's word",
        "immomio's unit",
        "everreal's unit",
        "exchange",
        "limit",
    ],
)
def test_a_single_difference_is_named_with_its_place(
    box: Sandbox,
    check: Check,
    pair: str,
    differ: Callable[[Sandbox], None],
    difference: tuple[str, str],
    said: str,
) -> None:
    differ(box)

    rows = check(pair)

    assert differing(rows) == [difference]
    assert said in rows[difference]["detail"]
    file, _, heading = rows[difference]["place"].partition("#")
    headings = [line.lstrip("# ") for line in (ROOT / file).read_text().splitlines() if line.startswith("#")]
    assert heading in {line.lower().replace(" ", "-") for line in headings}


def test_required_fields_that_are_empty_in_all_records_are_a_difference(box: Sandbox, check: Check) -> None:
    box.immomio.clear()
    for unit in ("1.2.3.4", "1.2.3.5"):
        apply(box, unit, email=None)

    rows = check("immomio_yuneo")

    assert differing(rows) == [("Immomio", "required fields")]
    assert rows["Immomio", "required fields"]["detail"] == "empty: mainTenant.email 2"


def test_fields_that_nobody_announced_are_listed(box: Sandbox, check: Check) -> None:
    for unit in ("1.2.3.6", "1.2.3.7"):
        apply(box, unit, bankAccount="DE00")

    assert "mainTenant.bankAccount" in check("immomio_yuneo")["Immomio", "fields left out"]["detail"]


def test_offers_with_numbers_of_three_parts_are_a_difference(box: Sandbox, check: Check) -> None:
    person = box.sigma.add_business_partner(first_name="Ottokar", last_name="Großmann")
    (first, *_) = box.immomio.applications
    box.sigma.add_offer(first["id"], "1/2/3", person.number)

    rows = check("immomio_sigma")

    assert differing(rows) == [("Wodis Sigma", "unit numbers of offers")]


def test_another_clock_is_a_difference(box: Sandbox, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """The partner runs in a process of its own, where the clock stays right."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    immomio = Immomio()
    immomio.port = int(process.stdout.readline())
    monkeypatch.setenv("AIRFLOW_CONN_IMMOMIO", json.dumps(immomio.connection()))
    try:
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=400)):
            rows = check("immomio_yuneo")
    finally:
        process.communicate(timeout=10)

    assert ("Immomio", "clock") in differing(rows)
    assert "s ahead of the server's" in rows["Immomio", "clock"]["detail"]


@pytest.mark.parametrize(
    ("wrong", "verdict", "said"),
    [
        ({"password": "hunter2"}, "differs from the contract", "login and password"),
        ({"host": "http://127.0.0.1:9"}, "unknown", "is not available through connection"),
        ({"host": "http://erp.example.org"}, "differs from the contract", "without TLS"),
    ],
    ids=["refused", "down", "without TLS"],
)
@pytest.mark.parametrize("name", ["immomio", "everreal", "yuneo", "sigma"])
def test_without_a_log_in_the_other_system_is_looked_at_all_the_same(
    box: Sandbox,
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    wrong: dict[str, str],
    verdict: str,
    said: str,
) -> None:
    system = getattr(box, name)
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(system.connection() | wrong))

    rows = check("everreal_sigma" if name in ("everreal", "sigma") else "immomio_yuneo")

    (failed,) = not_logged_in(rows)
    assert rows[failed]["verdict"] == verdict
    assert said in rows[failed]["detail"]
    assert "hunter2" not in str(rows)
    assert [key for key in rows if key[0] == failed[0]] == [failed]
    assert len(rows) > 5


def test_a_connection_that_is_missing_is_said(
    box: Sandbox, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_YUNEO")

    rows = check("immomio_yuneo")

    assert "Connection 'yuneo' does not exist" in rows["Wodis Yuneo", "log-in"]["detail"]


def test_an_unknown_pair_is_a_usage_error_that_lists_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["check", "nowhere"])

    assert "everreal_sigma, everreal_yuneo, immomio_sigma, immomio_yuneo" in capsys.readouterr().err


def test_a_customer_is_found_by_its_file(
    box: Sandbox, check: Check, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs"
    pairs.mkdir()
    (pairs / "nord.yaml").write_text(
        "partner: immomio\npartner_conn_id: immomio\nerp: yuneo\nerp_conn_id: yuneo\nexchange: Immomio\n"
        "start_date: 2026-11-01\n"
    )
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(pairs))

    assert ("Wodis Yuneo", "exchange") in check("nord")


@pytest.mark.parametrize(
    "name", ["../secrets", "{folder}/secrets", "x/../../secrets", "x" * 5000, "a\0b", "a\nb", ".."]
)
def test_a_pair_is_looked_for_in_the_folder_of_the_pairs_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Who may start ``pair_check`` must not read other files of the worker."""
    (tmp_path / "secrets.yaml").write_text("owner: [hunter2]\nclients: hunter2\ndatabase_of_wages: x\n")
    (tmp_path / "pairs" / "x").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path / "pairs"))

    with pytest.raises(SystemExit, match="2"):
        main(["check", name.format(folder=tmp_path)])

    said = capsys.readouterr().err
    assert "there is no pair" in said
    assert "known are everreal_sigma" in said
    assert not [word for word in ("hunter2", "wages") if word in said]
    assert len(said) < 1000


# --- as a run of the DAG pair_check ------------------------------------------------------------------------


def run_of(pair: str) -> tuple[str, dict[str, Any]]:
    """A run of the DAG: its state, and what is in its XCom."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    dag = DagBag(ROOT / "dags" / "pair_check.py").dags["pair_check"]
    run = dag.test(run_conf={"pair": pair})
    with create_session() as session:
        found = session.query(XComModel).filter_by(dag_id=run.dag_id, run_id=run.run_id, key="return_value")
        return str(run.state), next((XComModel.deserialize_value(row) for row in found), {})


def test_a_run_of_the_dag_checks_as_the_command_does(
    airflow_db: None, box: Sandbox, check: Check, caplog: pytest.LogCaptureFixture
) -> None:
    state, published = run_of("everreal_sigma")

    assert state == "success"
    assert published["pair"] == "everreal_sigma"
    rows = {(row["system"], row["what"]): row for row in published["rows"]}
    assert "SYSTEM" in caplog.text
    assert not [word for word in PERSONAL if word in str(published) + caplog.text]
    assert rows.keys() == check("everreal_sigma").keys()


def test_a_run_that_finds_a_difference_is_red_and_publishes_the_rows(
    airflow_db: None, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    apply(box, "1.2.3")

    state, published = run_of("immomio_yuneo")

    assert state == "failed"
    assert ("Immomio", "unit numbers") in differing(
        {(row["system"], row["what"]): row for row in published["rows"]}
    )
    assert "1 of " in capsys.readouterr().out


def test_a_run_for_an_unknown_pair_lists_those_there_are(
    airflow_db: None, box: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    state, published = run_of("nowhere")

    assert (state, published) == ("failed", {})
    assert "everreal_sigma, everreal_yuneo, immomio_sigma, immomio_yuneo" in capsys.readouterr().out
