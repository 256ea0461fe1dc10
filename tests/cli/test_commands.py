"""The command ``letting-sync``: its words, its exit codes, and that its standard output is its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
import sqlalchemy as sa

from include.demo.processes import ROOT
from letting_sync.cli.main import COMMANDS, main
from letting_sync.ledger.migrate import VERSION_TABLE

INSTALLED = Path(sys.executable).with_name("letting-sync")


def letting_sync(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(INSTALLED), *words], capture_output=True, text=True)


@pytest.mark.parametrize("command", [[str(INSTALLED)], [sys.executable, "-m", "letting_sync.cli"]])
def test_the_ledger_is_made_and_standard_output_says_only_that(own_ledger: Path, command: list[str]) -> None:
    """A new ledger logs its migrations."""
    done = subprocess.run([*command, "migrate"], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    with sa.create_engine(f"sqlite:///{own_ledger}/ledger.db").connect() as ledger:
        version = ledger.execute(sa.text(f"select version_num from {VERSION_TABLE}")).scalar_one()
    assert line.endswith(f"ledger.db: {version}")


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_by_its_own_name(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: letting-sync {command} [-h]")


def test_help_lists_all_commands_on_standard_output() -> None:
    done = letting_sync("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in COMMANDS if name.split()[0] not in done.stdout] == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["no-such-command"],
        ["pairs"],
        ["ledger", "lost"],
        ["person", "export"],
        ["person", "burn", "4711"],
        ["person", "export", "4711", "--dry-run"],
        ["retention", "now"],
        ["migrate", "now"],
        ["alerts", "test", "--loud"],
    ],
    ids=" ".join,
)
def test_what_is_not_understood_ends_with_2(words: list[str], own_ledger: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert not (own_ledger / "ledger.db").exists()


def test_files_of_customers_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "nord.yaml"
    wrong.write_text("partner: immomio\nretries: many\n")

    assert main(["pairs", "validate", str(wrong)]) == 1
    assert "nord.yaml, line 2" in capsys.readouterr().err


def test_who_checks_customer_files_reads_which_folder_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path))
    out = StringIO()

    assert main(["pairs", "validate"], out) == 0
    assert out.getvalue() == f"Customer files in {tmp_path}: 0, all valid\n"


def test_who_misspells_a_pair_reads_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__PAIRS", str(tmp_path))

    with pytest.raises(SystemExit):
        main(["check", "hausbau_nrod"])

    assert f"a customer file in {tmp_path}, or a DAG file in " in capsys.readouterr().err


def test_who_misspells_a_setting_reads_which_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where Airflow shows it as an import error, the command has no DAG either."""
    monkeypatch.setenv("AIRFLOW__PROSPECTS__STAGINGG", "s3://prospects")

    with pytest.raises(SystemExit) as ended:
        main(["check", "immomio_yuneo"])

    assert ended.value.code == 2
    assert "stagingg: there is no such setting" in capsys.readouterr().err


def test_who_checks_a_pair_reads_what_is_wrong_in_its_dag_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "dags" / "immomio_yuneo.py").read_text()
    (tmp_path / "immomio_yuneo.py").write_text(text.replace('exchange="Immomio"', 'exchange=""'))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))

    with pytest.raises(SystemExit) as ended:
        main(["check", "immomio_yuneo"])

    assert ended.value.code == 2
    assert "exchange = '': must be a text that is not empty" in capsys.readouterr().err


def test_a_command_speaks_of_no_task(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PROSPECT_LEDGER", '{"conn_type": "postgres", "host": "ledger.example"}')

    assert main(["migrate"]) == 1
    assert capsys.readouterr().err.rstrip().endswith("'hash_key': a long random text. Set it.")


@pytest.mark.parametrize("typed", ["Anna Weber", "[]", '{"name": "Weber"}'])
def test_who_asks_for_a_person_reads_what_to_type(
    typed: str, own_ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO(typed))

    with pytest.raises(SystemExit) as ended:
        main(["person", "find"])

    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "standard input must be a JSON object with email, or with first_name, last_name" in said
    assert "Weber" not in said


def test_an_unknown_person_is_found_nowhere(own_ledger: Path) -> None:
    out = StringIO()

    assert main(["person", "export", "K-0"], out) == 1
    assert json.loads(out.getvalue())["ledger"] == []


def test_the_retention_shows_what_it_deletes_and_deletes_it(own_ledger: Path) -> None:
    """As one types it on a host: standard output is JSON and nothing else; old tables go, those of yesterday stay."""
    old, new = (own_ledger / "staging" / "nord" / run / "extracted.parquet" for run in ("old", "new"))
    for table in (old, new):
        table.parent.mkdir(parents=True)
        table.write_bytes(b"")
    a_year_ago = time.time() - 365 * 86_400
    os.utime(old, (a_year_ago, a_year_ago))

    shown = letting_sync("retention", "--dry-run")
    assert (shown.returncode, old.exists()) == (0, True), shown.stderr
    done = letting_sync("retention")

    assert (done.returncode, old.parent.exists(), new.exists()) == (0, False, True), done.stderr
    would, did = json.loads(shown.stdout), json.loads(done.stdout)
    assert (would.pop("dry_run"), did.pop("dry_run")) == (True, False)
    assert would == did
    assert did["staged_tables"]["folders"] == 1


def test_an_empty_ledger_says_which_windows_to_read(own_ledger: Path) -> None:
    out = StringIO()

    assert main(["ledger", "restored"], out) == 1
    assert "read every window again" in out.getvalue()


def test_that_nobody_is_told_is_a_finding() -> None:
    out = StringIO()

    assert main(["alerts", "test"], out) == 1
    assert out.getvalue().startswith("Alerts are sent to nobody")


def test_trouble_is_a_sentence_and_no_traceback(
    own_ledger: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__KEEP_OPEN_DAYS", "many")

    assert main(["retention", "--dry-run"]) == 1
    assert "must be a whole number of days" in capsys.readouterr().err

    for file in own_ledger.glob("ledger.db*"):
        file.unlink()
    (own_ledger / "ledger.db").write_bytes(b"SQLite format 3\0" + b"damaged" * 100)
    assert main(["migrate"]) == 1
    assert "the ledger cannot be used (DatabaseError)" in capsys.readouterr().err

    (own_ledger / "ledger.db").unlink()
    (own_ledger / "ledger.db").mkdir()
    assert main(["migrate"]) == 1
    assert "ledger.db is a folder" in capsys.readouterr().err
