"""The pictures of README and docs, taken from demos that run for them (``make pictures``).

For each language, starts the demo on free ports, loads some days of one pair by Airflow's own backfill, lets one run fail
as it would by a wrong setting and another one ask for approval, takes the pictures with Debian's chromium, light and dark,
and ends.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote
from zoneinfo import ZoneInfo

import requests
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from include.demo import SYSTEMS
from include.demo.processes import free_ports
from include.sandbox import SandboxClient

ROOT = Path(__file__).resolve().parent.parent
BERLIN = ZoneInfo("Europe/Berlin")
PAIR = "immomio_yuneo"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
COLOURS = 255
TIMEOUT = 120
"""Seconds until a page must be there."""
RUNS_SECONDS = 1800


@dataclass
class Demo:
    """A running demo: its addresses, and a session that is logged in."""

    url: str
    sandbox_port: int
    mail_port: int
    session: requests.Session
    token: str
    home: Path

    def sandbox(self, system: str) -> SandboxClient:
        return SandboxClient(f"http://127.0.0.1:{self.sandbox_port + SYSTEMS.index(system)}")

    def api(self, method: str, path: str, **request: Any) -> Any:
        """Call Airflow's REST API; its SQLite may be busy for a while, which it says by a 503."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            response = self.session.request(method, f"{self.url}/api/v2{path}", timeout=TIMEOUT, **request)
            if response.status_code != 503 or time.monotonic() > deadline:
                response.raise_for_status()
                return response.json()
            time.sleep(2)

    def runs(self) -> list[dict[str, Any]]:
        """The pair's runs, newest window first."""
        runs: list[dict[str, Any]] = self.api(
            "GET", f"/dags/{PAIR}/dagRuns?limit=100&order_by=-logical_date"
        )["dag_runs"]
        return runs

    def backfill(self, first: datetime, last: datetime) -> None:
        """Load the days from one to the other, both included, and wait until they have ended."""
        body = {
            "dag_id": PAIR,
            "from_date": first.isoformat(),
            "to_date": last.isoformat(),
            "max_active_runs": 3,
        }
        backfill = self.api("POST", "/backfills", json=body)["id"]
        deadline = time.monotonic() + RUNS_SECONDS
        # One backfill of a DAG at a time; Airflow closes it a while after its last run.
        while not self.api("GET", f"/backfills/{backfill}")["completed_at"]:
            self.accept_what_waits()
            if time.monotonic() > deadline:
                raise SystemExit("pictures: the backfill did not end in time")
            time.sleep(2)

    def accept_what_waits(self) -> None:
        """Answer all open questions: accept every offer in them."""
        for question in self.open_questions("~"):
            task, offers = question["task_instance"], question["params"]["offers"]["value"]
            path = f"/dags/{PAIR}/dagRuns/{quote(task['dag_run_id'])}/taskInstances/{task['task_id']}"
            body = {"chosen_options": [question["options"][0]], "params_input": {"offers": offers}}
            self.api("PATCH", f"{path}/{task['map_index']}/hitlDetails", json=body)

    def open_questions(self, run_id: str) -> list[dict[str, Any]]:
        """Questions of a run of the pair that nobody has answered; ``~``: of all its runs."""
        path = f"/dags/{PAIR}/dagRuns/{quote(run_id, safe='~')}/hitlDetails?response_received=false"
        found: list[dict[str, Any]] = self.api("GET", path)["hitl_details"]
        return found

    def ask_for_approval(self, day: datetime) -> str:
        """Start a run for a day that asks before it makes leases, and wait for its question; returns the run's id."""
        window = {"window_start": day.isoformat(), "window_end": (day + timedelta(days=1)).isoformat()}
        body = {"logical_date": None, "conf": window | {"accept": "approval"}}
        run_id = str(self.api("POST", f"/dags/{PAIR}/dagRuns", json=body)["dag_run_id"])
        deadline = time.monotonic() + RUNS_SECONDS
        while not self.open_questions(run_id):
            if time.monotonic() > deadline:
                raise SystemExit("pictures: no question was asked in time")
            time.sleep(2)
        return run_id

    def somebody_with_a_lease(self) -> str:
        """An external id from the ledger."""
        question = "select external_id from prospect_ledger where pair = ? and lease_number is not null"
        with contextlib.closing(sqlite3.connect(self.home / "prospect_ledger.db")) as ledger:
            return str(ledger.execute(question, [PAIR]).fetchone()[0])


