"""Everything about one external id is found, and erased: asked is every byte of the staging and the ledger."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pyarrow.parquet
import pytest
import sqlalchemy as sa

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Made, Retraction, Run
from letting_sync.ledger.schema import entries
from letting_sync.model import Outcome, OutcomeKind
from letting_sync.privacy.subject_requests import PersonData, main
from letting_sync.reasons import Reason
from letting_sync.staging import folders
from letting_sync.staging import tables as staging

PAIR = "immomio_yuneo"
ANNA, TWIN, BERT, UNREADABLE = "K-4711", "K-4712", "K-5000", "K-6000"
UNIT = "1/2/3/4"


def person(record: int, external_id: str, first: str, last: str, mail: str) -> dict:
    return {
        "record": record, "external_id": external_id, "unit": UNIT, "first_name": first, "last_name": last,
        "birth_date": None, "email": mail,
    }  # fmt: skip


@pytest.fixture
def staged(own_ledger) -> Path:
    """Two runs with Anna, her second record, Bert, and one record that could not be read."""
    for run in ("r1", "r2"):
        folder = staging.folder_of({"dag_run": SimpleNamespace(dag_id=PAIR, run_id=run)})
        rows = [
            person(0, ANNA, "Anna", "Müller", "anna@example.org"),
            person(1, TWIN, "anna ", "Müller", "ANNA@example.org"),
            person(2, BERT, "Bert", "Kern", "bert@example.org"),
        ]
        staging.write(folder, "extent", pd.DataFrame({"extracted": [4]}))
        staging.write(folder, "extracted", pd.DataFrame(rows))
        staging.write(folder, "prospects", pd.DataFrame(rows))
        staging.write(
            folder, "suspects", pd.DataFrame({"record": [0, 1], "other_record": [2, 2], "score": [0.5, 0.5]})
        )
        staging.write(folder, "withdrawn", pd.DataFrame({"external_id": [ANNA, BERT]}))
        acceptance = {
            name: [ANNA, BERT] if name == "external_id" else ["x", "x"] for name in staging.ACCEPTANCE_COLUMNS
        }
        staging.write(folder, "acceptance", pd.DataFrame(acceptance))
        _outcomes(folder)
    return own_ledger / "staging"


def _outcomes(folder: str) -> None:
    def outcome(record: int, external_id: str | None, kind: OutcomeKind) -> Outcome:
        return Outcome(record=record, external_id=external_id, kind=kind, reason=Reason.REFUSED_BY_ERP)

    raw = json.dumps({"application": {"id": UNREADABLE, "lastName": "Öztürk"}})
    staging.write_outcomes(folder, "extract", [outcome(3, None, OutcomeKind.QUARANTINED)], {3: raw})
    staging.write_outcomes(
        folder,
        "load_offers",
        [outcome(0, ANNA, OutcomeKind.QUARANTINED), outcome(1, TWIN, OutcomeKind.DUPLICATE), outcome(2, BERT, OutcomeKind.CREATED)],
        {0: json.dumps({"external_id": ANNA, "last_name": "Müller"})},
    )  # fmt: skip


def load(external_id: str, pair: str = PAIR, person_hash: str = "anna", **values) -> None:
    ledger = Ledger()
    ledger.claim(Run(pair, "yuneo", "r1"), [Intent(external_id, UNIT, True, "content", person_hash)])
    (entry,) = (e for e in ledger.find(pair, [external_id]).values() if e.unit == UNIT)
    ledger.mark_loaded([Made(entry.id, None, offer_id="9", offer_number=f"A-{external_id}")])
    with ledger.engine.begin() as connection:
        connection.execute(
            sa.update(entries).where(entries.c.id == entry.id).values(**values)
            if values
            else sa.text("select 1")
        )


def cells(staged: Path) -> str:
    """Every value of every table: compressed files cannot be searched as they are."""
    files = sorted(staged.rglob("*.parquet"))
    return "\n".join(
        json.dumps(pyarrow.parquet.read_table(f).to_pylist(), default=str, ensure_ascii=False) for f in files
    )


def ledger_dump() -> str:
    with Ledger().engine.begin() as connection:
        tables = ("prospect_ledger", "prospect_ledger_event", "prospect_ledger_retraction", "prospect_alert")
        return str([connection.exec_driver_sql(f"select * from {table}").all() for table in tables])


# --- export -----------------------------------------------------------------------------------------------


def test_export_gives_all_that_is_held(staged):
    load(ANNA)
    load(ANNA, pair="everreal_yuneo")
    export = PersonData(ANNA).export()

    found = {(row["run"], row["table"]) for row in export["staged"]}
    tables = (
        "acceptance",
        "extracted",
        "outcomes_load_offers",
        "prospects",
        "quarantine_load_offers",
        "suspects",
        "withdrawn",
    )
    assert found == {(run, table) for run in ("r1", "r2") for table in tables}
    assert [entry["pair"] for entry in export["ledger"]] == [PAIR, "everreal_yuneo"]
    assert [event["what"] for event in export["ledger"][0]["history"]] == ["claimed", "offer"]
    assert "Bert" not in json.dumps(export, default=str)


def test_export_finds_a_record_that_nobody_could_read(staged):
    export = PersonData(UNREADABLE).export()
    assert {row["table"] for row in export["staged"]} == {"quarantine_extract"}


def test_export_hints_at_the_same_person_under_other_ids(staged):
    """By name, by e-mail address, and by the ledger's hash when the tables are gone."""
    load(ANNA)
    load("K-9999", pair="everreal_yuneo", person_hash="anna")
    assert PersonData(ANNA).export()["perhaps_the_same_person"] == [
        {"pair": "everreal_yuneo", "external_id": "K-9999"},
        {"pair": PAIR, "external_id": TWIN},
    ]


