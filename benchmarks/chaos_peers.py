"""What others do, in the same storm: the same prospects into the same Yuneo, each way as its makers describe it.

``plain``  an intent before the send, a "done" after the answer, no reading back: what is not done is sent again.
``dlt``    a custom destination of dlt (``@dlt.destination``), repeated by dlt itself, and run again when it fails.
``drt``    the REST destination of drt with its dead letter queue, ``drt retry`` and ``drt run`` until nothing is left.

Only the load is compared, and each gets the prospects cleaned and without duplicates: none of the three does these
things, or claims to. Each try is a process that is killed like ours. dlt and drt come from an environment of their
own, whose Python is in ``CHAOS_PEERS``; what is not installed there is left out, and it is said.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PEERS = ("plain", "dlt", "drt")
BATCH = 200
MOST_TRIES = 60
KILLS = 8
FIELDS = ("externalId", "unitNumber", "firstName", "lastName", "birthDate", "email")


# --- what each of them does, in its own process -------------------------------------------------------------


def _post(settings: Mapping[str, str], prospects: Sequence[Mapping[str, Any]]) -> None:
    """Fetch a token and start an import; any answer but 2xx raises."""
    import requests

    form = {
        "grant_type": "client_credentials",
        "client_id": settings["login"],
        "client_secret": settings["password"],
    }
    token = requests.post(settings["host"] + "/connect/token", data=form, timeout=30)
    token.raise_for_status()
    response = requests.post(
        settings["host"] + "/api/v1/prospect-imports",
        json={"exchange": "Immomio", "prospects": list(prospects)},
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        timeout=30,
    )
    response.raise_for_status()
    response.json()


def plain(folder: Path, settings: Mapping[str, str]) -> None:
    """A ledger of intents: written before the send, closed after the answer, never read back."""
    rows = json.loads((folder / "prospects.json").read_text())
    with sqlite3.connect(folder / "plain.db", isolation_level=None) as ledger:
        ledger.execute("CREATE TABLE IF NOT EXISTS intent (id TEXT PRIMARY KEY, state TEXT)")
        done = {row[0] for row in ledger.execute("SELECT id FROM intent WHERE state = 'done'")}
        left = [row for row in rows if row["externalId"] not in done]
        for start in range(0, len(left), BATCH):
            batch = left[start : start + BATCH]
            ids = [(row["externalId"],) for row in batch]
            ledger.executemany("INSERT OR REPLACE INTO intent VALUES (?, 'sent')", ids)
            _post(settings, batch)
            ledger.executemany("INSERT OR REPLACE INTO intent VALUES (?, 'done')", ids)


def dlt(folder: Path, settings: Mapping[str, str]) -> None:
    """A pipeline with a custom destination; a package that was left is loaded first, as dlt does it."""
    os.environ |= {
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }
    import dlt as library

    @library.destination(batch_size=BATCH, name="yuneo")
    def yuneo(items: Any, table: Any) -> None:
        del table
        _post(settings, [{name: item[name] for name in FIELDS if item.get(name)} for item in items])

    pipeline = library.pipeline("prospects", destination=yuneo, pipelines_dir=str(folder / "dlt"))
    marker = folder / "extracted"
    if marker.exists() and not pipeline.has_pending_data:
        return
    if not pipeline.has_pending_data:
        rows = json.loads((folder / "prospects.json").read_text())
        pipeline.extract(rows, table_name="prospects")
        marker.touch()
    pipeline.run()


DRT_SYNC = """
name: prospects
model: "SELECT * FROM prospects"
destination:
  type: rest_api
  url: "{host}/api/v1/prospect-imports"
  body_mode: batch
  max_records_per_request: 200
  batch_template: '{{"exchange": "Immomio", "prospects": {{{{ rows | tojson }}}}}}'
  headers: {{"Content-Type": "application/json"}}
  auth:
    type: oauth2_client_credentials
    token_url: "{host}/connect/token"
    client_id_env: DRT_CLIENT
    client_secret_env: DRT_SECRET
sync:
  mode: full
  batch_size: 200
  on_error: skip
  retry: {{initial_backoff: 0.1, max_backoff: 1}}
  dlq: {{enabled: true}}
