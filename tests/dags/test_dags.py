"""Rules of the DAG files: which there are, their shape, and what reading them may cost."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

ROOT = Path(__file__).resolve().parents[2]
PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
STORY = ("extract", "dedup", "load_offers", "auto_accept", "reconcile")


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(ROOT / "dags")


def test_all_files_can_be_imported(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(PAIRS) <= set(bag.dags)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_tasks_are_in_the_order_of_the_data(bag: DagBag, pair: str) -> None:
    """An operator's argument makes an edge only if it is a template field; forget it and the arrow is gone."""
    edges = {(task.task_id, after) for task in bag.dags[pair].tasks for after in task.downstream_task_ids}

    assert edges == set(pairwise(STORY))


@pytest.mark.parametrize("pair", PAIRS)
def test_a_run_that_has_begun_comes_before_one_that_has_not(bag: DagBag, pair: str) -> None:
    """Of runs due at one minute the first is over in the time of one run: the scheduler takes the greatest weight first."""
    stored = [DagSerialization.from_dict(DagSerialization.to_dict(bag.dags[pair])).get_task(t) for t in STORY]
    # The rule asks an instance for nothing but its task.
    weights = [task.weight_rule.get_weight(cast("Any", SimpleNamespace(task=task))) for task in stored]

    assert weights == sorted(set(weights)), "each task's is greater than that of the task before it"


@pytest.mark.parametrize("pair", PAIRS)
def test_the_person_on_call_finds_whom_and_what(bag: DagBag, pair: str) -> None:
    dag = bag.dags[pair]

    assert dag.doc_md
    assert "When a run fails" in dag.doc_md
    assert [name for name in pair.split("_") if name not in str(dag.description).lower()] == []
    assert {"prospects", *pair.split("_")} <= set(dag.tags)
    assert {task.owner for task in dag.tasks} == {"data-platform"}


def test_a_german_deployment_has_german_dags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LANGUAGE", "de")
    dags = DagBag(ROOT / "dags").dags
    pair, retention = dags["immomio_yuneo"], dags["prospect_retention"]

    assert "Immomio → Wodis Yuneo: überträgt ausgewählte Interessenten" in str(pair.description)
    assert "Wenn ein Lauf fehlschlägt" in str(pair.doc_md)
    assert "Empfänger der Meldungen" in str(pair.doc_md)
    assert "Löschung nach der Aufbewahrungsfrist" in str(retention.doc_md)
    titles = [pair.params.get_param(name).schema["title"] for name in pair.params]
    assert titles == [
        "Zeitraum: Beginn",
        "Zeitraum: Ende",
        "Nur diese externen Kennungen",
        "Probelauf",
        "Annahme in diesem Lauf",
    ]


@pytest.mark.parametrize("pair", [*PAIRS, "prospect_retention"])
def test_no_task_hangs_for_ever(bag: DagBag, pair: str) -> None:
    """A resolver or a library that hangs ends with the try; what is waited for while a task is deferred does not count."""
    deadlines = {task.task_id: task.execution_timeout for task in bag.dags[pair].tasks}

    assert set(deadlines.values()) == {timedelta(hours=2)}


@pytest.mark.parametrize("pair", PAIRS)
def test_a_question_has_the_time_of_its_setting(bag: DagBag, pair: str) -> None:
    """And not the deadline of a try, which Airflow's own operator would take for it if there was no other."""
    asking = bag.dags[pair].get_task("auto_accept").unmap({"chunk": {}})

    assert asking.response_timeout == asking.policy.approval_timeout
    assert asking.execution_timeout == timedelta(hours=2)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_file_holds_settings_only(pair: str) -> None:
    tree = ast.parse((ROOT / "dags" / f"{pair}.py").read_text())
    docstring, *statements = tree.body

    assert [type(one) for one in (docstring, statements[-1])] == [ast.Expr, ast.Assign]
    assert {type(one) for one in statements[:-1]} == {ast.Import, ast.ImportFrom}
    assert _logic(tree) == []
    assert (statements[-1].end_lineno or 0) - (docstring.end_lineno or 0) < 30


