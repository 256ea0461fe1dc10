"""What the DAG processor writes into Airflow's database for thousands of customers, beside as many empty DAGs.

A PostgreSQL of its own, made for the measurement, on this machine; the calls are those of Airflow's DAG processor. Written
twice: all DAGs new, and again with nothing changed, which is what every later reading of the file does. Airflow looks for changes of a
DAG only if it stored the DAG more than 30 seconds ago, as it has when it reads thousands of DAGs; here it always looks.

    python -m benchmarks.bench_store --customers 3000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench_parse import EMPTY, ROOT, environment, write_customers
from benchmarks.bench_run import table

MEASURE = """
import json, logging, sys, time
logging.disable(logging.CRITICAL)
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from airflow.utils.session import create_session

DagBundlesManager().sync_bundles_to_db()
file = sys.argv[1]
bag = DagBag(file, bundle_name="dags-folder")
assert not bag.import_errors, bag.import_errors
dags = [LazyDeserializedDAG(data=DagSerialization.to_dict(dag)) for dag in bag.dags.values()]
seconds = []
for _ in range(2):
    started = time.monotonic(), time.process_time()
    with create_session() as session:
        update_dag_parsing_results_in_db(
            "dags-folder", None, dags, {}, 1.0, set(), session, files_parsed={("dags-folder", file)}
        )
    seconds.append((time.monotonic() - started[0], time.process_time() - started[1]))
    time.sleep(1)
print(json.dumps({"dags": len(dags), "seconds": seconds}))
"""


def measure(file: Path, variables: dict[str, str]) -> dict[str, Any]:
    """Write the DAGs of one file in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=os.environ | variables,
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(file)], env=os.environ | variables, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main(given: Sequence[str] | None = None) -> None:
    from tests.harness.postgres_server import PostgresServer

    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_store", description=__doc__)
    parser.add_argument("--customers", type=int, default=3000)
    customers = parser.parse_args(given).customers
    server = PostgresServer()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_customers(folder / "pairs", customers)
            (folder / "empty.py").write_text(EMPTY.format(customers=customers))
            files = {"empty": folder / "empty.py", "customers": ROOT / "dags" / "customer_pairs.py"}
            told = {}
            for kind, file in files.items():
                address = server.new_database().render_as_string(hide_password=False)
                database = {
                    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
                    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
                    # Not used here, but Airflow makes it, and asyncpg is in the deployment's environment only.
                    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite:///{folder}/unused.db",
                }
                told[kind] = measure(file, environment(folder) | database)
    finally:
        server.remove()
    rows = []
    for number, name in enumerate(("all new", "nothing changed")):
        theirs, ours = (told[kind]["seconds"][number] for kind in ("empty", "customers"))
        rows.append([name, *ours, *theirs, ours[0] / theirs[0]])
    heads = ("", "customers s", "of them processor", "empty s", "of them processor", "customers / empty")
    print(f"{customers:,} DAGs\n" + table(heads, rows))


if __name__ == "__main__":
    main()
