"""What Airflow's DAG processor pays for thousands of customers, beside as many empty DAGs with as many tasks.

    PYTHONPATH=.:plugins python benchmarks/bench_parse.py [--customers 3000] [--rounds 3]

Each measurement is a fresh process, the two in turn: reading the DAG file as Airflow does (``DagBag``, with the import of
the code), and making what is stored (``DagSerialization``). The empty DAGs are ``DAG(schedule="@daily")`` with five
``EmptyOperator`` in a chain, in one file. Times are of the processor, so other load on the machine matters little.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYSTEMS = [(partner, erp) for partner in ("immomio", "everreal") for erp in ("yuneo", "sigma")]

EMPTY = """
import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, chain

for number in range({customers}):
    with DAG(f"empty-{{number:05}}", schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="Europe/Berlin")):
        chain(*(EmptyOperator(task_id=name) for name in ("extract", "dedup", "load_offers", "auto_accept", "reconcile")))
"""

MEASURE = """
import json, logging, resource, sys, time
logging.disable(logging.CRITICAL)
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
start = time.process_time()
bag = DagBag(sys.argv[1])
read = time.process_time()
stored = [json.dumps(DagSerialization.to_dict(dag)) for dag in bag.dags.values()] if sys.argv[2:] else []
print(json.dumps({
    "dags": len(bag.dags), "errors": bag.import_errors, "read": read - start, "store": time.process_time() - read,
    "bytes": sum(map(len, stored)), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
}))
"""


def write_customers(folder: Path, customers: int) -> None:
    """Files with settings that vary as those of a platform's customers do."""
    folder.mkdir()
    for number in range(customers):
        partner, erp = SYSTEMS[number % len(SYSTEMS)]
        settings = {
            "partner": partner,
            "erp": erp,
            "partner_conn_id": f"{partner}_{number:05}",
            "erp_conn_id": f"{erp}_{number:05}",
            "exchange": partner.title(),
            "start_date": f"2026-{1 + number % 12:02}-01",
            "schedule": f"{number % 60} {number % 24} * * *" if number % 10 else f"{number % 60} * * * *",
            "accept": ("auto", "approval", "off")[number % 3],
            "tags": f"[{partner}, {erp}, customer-{number:05}]",
        }
        settings |= {"erp_separator": '"."'} if erp == "sigma" else {}
        settings |= {"clients": f"[{number % 7:02}, 99]"} if number % 5 == 0 else {}
        settings |= {"approval_timeout": "PT10H", "max_accepts_per_run": "20"} if number % 4 == 0 else {}
        text = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (folder / f"customer-{number:05}.yaml").write_text(
            f"# yaml-language-server: $schema=pair.schema.json\n{text}"
        )


def environment(folder: Path) -> dict[str, str]:
    """An Airflow of its own in a folder, whose customers are below ``pairs``."""
    return {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "AIRFLOW__PROSPECTS__PAIRS": str(folder / "pairs"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
    }


def measure(file: Path, variables: dict[str, str], store: bool = True) -> dict[str, float]:
    """Read one DAG file in a process of its own."""
    command = [sys.executable, "-c", MEASURE, str(file), *(["store"] if store else [])]
    done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    if result["errors"]:
        raise SystemExit(f"{file}: {result['errors']}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_customers(folder / "pairs", given.customers)
        empty = folder / "empty.py"
        empty.write_text(EMPTY.format(customers=given.customers))
        report(given.customers, given.rounds, empty, environment(folder))


def report(customers: int, rounds: int, empty: Path, variables: dict[str, str]) -> None:
    """Measure in turn and print."""
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(measure(empty, variables))
        ours.append(measure(ROOT / "dags" / "customer_pairs.py", variables))
        assert ours[-1]["dags"] == theirs[-1]["dags"] == customers
    print(f"{customers:,} DAGs with five tasks each, medians of {rounds} rounds, seconds of the processor")
    for name, parts in (("read", ["read"]), ("store", ["store"]), ("both", ["read", "store"])):
        a, b = (
            statistics.median(sum(run[part] for part in parts) for run in runs) for runs in (ours, theirs)
        )
        ratios = [
            sum(x[p] for p in parts) / sum(y[p] for p in parts) for x, y in zip(ours, theirs, strict=True)
        ]
        print(
            f"  {name:5s} customers {a:6.2f} s, empty {b:6.2f} s, ratio {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f})"
        )
    for name, runs in (("customers", ours), ("empty", theirs)):
        print(
            f"  {name}: {runs[0]['bytes'] / customers / 1e3:.1f} kB stored a DAG, {runs[0]['memory']:.0f} MB at the most"
        )
    wrong = measure(ROOT / "dags" / "customer_pair_errors.py", variables, store=False)
    print(f"  looking for wrong files: {wrong['read']:.2f} s")
    for name, file in (
        ("customer", ROOT / "dags" / "customer_pairs.py"),
        ("pair with a DAG file", ROOT / "dags" / "immomio_yuneo.py"),
    ):
        dag_id = "customer-00001" if name == "customer" else "immomio_yuneo"
        one = measure(file, variables | {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": dag_id}, store=False)
        assert one["dags"] == 1
        print(f"  start of a task of a {name}: {one['read']:.2f} s, {one['dags']} DAG")


if __name__ == "__main__":
    main()