@pytest.mark.parametrize(
    "line",
    [
        "if True: pass",
        "for number in range(3): pass",
        "def more(): ...",
        "names = [name for name in ('a', 'b')]",
        "late = 1 if dag else 2",
        "more = lambda: 1",
        "assert dag",
    ],
)
def test_logic_is_found_wherever_it_is(line: str) -> None:
    pair = (ROOT / "dags" / f"{PAIRS[0]}.py").read_text()

    assert _logic(ast.parse(f"{pair}\n{line}\n")) != []


def _logic(tree: ast.Module) -> list[str]:
    """What is neither a name nor a value nor a call nor an import, nor where such are put."""
    settings = (
        ast.Module,
        ast.Import,
        ast.ImportFrom,
        ast.alias,
        ast.Expr,
        ast.Assign,
        ast.Call,
        ast.keyword,
    )
    values = (ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.expr_context)
    return [type(node).__name__ for node in ast.walk(tree) if not isinstance(node, (*settings, *values))]


def _in_a_fresh_process(dags: Path, code: str) -> dict:
    script = f"""
import json, sys
from airflow.dag_processing.dagbag import DagBag
{code}
bag = DagBag({str(dags)!r})
print(json.dumps({{"dags": sorted(bag.dags), "errors": bag.import_errors,
                  "loaded": [name for name in ("pandas", "ruamel.yaml", "letting_sync.http.session") if name in sys.modules], "asked": globals().get("asked", [])}}))
"""
    # Not in the repository: nothing but the installed product and the folder of the DAG files is found.
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=dags, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_reading_the_files_is_cheap_and_asks_nobody() -> None:
    """No pandas, no second YAML library, no HTTP client of ours, no connection, no socket while DAG files are read."""
    code = """
import socket
asked = []
def deny(*args, **_): asked.append(str(args)); raise OSError("no network while a DAG file is read")
socket.socket.connect = deny
from airflow.sdk import BaseHook
BaseHook.get_connection = classmethod(deny)
"""
    result = _in_a_fresh_process(ROOT / "dags", code)

    assert set(PAIRS) <= set(result["dags"])
    assert result["errors"] == {}
    assert result["loaded"] == []
    assert result["asked"] == []


@pytest.mark.parametrize("name", ["ALERT_WEBHOOK_CONN_ID", "ALERT_WEBHOOK_FORMAT"])
def test_a_channel_of_an_earlier_version_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without this error an upgrade would end all alerts, and nobody would notice."""
    monkeypatch.setenv(f"AIRFLOW__PROSPECTS__{name}", "team_chat")

    result = _in_a_fresh_process(ROOT / "dags", "")

    error = next(text for file, text in result["errors"].items() if file.endswith("immomio_yuneo.py"))
    assert f"{name.lower()} = 'team_chat'" in error
    assert "alert_apprise_conn_id" in error


def test_a_wrong_setting_leaves_the_other_pairs_alone(tmp_path: Path) -> None:
    for pair in PAIRS:
        shutil.copy(ROOT / "dags" / f"{pair}.py", tmp_path)
    broken = tmp_path / "immomio_sigma.py"
    text = broken.read_text().replace(
        "import Pair\n", "import Pair\nfrom letting_sync.settings import Timing\n"
    )
    broken.write_text(text.replace("tags=", 'timing=Timing(schedule="*/10 * * * *"), tags='))

    result = _in_a_fresh_process(tmp_path, "")

    assert set(result["dags"]) == set(PAIRS) - {"immomio_sigma"}
    (error,) = result["errors"].values()
    assert "schedule = '*/10 * * * *'" in error
    assert "once an hour" in error


@pytest.mark.parametrize("dag_id", [*PAIRS, "prospect_retention"])
def test_a_run_that_ends_well_makes_nobody_read_the_dag_files_again(bag: DagBag, dag_id: str) -> None:
    """A success callback of the DAG is run by the DAG processor, which reads the whole file for it; the last task's is not."""
    dag = bag.dags[dag_id]

    assert not dag.has_on_success_callback
    assert all(task.has_on_success_callback for task in dag.tasks if not task.downstream_task_ids)
