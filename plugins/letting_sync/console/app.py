"""The console's app: it only reads, and only for somebody who is logged in to Airflow.

Airflow does not protect a plugin's app, so every route asks for the user. A replay is no route here: the page
calls Airflow's own REST API, which checks the right to start the DAG and writes its audit log.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, get_user
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from letting_sync import config
from letting_sync.console import access, days, lookup, runs, staged, words
from letting_sync.window import TIMEZONE

STATIC = Path(__file__).parent / "static"
PAGE_SIZE = 25
RUNS_SIZE = 20
RUNS_SEARCHED = 30
"""In this many last runs of a pair a prospect is looked for that is not in the ledger."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

app = FastAPI(
    title="Prospects",
    dependencies=[Depends(get_user)],
    # FastAPI's own pages would answer to anybody, and load files from a foreign host.
    docs_url=None,
    redoc_url=None,
    openapi_url=None,
)


@app.middleware("http")
async def _headers(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-cache" if "/static/" in request.url.path else "no-store"
    return response


@app.exception_handler(sa.exc.DBAPIError)
async def _unreadable(_request: Request, _error: Exception) -> JSONResponse:
    """The ledger of another version, or a database that is away: said plainly, without its statement."""
    return JSONResponse({"detail": "database_unreadable"}, status_code=503)


def _now() -> datetime:
    return datetime.now(UTC)


NowDep = Annotated[datetime, Depends(_now)]


def _readable_pair(dag_id: str, user: GetUserDep, session: SessionDep) -> runs.Pair:
    """The pair, if there is one and the user may read it; the answer does not tell which of the two fails."""
    found = runs.pairs(session, [dag_id])
    if not found or not access.readable(user, [dag_id]):
        raise HTTPException(404, "not_found")
    return found[0]


PairDep = Annotated[runs.Pair, Depends(_readable_pair)]


MOST_PAGES = 1_000_000
"""No list is so long; far larger numbers are none for the database."""


def _page(page: int = 0) -> int:
    if not 0 <= page <= MOST_PAGES:
        raise HTTPException(400, "no_such_page")
    return page


PageDep = Annotated[int, Depends(_page)]


@app.get("/")
def page() -> FileResponse:
    """The page itself; all its content comes from the routes below."""
    return FileResponse(STATIC / "page.html")


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Scripts, style and icons."""
    if name not in {path.name for path in STATIC.iterdir()}:
        raise HTTPException(404, "not_found")
    return FileResponse(STATIC / name)


@app.get("/api/start")
def start(request: Request) -> dict[str, Any]:
    """What the page needs before it can show anything."""
    language = config.language()
    root = request.scope.get("root_path", "").rpartition("/")[0]
    return {"language": language, "words": words.of(language), "zone": TIMEZONE, "airflow": root}


@app.get("/api/pairs")
def pairs(
    user: GetUserDep,
    session: SessionDep,
    now: NowDep,
    page: PageDep,
    search: str = "",
    state: str = "",
) -> dict[str, Any]:
    """A page of pairs: those whose last run failed first, then by name."""
    found = runs.pairs(session)
    allowed = access.readable(user, [pair.dag_id for pair in found])
    found = [pair for pair in found if pair.dag_id in allowed and search.lower() in pair.dag_id.lower()]
    summary = Counter(_group(pair) for pair in found)
    chosen = [pair for pair in found if not state or _group(pair) == state]
    chosen.sort(key=lambda pair: (_group(pair) != "failed", pair.dag_id))
    shown = chosen[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    history = runs.newest_runs(session, shown)
    scheduled = runs.last_scheduled(session, [pair.dag_id for pair in shown])
    return {
        "total": len(chosen),
        "size": PAGE_SIZE,
        "summary": summary,
        "pairs": [
            _with_history(pair, history.get(pair.dag_id, []), scheduled.get(pair.dag_id), now)
            for pair in shown
        ],
    }


def _group(pair: runs.Pair) -> str:
    if pair.last_state in ("failed", "success"):
        return pair.last_state
    return "running" if pair.last_state else "never"


def _with_history(
    pair: runs.Pair, history: list[runs.RunRow], scheduled: tuple[datetime, datetime] | None, now: datetime
) -> dict[str, Any]:
    windows = [run.window for run in history if run.window and run.state == "success"]
    loaded = [*windows, scheduled] if scheduled else windows
    return {"pair": pair, "history": history[::-1], "lag": days.lag(pair.cron, loaded, now)}


@app.get("/api/pairs/{dag_id}")
def pair(
    pair: PairDep,
    user: GetUserDep,
    session: SessionDep,
    now: NowDep,
    weeks: Annotated[int, Query(ge=1, le=26)] = 6,
) -> dict[str, Any]:
    """One pair: its chart, its calendar from a Monday on, and the commands for the gaps."""
    today = now.astimezone(days.ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    since = today - timedelta(days=today.weekday(), weeks=weeks - 1)
    # A weekly or monthly interval that touches the first day may start well before it.
    earlier = since - timedelta(days=32)
    found = days.intervals(
        pair.cron,
        runs.runs_since(session, pair, earlier),
        earlier,
        now,
        runs.live_since(session, pair),
        pair.paused,
    )
    found = [interval for interval in found if interval.end > since]
    history = runs.newest_runs(session, [pair])
    scheduled = runs.last_scheduled(session, [pair.dag_id])
    return {
        **_with_history(pair, history.get(pair.dag_id, []), scheduled.get(pair.dag_id), now),
        "days": days.calendar(found, since, now),
        "gaps": days.gaps(pair.dag_id, found),
        "may_start": access.may_start(user, pair.dag_id),
    }


@app.get("/api/pairs/{dag_id}/runs")
def runs_of(pair: PairDep, session: SessionDep, page: PageDep) -> dict[str, Any]:
    """Runs, newest first."""
    found = runs.page_of_runs(session, pair, page * RUNS_SIZE, RUNS_SIZE + 1)
    return {"runs": found[:RUNS_SIZE], "more": len(found) > RUNS_SIZE}


@app.get("/api/pairs/{dag_id}/run")
def run(pair: PairDep, session: SessionDep, run_id: str) -> dict[str, Any]:
    """Quarantine and suspects of one run, and how those prospects stand by now."""
    found = runs.one_run(session, pair, run_id)
    if found is None:
        raise HTTPException(404, "not_found")
    if not staged.is_there(pair.dag_id, run_id):
        return {"run": found, "staged": False}
    quarantined, quarantine_total = staged.quarantine(pair.dag_id, run_id)
    suspected, suspects_total = staged.suspects(pair.dag_id, run_id)
    ids = {row["external_id"] for row in quarantined} | {row["external_id"] for row in suspected}
    ids |= {row["other_external_id"] for row in suspected}
    return {
        "run": found,
        "staged": True,
        "quarantine": quarantined,
        "quarantine_total": quarantine_total,
        "suspects": suspected,
        "suspects_total": suspects_total,
        "states": lookup.states(pair.dag_id, ids - {None}),
    }


@app.get("/api/prospects")
def prospects(
    user: GetUserDep, session: SessionDep, q: Annotated[str, Query(max_length=250)]
) -> dict[str, Any]:
    """All that the ledger knows of an external id, an offer or a lease, in the pairs the user may read."""
    allowed = access.readable(user, runs.pair_ids(session))
    found = lookup.find(q.strip(), allowed)
    for entry in found:
        entry["may_start"] = access.may_start(user, entry["pair"])
    return {"entries": found, "pairs": sorted(allowed)[:1000]}


@app.get("/api/pairs/{dag_id}/prospect")
def prospect_in_runs(
    pair: PairDep, session: SessionDep, q: Annotated[str, Query(max_length=64)]
) -> dict[str, Any]:
    """What the last runs of a pair made of a prospect that is not in the ledger (quarantined, skipped)."""
    found = [
        {"run": run, "outcomes": outcomes}
        for run in runs.page_of_runs(session, pair, 0, RUNS_SEARCHED)
        if (outcomes := staged.outcomes_of(pair.dag_id, run.run_id, q.strip()))
    ]
    return {"found": found, "searched": RUNS_SEARCHED}
