"""The console's app: it only reads, and only for somebody who is logged in to Airflow.

Airflow does not protect a plugin's app, so every route asks for the user. A replay is no route here: the page
calls Airflow's own REST API, which checks the right to start the DAG and writes its audit log.
"""

from __future__ import annotations

import html
import logging
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, bearer_scheme, get_user
from airflow.api_fastapi.logging.decorators import action_logging
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse

from letting_sync import config
from letting_sync.console import access, days, lookup, protocol, runs, staged, words
from letting_sync.errors import StopRun, StorageUnavailable, outside_a_task
from letting_sync.ledger.open_offers import decided_elsewhere
from letting_sync.locales.texts import LANGUAGES, text
from letting_sync.window import TIMEZONE

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
PREFIX = "/prospects"
"""Where the app is mounted, see ``plugin.py``."""
PAGE_SIZE = 25
RUNS_SIZE = 20
RUNS_SEARCHED_IN_ALL = 200
"""In this many last runs of all pairs together, which takes about a second; one pair can be searched further."""
RUNS_SEARCHED = 30
"""In this many last runs of a pair a prospect is looked for that is not in the ledger."""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)

_FOR_ANYBODY = ("login.js", "theme.js", "console.css")
"""What the page needs that says that somebody has to log in; nothing is in it."""


async def _logged_in(request: Request) -> None:
    """Refuse whoever is not logged in."""
    folder, _, name = request.url.path.rpartition("/")
    if folder.endswith("/static") and name in _FOR_ANYBODY:
        return
    await get_user(request, None, await bearer_scheme(request))


def _without_nul(request: Request) -> None:
    """Refuse the character NUL, which is in no text of PostgreSQL and in no file's name: a search for it would be an error."""
    if any("\0" in text for text in (request.scope["path"], *request.query_params.values())):
        raise HTTPException(400, "not_a_text")


app = FastAPI(
    title="Prospects",
    dependencies=[Depends(_logged_in), Depends(_without_nul)],
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
async def _unreadable(_request: Request, error: sa.exc.DBAPIError) -> JSONResponse:
    """The ledger of another version, or a database that is away: said plainly, without its statement."""
    # Further lines of what the database says may quote values.
    log.error("A database cannot be read: %s", next(iter(str(error.orig).splitlines()), ""))
    return JSONResponse({"detail": "database_unreadable"}, status_code=503)


@app.exception_handler(StopRun)
async def _wrong_ledger(_request: Request, error: StopRun) -> JSONResponse:
    """The ledger's connection is wrong in the api-server, whose log has why."""
    log.error("%s", outside_a_task(error))
    return JSONResponse({"detail": "database_unreadable"}, status_code=503)


@app.exception_handler(StorageUnavailable)
async def _not_staged_here(_request: Request, error: StorageUnavailable) -> JSONResponse:
    """The staging folder cannot be read from the api-server, whose log has why."""
    log.error("%s", outside_a_task(error))
    return JSONResponse({"detail": "staging_unreadable"}, status_code=424)


@app.exception_handler(HTTPException)
async def _refused(request: Request, refused: HTTPException) -> Response:
    """Whoever opens the page without being logged in is led to Airflow's log-in; all else is a response in JSON."""
    is_page = request.url.path.endswith(f"{PREFIX}/")
    if is_page and refused.status_code in (401, 403):
        page = (
            (STATIC / "login.html")
            .read_text()
            .replace("{airflow}", html.escape(_root_of(request), quote=True))
        )
        return HTMLResponse(page, refused.status_code)
    return JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)


def _root_of(request: Request) -> str:
    """The path under which Airflow itself is served, without a slash at its end."""
    return str(request.scope.get("root_path", "")).removesuffix(PREFIX)


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


def _language(language: Annotated[str, Query(max_length=20)] = "") -> config.Language:
    """That of the Airflow UI around the page; if there are no texts in it, the deployment's."""
    return next((known for known in LANGUAGES if known == language[:2]), config.language())


LanguageDep = Annotated[config.Language, Depends(_language)]


