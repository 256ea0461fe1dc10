"""Fill Airflow's database, a ledger and staged tables as some weeks of running would; ``python seed.py``.

Runs in a process of its own, with the environment of the api-server that will show it.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.db import initdb
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType

from letting_sync.ledger import database
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Made, Run
from letting_sync.model import Outcome, OutcomeKind
from letting_sync.staging import dry_run, folders, tables
from letting_sync.staging.chunks import Chunk
from letting_sync.staging.dry_run import FieldSent, WouldAccept, WouldLoad
from tests.harness.ledger_entries import claim

ROOT = Path(__file__).resolve().parents[2]
BERLIN = ZoneInfo("Europe/Berlin")
NASTY = "<script>document.title='broken'</script>"
ERP_TEXT = "Die Adresse geheim@@example.org ist ung\u00fcltig"
"""An external id that must never turn into markup."""
DRY_RUN = "manual__dry_run"
DICE = random.Random(7)


def day(back: int) -> datetime:
    """Midnight of the day ``back`` days ago, in the pairs' zone."""
    midnight = datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=back)


def main() -> None:
    """Seed all of it."""
    initdb()
    with create_session() as session:
        session.merge(DagBundleModel(name="dags"))
        session.commit()
        bag = DagBag(ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags")
        sync_bag_to_db(bag, "dags", None, session=session)
        session.commit()
        for model in session.query(DagModel):
            model.is_paused = model.dag_id == "everreal_yuneo"
        session.commit()
        _runs(session)
    _ledger()
    _staged()


def _runs(session: Any) -> None:
    first, second, third = "immomio_yuneo", "immomio_sigma", "everreal_yuneo"
    _run(session, first, None, None, "success", _counts(), conf={"dry_run": True}, run_id=DRY_RUN)
    for back in range(33, 0, -1):
        if back in (9, 10, 16):
            continue
        state = "failed" if back == 5 else "success"
        _run(session, first, day(back), day(back - 1), state, _counts(quarantined=3 if back == 1 else 0))
    conf = {"window_start": day(16).isoformat(), "window_end": day(15).isoformat()}
    _run(session, first, None, None, "success", _counts(), conf=conf, run_id="manual__made_up_for")
    _run(
        session,
        first,
        None,
        None,
        "success",
        _counts(),
        conf={"external_ids": ["A-77"]},
        run_id="manual__replay",
    )
    for back in range(20, 0, -1):
        _run(session, second, day(back), day(back - 1), "failed" if back == 1 else "success", _counts())
    for back in range(15, 4, -1):
        _run(session, third, day(back), day(back - 1), "success", _counts())
    session.commit()


def _counts(quarantined: int = 0) -> dict[str, Any]:
    created, there = DICE.randint(2, 14), DICE.randint(0, 4)
    duplicates, skipped, held = DICE.randint(0, 3), DICE.randint(0, 5), DICE.randint(0, 2)
    return {
        "extracted": created + there + duplicates + skipped + quarantined,
        "duplicates": duplicates,
        "quarantined": quarantined,
        "skipped": skipped,
        "offers_created": created,
        "already_there": there,
        "leases_created": created - held,
        "leases_for_other_runs": 3,
        "leases_found": 1,
        "held": held,
        "suspects": 1 if quarantined else 0,
        "quarantine_reasons": {"unit_not_four_parts": quarantined} if quarantined else {},
    }


def _run(
    session: Any,
    dag_id: str,
    start: datetime | None,
    end: datetime | None,
    state: str,
    counts: dict[str, Any],
    conf: dict[str, Any] | None = None,
    run_id: str | None = None,
) -> None:
    after = end or datetime.now(UTC)
    run = DagRun(
        dag_id=dag_id,
        run_id=run_id or f"scheduled__{start:%Y-%m-%dT%H:%M:%S%z}",
        logical_date=start,
        data_interval=(start, end) if start and end else None,
        run_after=after,
        start_date=after,
        run_type=DagRunType.MANUAL if run_id else DagRunType.SCHEDULED,
        triggered_by=DagRunTriggeredByType.TEST,
        state=state,
        conf=conf,
    )
    session.add(run)
    session.flush()
    if state == "success":
        _counted(session, run, counts)


def _counted(session: Any, run: DagRun, counts: dict[str, Any]) -> None:
    """The XCom of the task ``reconcile``, which needs an instance of that task."""
    task = {"dag_id": run.dag_id, "task_id": "reconcile", "run_id": run.run_id, "map_index": -1}
    session.execute(
        TaskInstance.__table__.insert().values(
            **task,
            id=uuid.uuid4(),
            pool="default_pool",
            pool_slots=1,
            try_number=1,
            max_tries=0,
            queue="default",
        )
    )
    session.add(XComModel(**task, dag_run_id=run.id, key="return_value", value=counts))


def last_run() -> str:
    """The run of yesterday, which left quarantine and suspects."""
    return f"scheduled__{day(1):%Y-%m-%dT%H:%M:%S%z}"


def _ledger() -> None:
    moments = iter(day(1) + timedelta(hours=30, seconds=17 * i) for i in range(1000))
    database.now = lambda: next(moments).astimezone(UTC)
    ledger = Ledger()
    run = Run("immomio_yuneo", "yuneo", last_run(), day(1), day(0))
    _load(ledger, run, "A-77", "1.2.3.4", "O-1001")
    entry = next(iter(ledger.find(run.pair, ["A-77"]).values()))
    ledger.mark_awaiting([entry.id], run.run_id)
    ledger.mark_approved([entry.id], run.run_id, "m.huber")
    ledger.mark_accepting(entry, run.run_id)
    ledger.mark_leased(entry.id, "L-500", run.run_id)
    _load(ledger, run, "A-78", "1.2.3.5", "O-1002")
    other = next(iter(ledger.find(run.pair, ["A-78"]).values()))
    ledger.mark_held([other.id], "competing_offer", run.run_id)
    _load(ledger, run, "A-80", "1.2.3.5", "O-1004")
    rival = next(iter(ledger.find(run.pair, ["A-80"]).values()))
    ledger.mark_held([rival.id], "competing_offer", run.run_id)
    ledger.mark_held([rival.id], "competing_offer", "a later run")
    _load(ledger, run, "A-81", "1.2.3.8", "O-1005")
    asked = next(iter(ledger.find(run.pair, ["A-81"]).values()))
    ledger.mark_awaiting([asked.id], run.run_id)
    _load(ledger, run, "A-82", "1.2.3.9", "O-1006")
    rejected = next(iter(ledger.find(run.pair, ["A-82"]).values()))
    ledger.mark_held([rejected.id], "rejected_by_approver", run.run_id, "m.huber")
    _load(ledger, run, NASTY, "1.2.3.6", "O-1003")
    ledger.claim(run, [Intent("A-79", "1.2.3.7", True, "c", None)])
    ledger.mark_refused([next(iter(ledger.find(run.pair, ["A-79"]).values())).id], "unknown_unit")
    _load(ledger, Run("immomio_sigma", "sigma", "r1", day(2), day(1)), "S-1", "2.2.3.4", "O-2001")


def _load(ledger: Ledger, run: Run, external_id: str, unit: str, offer: str) -> None:
    token, won = claim(ledger, run, [Intent(external_id, unit.replace(".", "/"), True, "hash", "person")])
    ledger.mark_sent(won.values(), token)
    entry = next(iter(ledger.find(run.pair, [external_id]).values()))
    ledger.mark_in_import([entry.id], "WO-31", {entry.claim})
    ledger.mark_loaded([Made(entry.id, None, offer, offer, "BP-9", True)])


def _staged() -> None:
    import pandas as pd

    folder = str(folders.path_of("immomio_yuneo", last_run()))
    Path(folder.removeprefix("file://")).mkdir(parents=True)
    raw = {0: json.dumps({"lastname": "Geheim"}), 1: json.dumps({"lastname": "Geheim"}), 2: "{}"}
    quarantined = [
        Outcome(record=0, external_id="A-90", kind=OutcomeKind.QUARANTINED, reason="unit_not_four_parts"),
        Outcome(record=1, external_id=NASTY, kind=OutcomeKind.QUARANTINED, reason="last_name_too_long"),
        Outcome(record=2, external_id=None, kind=OutcomeKind.QUARANTINED, reason="external_id_missing"),
    ]
    tables.write_outcomes(folder, "extract", quarantined, raw)
    refused = Outcome(record=5, external_id="A-79", kind=OutcomeKind.QUARANTINED, reason="unknown_unit")
    tables.write_outcomes(
        folder,
        "load_offers",
        [Outcome(record=3, external_id="A-77", kind=OutcomeKind.CREATED), refused],
        {},
        erp_texts={5: ERP_TEXT},
    )
    people = pd.DataFrame(
        {"record": [3, 4], "external_id": ["A-77", "A-78"], "last_name": ["Geheim", "Geheimm"]}
    )
    tables.write(folder, "prospects", people)
    suspects = pd.DataFrame(
        {
            "record": [3],
            "other_record": pd.array([4], dtype="Int64"),
            "other_partner": pd.array([None], dtype="str"),
            "score": [0.873],
            "reason": ["last_name_typo,birth_day_typo"],
        }
    )
    tables.write(folder, "suspects", suspects)
    _dry_run()


def _dry_run() -> None:
    folder = str(folders.path_of("immomio_yuneo", DRY_RUN))
    Path(folder.removeprefix("file://")).mkdir(parents=True)
    loads = [
        WouldLoad(0, "D-1", "1/2/3/4", "created", None, None),
        WouldLoad(1, "D-2", "1/2/3/5", "already_there", "found_in_erp", None),
        WouldLoad(2, NASTY, "1/2/3/6", "quarantined", "ambiguous_partner", None),
    ]
    person = [("last_name", "name", " Geheim", "Geheim", True), ("title", None, "Dr.", None, False),
              ("email", "email", None, None, False), ("city", "ort", NASTY, NASTY, False)]  # fmt: skip
    fields = [FieldSent(0, "D-1", "1/2/3/4", *one) for one in person]
    accepts = [
        WouldAccept("D-1", "1/2/3/4", "accept", None),
        WouldAccept("D-2", "1/2/3/5", "held", "competing_offer"),
    ]
    chunk = Chunk(folder)
    dry_run.write(folder, chunk, dry_run.LOAD, loads, WouldLoad)
    dry_run.write(folder, chunk, dry_run.FIELDS, fields, FieldSent)
    dry_run.write(folder, chunk, dry_run.ACCEPTANCE, accepts, WouldAccept)


if __name__ == "__main__":
    os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    main()