"""


def drt(folder: Path, settings: Mapping[str, str]) -> None:
    """``drt run`` until it has come to its end once; from then on ``drt retry`` until its queue is empty."""
    home = folder / "drt"
    if not home.exists():
        _drt_project(home, json.loads((folder / "prospects.json").read_text()), settings)
    environment = os.environ | {
        "HOME": str(home),
        "DRT_CLIENT": settings["login"],
        "DRT_SECRET": settings["password"],
        "DO_NOT_TRACK": "1",
    }
    queue, ran = home / ".drt" / "dlq" / "prospects.jsonl", home / "ran"
    command = ["retry", "prospects"] if ran.exists() else ["run"]
    drt_itself = Path(sys.executable).with_name("drt")
    code = subprocess.run([drt_itself, *command], cwd=home, env=environment, check=False).returncode
    left = queue.exists() and bool(queue.read_text().strip())
    # With on_error: skip it goes on to the end, and what failed is in its queue; without a token it never began.
    if left or code == 0:
        ran.touch()
    if left or code:
        raise SystemExit(1)


def _drt_project(home: Path, rows: Sequence[Mapping[str, Any]], settings: Mapping[str, str]) -> None:
    for folder in (home / "syncs", home / ".drt"):
        folder.mkdir(parents=True)
    (home / "drt_project.yml").write_text("name: prospects\nversion: '0.1'\nprofile: local\n")
    profile = f"local:\n  type: sqlite\n  database: {home}/source.db\n"
    (home / ".drt" / "profiles.yml").write_text(profile)
    (home / "syncs" / "prospects.yml").write_text(DRT_SYNC.format(host=settings["host"]))
    with sqlite3.connect(home / "source.db") as source:
        source.execute(f"CREATE TABLE prospects ({', '.join(FIELDS)})")
        cells = [[row.get(name) for name in FIELDS] for row in rows]
        source.executemany(f"INSERT INTO prospects VALUES ({', '.join('?' * len(FIELDS))})", cells)


WAYS: dict[str, Callable[[Path, Mapping[str, str]], None]] = {"plain": plain, "dlt": dlt, "drt": drt}


# --- the storm over each of them ----------------------------------------------------------------------------


def run_peers(weather: Any, home: Path) -> dict[str, dict[str, Any]]:
    """Each peer over the same prospects in the same weather; those that are missing are said and left out."""
    results = {}
    for name in PEERS:
        python = sys.executable if name == "plain" else os.environ.get("CHAOS_PEERS", "")
        if name != "plain" and not _installed(python, name):
            print(f"{name}: left out, it is not installed (see benchmarks/requirements-chaos.txt)")
            continue
        folder = home / f"peer-{name}"
        folder.mkdir()
        results[f"{name} (yuneo)"] = _storm_over(name, python, weather, folder)
    return results


def _installed(python: str, name: str) -> bool:
    if not python:
        return False
    return subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode == 0


def _storm_over(name: str, python: str, weather: Any, folder: Path) -> dict[str, Any]:
    from benchmarks.chaos import sandbox
    from benchmarks.chaos_world import make, storm
    from include.sandbox import SandboxClient

    drafts, expected = make(weather.seed, weather.prospects, weather.anchor)
    wanted = {ids[0] for ids in expected["immomio"].offers}
    rows = list(_rows(drafts["immomio"], wanted))
    (folder / "prospects.json").write_text(json.dumps(rows))
    started = time.monotonic()
    with sandbox(weather) as served:
        client = SandboxClient(served.urls["yuneo"])
        storm(client, weather)
        (folder / "settings.json").write_text(json.dumps(served.connections["yuneo"]))
        tries, killed = _tries(name, python, weather, folder)
        time.sleep(2 * weather.import_seconds)  # the last work order ends
        state = client.state()
    there = Counter(state["offers_per_external_id"])
    return {
        "prospects": len(rows),
        "offers": sum(there.values()),
        "lost": sum(there[one] == 0 for one in wanted),
        "doubled": sum(count - 1 for count in there.values()),
        "tries": tries,
        "killed": killed,
        "seconds": time.monotonic() - started,
    }


def _rows(drafts: Sequence[Any], wanted: set[str]) -> Iterator[dict[str, Any]]:
    for draft in drafts:
        if draft.id in wanted:
            values = (
                draft.id,
                "/".join(draft.unit),
                draft.person.first,
                draft.person.last,
                draft.person.birth,
                draft.person.email,
            )
            yield dict(zip(FIELDS, values, strict=True))


def _tries(name: str, python: str, weather: Any, folder: Path) -> tuple[int, int]:
    """Try after try, as Airflow would; the early ones are killed at a random moment."""
    killed = 0
    for number in range(MOST_TRIES):
        rng = random.Random(f"{weather.seed}/{name}/{number}")
        with (folder / "log").open("ab") as log:
            command = [python, str(HERE), name, str(folder)]
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            try:
                doomed = number < KILLS and rng.random() < 0.8
                code = process.wait(rng.uniform(0.5, 6) if doomed else 600)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
                killed += 1
                continue
        if code == 0:
            return number + 1, killed
    return MOST_TRIES, killed


if __name__ == "__main__":
    way, where = sys.argv[1], Path(sys.argv[2])
    WAYS[way](where, json.loads((where / "settings.json").read_text()))