def test_of_one_pair_only(staged):
    load(ANNA)
    load(ANNA, pair="everreal_yuneo")
    export = PersonData(ANNA, pair="everreal_yuneo").export()
    assert export["staged"] == []
    assert len(export["ledger"]) == 1


def test_an_unknown_id_is_not_held(staged):
    export = PersonData("K").export()
    assert (export["staged"], export["ledger"]) == ([], [])


# --- erase ------------------------------------------------------------------------------------------------


def test_after_erasing_nothing_is_left_and_others_are_as_they_were(staged):
    load(ANNA)
    load(BERT, person_hash="bert")
    response = PersonData(ANNA).erase()

    assert ANNA not in cells(staged) + ledger_dump()
    assert cells(staged).count(BERT) == 2 * 5
    assert TWIN in cells(staged)
    assert response["ledger_rows_deleted"] == 1
    assert response["staged_rows"]["extracted"] == 2
    assert response["still_in_the_erp"]["offers"] == [f"A-{ANNA}"]
    assert response["perhaps_the_same_person"] == [{"pair": PAIR, "external_id": TWIN}]
    assert PersonData(ANNA).erase()["staged_rows"] == {}


def test_erasing_keeps_the_proof_of_the_run(staged):
    """Each record still ended in exactly one way; who it was is gone."""
    PersonData(ANNA).erase()
    outcomes = staging.outcomes(str(folders.path_of(PAIR, "r1")))
    assert sorted(row["record"] for row in outcomes) == [0, 1, 2, 3]


def test_an_unreadable_record_is_erased_by_the_id_in_it(staged):
    PersonData(UNREADABLE).erase()
    assert "Öztürk" not in cells(staged)


def test_of_a_lease_the_numbers_stay_and_the_person_goes(staged):
    load(ANNA, acceptance="leased", lease_number="M-1")
    response = PersonData(ANNA).erase()
    assert (response["ledger_rows_reduced"], response["ledger_rows_deleted"]) == (1, 0)
    assert ANNA not in ledger_dump().replace(f"A-{ANNA}", "")
    (entry,) = PersonData(ANNA).entries()
    assert (entry.lease_number, entry.person_hash, entry.content_hash) == ("M-1", None, "erased")
    assert len(PersonData(ANNA).export()["ledger"]) == 1, (
        "a second request is answered that the lease's row is held"
    )

    load(ANNA, acceptance="leased", lease_number="M-1")
    PersonData(ANNA).erase()
    assert len(PersonData(ANNA).entries()) == 1, (
        "found again in the ERP and erased again: one row for one lease"
    )


@pytest.mark.parametrize(
    "state", [{"state": "sent"}, {"acceptance": "accepting"}, {"acceptance": "awaiting"}]
)
def test_what_something_goes_on_with_is_left_and_said(staged, capsys, state):
    """Without its row the offer could be made twice; the command is to be repeated later."""
    load(ANNA, **state)
    assert main(["erase", ANNA]) == 1
    assert json.loads(capsys.readouterr().out)["ledger_rows_left_as_something_goes_on"] == 1
    assert ANNA in ledger_dump()
    assert ANNA not in cells(staged)


