"""The DAG of a pair, by its name: from a customer's file or from a DAG file."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from airflow.sdk import DAG
from airflow.sdk.configuration import conf

from letting_sync import config
from letting_sync.customers import loader
from letting_sync.errors import InvalidSettings
from letting_sync.pipeline.dag import letting_dag


class UnknownPair(LookupError):
    """There is no DAG of such a pair; the message says why, or lists the pairs that there are."""


def dag_of_pair(name: str, dag_file: str | None = None) -> DAG:
    """The DAG of a pair.

    :param dag_file: a DAG file beside which the others are; by default they are in Airflow's DAGs folder.
    :raises UnknownPair: neither a customer's file nor a DAG file makes it, or a setting of the DAG file or of the deployment
        is wrong.
    :raises WrongFile: the customer's file is wrong.
    """
    try:
        return _made(name, dag_file)
    except InvalidSettings as wrong:
        raise UnknownPair(f"the DAG of {name!r:.80} cannot be made. {wrong}") from None


def _made(name: str, dag_file: str | None) -> DAG:
    for path in loader.files(name, dag_file):
        return letting_dag(loader.read_customer(path))
    known = [path.stem for path in loader.files(dag_file=dag_file)]
    folder = Path(dag_file).parent if dag_file else _dags_folder()
    for path in sorted(folder.rglob("*.py"), key=lambda path: (path.stem != name, str(path))):
        # The words of a DAG file of ours; no other one is run here.
        text = path.read_text("utf-8", errors="replace")
        if "letting_dag(" not in text or "dag_id" not in text:
            continue
        if path.stem != name and name not in text:
            known.append(path.stem)
            continue
        made = [value for value in runpy.run_path(str(path)).values() if isinstance(value, DAG)]
        for dag in made:
            if dag.dag_id == name:
                return dag
        known += [dag.dag_id for dag in made]
    raise UnknownPair(
        f"there is no pair {name!r:.80}; known are {', '.join(sorted(set(known))) or 'none'}. It would be a customer file in "
        f"{config.pairs_folder(dag_file)}, or a DAG file in {folder}"
    )


def argument_of(dag: DAG, task_id: str, name: str) -> Any:
    """An argument of a pair's task, whether or not the task is mapped over chunks."""
    task: Any = dag.get_task(task_id)
    return getattr(task, name, None) or task.partial_kwargs[name]


def _dags_folder() -> Path:
    return Path(conf.get("core", "dags_folder", fallback=str(config.airflow_home() / "dags"))).expanduser()