@contextlib.contextmanager
def running_demo(language: str) -> Iterator[Demo]:
    """A demo of our own, on free ports and in a folder of its own."""
    airflow_port = free_ports(7, range(18300, 60000, 10))
    sandbox_port, mail_port = airflow_port + 1, airflow_port + 5
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        home = Path(folder) / "airflow"
        ports = ("--airflow-port", str(airflow_port), "--sandbox-port", str(sandbox_port))
        ports += ("--mail-port", str(mail_port), "--language", language)
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "include.demo", "--home", str(home), *ports],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            _wait_for_its_end(process)
            url = f"http://127.0.0.1:{airflow_port}"
            password = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())[
                "admin"
            ]
            log_in = {"username": "admin", "password": password}
            token = requests.post(f"{url}/auth/token", json=log_in, timeout=60).json()["access_token"]
            session = requests.Session()
            session.headers["Authorization"] = f"Bearer {token}"
            yield Demo(url, sandbox_port, mail_port, session, token, home)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _wait_for_its_end(process: subprocess.Popen[str]) -> None:
    for line in process.stdout or ():
        print(line, end="", flush=True)
        if "Ctrl-C" in line:
            return
    raise SystemExit("pictures: the demo ended early")


def live_some_days(demo: Demo) -> str:
    """A week of one pair: days that are loaded, one that nobody has loaded, one that failed, one with an open question.

    Returns the id of the run that asks.
    """
    today = datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    yuneo = demo.sandbox("yuneo")
    exchanges = yuneo.options()["exchanges"]
    demo.backfill(today - timedelta(days=7), today - timedelta(days=6))
    yuneo.options(exchanges=["Another"])  # as if somebody had renamed it in Yuneo: the load stops at once
    demo.backfill(today - timedelta(days=3), today - timedelta(days=3))
    yuneo.options(exchanges=exchanges)
    demo.backfill(today - timedelta(days=2), today - timedelta(days=2))
    return demo.ask_for_approval(today - timedelta(days=5))