def test_who_has_withdrawn_before_any_offer_is_found_and_erased(own_ledger, capsys):
    """The ledger has no entry of them, only their id and that they are not chosen."""
    said = [Retraction(one, None, Reason.WITHDRAWN, datetime(2026, 3, 1, tzinfo=UTC)) for one in (ANNA, BERT)]
    for pair in (PAIR, "everreal_yuneo"):
        Ledger().mark_retracted(Run(pair, "erp", "r1"), said)

    assert main(["export", ANNA]) == 0
    exported = json.loads(capsys.readouterr().out)["retractions"]
    assert [(one["pair"], one["reason"]) for one in exported] == [
        ("everreal_yuneo", "withdrawn"),
        (PAIR, "withdrawn"),
    ]
    assert main(["erase", ANNA, "--pair", PAIR]) == 0
    assert json.loads(capsys.readouterr().out)["ledger_retractions_deleted"] == 1
    assert main(["erase", ANNA]) == 0
    assert ANNA not in ledger_dump()
    assert BERT in ledger_dump()


def test_a_dry_run_erases_nothing(staged, capsys):
    load(ANNA)
    before = cells(staged) + ledger_dump()
    assert main(["erase", ANNA, "--dry-run"]) == 0
    response = json.loads(capsys.readouterr().out)
    assert (response["dry_run"], response["ledger_rows_deleted"]) == (True, 1)
    assert cells(staged) + ledger_dump() == before


def test_export_by_the_command(staged, capsys):
    assert main(["export", ANNA, "--pair", PAIR]) == 0
    assert len(json.loads(capsys.readouterr().out)["staged"]) == 14


def test_runs_with_similar_names_and_folders_of_earlier_releases_are_erased(staged: Path) -> None:
    """An earlier release staged a run called ``.`` beside the folders of the pair's runs."""
    for run in ("nach:1", "nach+1", "."):
        folder = staging.folder_of({"dag_run": SimpleNamespace(dag_id=PAIR, run_id=run)})
        staging.write(folder, "extracted", pd.DataFrame([person(0, ANNA, "Anna", run, "")]))
    for earlier in (staged / PAIR, staged / PAIR / "nach_1"):
        earlier.mkdir(exist_ok=True)
        staging.write(str(earlier), "extracted", pd.DataFrame([person(0, ANNA, "Anna", "Müller", "")]))

    held = {row["run"] for row in PersonData(ANNA, PAIR).export()["staged"]}
    PersonData(ANNA, PAIR).erase()

    assert held == {"r1", "r2", "nach:1", "nach+1", ".", "nach_1", PAIR}
    assert ANNA not in cells(staged)
    assert PersonData(ANNA, PAIR).export()["staged"] == []


def test_standard_output_is_json_and_nothing_else(staged: Path) -> None:
    """A new ledger logs its migrations. The partner has no connection here, which the exit code says, as it says an unknown id."""
    command = [sys.executable, "-m", "letting_sync.cli", "person", "export"]
    known, unknown = (
        subprocess.run([*command, external_id], capture_output=True, text=True)
        for external_id in (ANNA, "K-0")
    )

    assert (known.returncode, len(json.loads(known.stdout)["staged"])) == (1, 14)
    (partner,) = json.loads(known.stdout)["partners"]
    assert "'immomio' does not exist: create it" in partner["not_asked"]
    assert (unknown.returncode, json.loads(unknown.stdout)["staged"]) == (1, [])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"email": " ANNA@example.org"}, [ANNA, TWIN]),
        ({"first_name": "Bert", "last_name": "kern", "birth_date": "1990-05-01"}, [BERT]),
        ({"email": "nobody@example.org"}, []),
    ],
)
def test_a_person_is_found_by_what_they_say_of_themselves(staged, capsys, monkeypatch, wanted, found) -> None:
    folder = staging.folder_of({"dag_run": SimpleNamespace(dag_id=PAIR, run_id="r3")})
    bert = person(0, BERT, "Bert", "Kern", "") | {"birth_date": date(1990, 5, 1)}
    staging.write(folder, "extracted", pd.DataFrame([bert]))
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(wanted)))

    assert main(["find"]) == (0 if found else 1)
    answer = json.loads(capsys.readouterr().out)
    assert [(row["pair"], row["external_id"]) for row in answer["found"]] == [(PAIR, i) for i in found]


@pytest.mark.parametrize("wanted", ["{}", "[]", "no JSON", '{"last_name": "Kern"}'])
def test_who_is_not_told_enough_finds_nobody(staged, capsys, monkeypatch, wanted) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(wanted))

    with pytest.raises(SystemExit, match="2"):
        main(["find"])
    assert capsys.readouterr().out == ""