@app.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Scripts, style and icons."""
    if name not in {path.name for path in STATIC.iterdir()}:
        raise HTTPException(404, "not_found")
    return FileResponse(STATIC / name)


@app.get("/api/start")
def start(request: Request, language: LanguageDep) -> dict[str, Any]:
    """What the page needs before it can show anything."""
    airflow = _root_of(request)
    return {
        "language": language,
        "described_in": config.language(),  # the descriptions of the DAGs
        "words": words.of(language),
        "zone": TIMEZONE,
        "airflow": airflow,
    }


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
    counts, _ = lookup.held(allowed, "", 0, 0)
    return {
        "held": sum(count for reason, count in counts.items() if reason not in decided_elsewhere()),
        "total": len(chosen),
        "size": PAGE_SIZE,
        "summary": summary,
        "retention": runs.retention_problem(session, now),
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
def run(pair: PairDep, user: GetUserDep, session: SessionDep, run_id: str) -> dict[str, Any]:
    """Quarantine and suspects of one run, and how those prospects stand by now.

    The ERP's own words on what it refused may quote a person: only for those who may start runs of the pair.
    """
    found = runs.one_run(session, pair, run_id)
    if found is None:
        raise HTTPException(404, "not_found")
    try:
        tables = _staged_tables(pair, run_id, access.may_start(user, pair.dag_id))
    except StorageUnavailable as error:  # the rest of the page needs no tables
        log.error("%s", outside_a_task(error))
        tables = None
    return {"run": found, "staged": tables is not None, **(tables or {})}


def _staged_tables(pair: runs.Pair, run_id: str, may_start: bool) -> dict[str, Any] | None:
    if not staged.is_there(pair.dag_id, run_id):
        return None
    quarantined, quarantine_total = staged.quarantine(pair.dag_id, run_id, with_erp_text=may_start)
    suspected, suspects_total = staged.suspects(pair.dag_id, run_id)
    ids = {row["external_id"] for row in quarantined} | {row["external_id"] for row in suspected}
    ids |= {row["other_external_id"] for row in suspected}
    return {
        "quarantine": quarantined,
        "quarantine_total": quarantine_total,
        "suspects": suspected,
        "suspects_total": suspects_total,
        "dry_run": _dry_run(pair.dag_id, run_id),
        "states": lookup.states(pair.dag_id, ids - {None}),
    }


def _dry_run(dag_id: str, run_id: str) -> dict[str, Any] | None:
    shown = staged.dry_run(dag_id, run_id)
    return None if shown is None else {"rows": shown[0], "total": shown[1]}


@app.get("/api/pairs/{dag_id}/protocol", dependencies=[Depends(action_logging("download_dry_run_protocol"))])
def dry_run_protocol(
    pair: PairDep, user: GetUserDep, session: SessionDep, language: LanguageDep, run_id: str
) -> Response:
    """The acceptance protocol of a dry run as a file; the one route that gives personal data out.

    Only to those who may start runs of the pair; Airflow's audit log has who fetched it.
    """
    found = runs.one_run(session, pair, run_id)
    if found is None or not access.may_start(user, pair.dag_id) or not staged.is_there(pair.dag_id, run_id):
        raise HTTPException(404, "not_found")
    shown = staged.dry_run(pair.dag_id, run_id)
    if shown is None:
        raise HTTPException(404, "not_found")
    fields = staged.protocol_fields(pair.dag_id, run_id)
    page = protocol.Protocol(found, shown[0], fields, language).page()
    name = re.sub(r"[^\w.-]", "_", f"{text('protocol.file_name', language)}_{pair.dag_id}_{run_id}.html")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HTMLResponse(page, headers=headers)


@app.get("/api/held")
def held(
    user: GetUserDep,
    session: SessionDep,
    page: PageDep,
    pair: str = "",
    reason: Annotated[str, Query(max_length=60)] = "",
) -> dict[str, Any]:
    """Held offers and open questions of one pair or of all that the user may read, the longest waiting first."""
    known = runs.pair_ids(session)
    allowed = access.readable(user, known & {pair} if pair else known)
    if pair and not allowed:
        raise HTTPException(404, "not_found")
    counts, offers = lookup.held(allowed, reason, page * PAGE_SIZE, PAGE_SIZE + 1)
    named = {offer["pair"] for offer in offers}
    return {
        "counts": counts,
        "needs_nobody": sorted(decided_elsewhere()),
        "offers": offers[:PAGE_SIZE],
        "more": len(offers) > PAGE_SIZE,
        "may_start": sorted(access.startable(user, named)),
        "paused": sorted(found.dag_id for found in runs.pairs(session, named) if found.paused),
    }


@app.get("/api/prospects")
def prospects(
    user: GetUserDep, session: SessionDep, q: Annotated[str, Query(max_length=250)]
) -> dict[str, Any]:
    """All that the ledger knows of an external id, an offer or a lease, in the pairs the user may read."""
    allowed = access.readable(user, runs.pair_ids(session))
    found = lookup.find(q.strip(), allowed)
    related = lookup.related([entry["id"] for entry in found if not entry["lease_number"]], allowed)
    for entry in found:
        entry["may_start"] = access.may_start(user, entry["pair"])
        entry["related"] = related.get(entry["id"], [])
    traces = [] if found else _traces(session, allowed, q.strip())
    return {
        "entries": found,
        "traces": traces,
        "may_start": sorted(access.startable(user, {trace["pair"] for trace in traces})),
        "pairs": sorted(allowed)[:1000],
    }


def _traces(session: SessionDep, allowed: set[str], external_id: str) -> list[dict[str, Any]]:
    """What the newest runs of all pairs made of a prospect that is not in the ledger (quarantined, skipped)."""
    history = runs.newest_runs(session, runs.pairs(session, allowed), RUNS_SEARCHED)
    newest = sorted((run for some in history.values() for run in some), key=lambda run: -run.id)
    ended_early = ("quarantined", "skipped", "duplicates")
    worth_a_look = [run for run in newest if not run.counts or any(run.counts.get(n) for n in ended_early)]
    found = []
    for run in worth_a_look[:RUNS_SEARCHED_IN_ALL]:
        if outcomes := staged.outcomes_of(run.dag_id, run.run_id, external_id):
            found.append({"pair": run.dag_id, "run": run, "outcomes": outcomes})
    return found


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