class Camera:
    """Takes pictures of pages as a person sees them who is logged in, lives in Berlin and reads the language."""

    def __init__(self, demo: Demo, folder: Path, browser: Any, language: str, dark: bool = False) -> None:
        self.demo, self.folder, self.suffix = demo, folder, "-dark" if dark else ""
        context = browser.new_context(
            timezone_id="Europe/Berlin",
            color_scheme="dark" if dark else "light",
            locale={"en": "en-GB", "de": "de-DE"}[language],
        )
        cookie = {"name": "_token", "value": demo.token, "url": demo.url}
        context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Lax"}])
        settings = {
            "timezone": json.dumps("Europe/Berlin"),
            "default_dag_view": json.dumps("graph"),
            "theme": "dark" if dark else "light",
            "i18nextLng": language,
        }
        for name, value in settings.items():
            context.add_init_script(f"localStorage.setItem({json.dumps(name)}, {json.dumps(value)})")
        self.page: Page = context.new_page()
        self.page.set_default_timeout(1000 * TIMEOUT)

    def graph_of(self, run_id: str, name: str) -> None:
        """A run's tasks, without the panel beside them."""
        self.page.set_viewport_size({"width": 1400, "height": 420})
        self.page.goto(f"{self.demo.url}/dags/{PAIR}/runs/{quote(run_id)}")
        self.page.locator(".react-flow__node", has_text="reconcile").wait_for()
        self.page.get_by_label("Collapse Details Panel").click()
        self.page.add_style_tag(content=".react-flow__minimap { display: none }")  # it covers the last task
        self.page.get_by_label("Fit View").click()
        self.page.wait_for_timeout(1000)  # the view glides to its place
        self.keep(name)

    def console(self, query: str, name: str, most: int = 1600) -> None:
        """The page *Prospects*, as high as what stands on it."""
        self.page.set_viewport_size({"width": 1360, "height": 400})
        self.page.goto(f"{self.demo.url}/plugin/prospects/prospects/{query}")
        main = self.page.frame_locator("iframe").locator("main[data-ready]")
        main.wait_for()
        height = main.evaluate("main => Math.ceil(main.getBoundingClientRect().height)")
        self.page.set_viewport_size({"width": 1360, "height": min(most, max(560, height + 40))})
        self.keep(name)

    def form(self, name: str) -> None:
        """The form of a run that is started by hand."""
        self.page.set_viewport_size({"width": 1360, "height": 1240})
        self.page.goto(f"{self.demo.url}/dags/{PAIR}")
        self.page.locator("button", has_text=re.compile("Trigger|Auslösen")).first.click()
        self.page.locator("textarea:visible").first.wait_for()
        self.page.wait_for_timeout(1000)  # the dialog glides to its place
        self.keep(name)

    def question(self, run_id: str, name: str) -> None:
        """The question before leases are made; with the grid beside it, which leaves more room than the graph."""
        self.page.add_init_script("localStorage.setItem('default_dag_view', JSON.stringify('grid'))")
        self.page.set_viewport_size({"width": 1360, "height": 800})
        task = f"/dags/{PAIR}/runs/{quote(run_id)}/tasks/auto_accept/mapped/0"
        self.page.goto(f"{self.demo.url}{task}/required_actions")
        self.page.locator(
            "button", has_text=re.compile("^(Accept the selected|Ausgewählte)")
        ).first.wait_for()
        self.page.wait_for_timeout(1000)  # the panels glide to their places
        self.keep(name)

    def mails(self, name: str) -> None:
        """The newest alerts as mails."""
        self.page.set_viewport_size({"width": 1100, "height": 620})
        self.page.goto(f"http://127.0.0.1:{self.demo.mail_port}")
        self.keep(name)

    def keep(self, name: str) -> None:
        """Save what is seen as a palette picture, a third of the size."""
        picture = Image.open(io.BytesIO(self.page.screenshot(animations="disabled"))).convert("RGB")
        few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        path = self.folder / f"{name}{self.suffix}.png"
        few.save(path, optimize=True)
        print(f"  {path.name}  {path.stat().st_size // 1024} kB", flush=True)


def take_all(demo: Demo, folder: Path, language: str, asking: str) -> None:
    """Every picture of README and docs in a language."""
    last = next(run for run in demo.runs() if run["state"] == "success")
    leased = demo.somebody_with_a_lease()
    names = NAMES[language]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for dark in (False, True):
            camera = Camera(demo, folder, browser, language, dark)
            if language == "en":
                camera.graph_of(last["dag_run_id"], "dag-graph")
            camera.console("", names.pairs)
            camera.console(f"?pair={PAIR}", names.pair)
            camera.console(f"?find={quote(leased)}", names.prospect)
            camera.console("?held=", names.held, most=1000)
            camera.form(names.form)
            camera.question(asking, names.question)
            if not dark:
                camera.mails(names.mails)
            if language == "en" and not dark:
                camera.page.set_viewport_size({"width": 1360, "height": 620})
                camera.page.goto(demo.sandbox("yuneo").url)
                camera.keep("sandbox-yuneo")
        browser.close()


class Names(NamedTuple):
    """Names of the pictures in a language."""

    pairs: str
    pair: str
    prospect: str
    held: str
    form: str
    question: str
    mails: str


NAMES = {
    "en": Names(
        "console-pairs",
        "console-pair",
        "console-prospect",
        "console-held",
        "trigger-form",
        "approval",
        "mails",
    ),
    "de": Names(
        "konsole-strecken",
        "konsole-strecke",
        "konsole-interessent",
        "konsole-zurueckgestellt",
        "startformular",
        "freigabe",
        "meldungen",
    ),
}


def main() -> None:
    """Run a demo for each language and take the pictures."""
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--language", choices=list(NAMES), help="by default both")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if not CHROMIUM:
        raise SystemExit("pictures: chromium is not installed (apt-get install chromium)")
    for language in [options.language] if options.language else NAMES:
        with running_demo(language) as demo:
            asking = live_some_days(demo)
            take_all(demo, options.folder, language, asking)


if __name__ == "__main__":
    main()
