"""The services of docker-compose.yaml as processes of this host."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy import make_secrets
from include.demo.processes import Processes
from tests.harness import compose_file
from tests.harness.compose_file import ROOT, Service

AIRFLOW_SERVICES = ("api-server", "scheduler", "dag-processor", "triggerer")
WORKERS = ("worker-1", "worker-2")
START_UP_SECONDS = 240
# A lost task is detected after 15 seconds instead of five minutes, an unclaimed one after 20 instead of 300.
# Apart from that only paths, ports and the size of the machine differ from docker-compose.yaml.
TEMPO = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
    "AIRFLOW__CORE__PARALLELISM": "4",
}
# A cluster policy is Airflow's way to configure all tasks without changing a DAG.
POLICY = "def task_policy(task):\n    from datetime import timedelta\n    task.retry_delay = timedelta(seconds=3)\n"


class Ports:
    """Twenty consecutive ports."""

    def __init__(self, first: int) -> None:
        self.all = range(first, first + 20)
        self.api, self.postgres, self.redis, self.object_store, self.trigger_log, *_ = self.all
        self.worker_logs = self.all[5:7]
        self.sandbox = self.all[10]
        """The first of four ports."""


def program(name: str) -> str | None:
    """Return the path of a program. On Debian PostgreSQL's are not on the PATH; Valkey may replace Redis."""
    if name == "redis-server":
        return shutil.which(name) or shutil.which("valkey-server")
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(debian[-1]) if debian else shutil.which(name)


def has_module(name: str) -> bool:
    """Return whether this interpreter has a package."""
    return importlib.util.find_spec(name) is not None


class Cluster:
    """
    All services on this host.

    :param folder: contains secrets, data, and a home folder for each service.
    """

    def __init__(self, folder: Path, ports: Ports, processes: Processes) -> None:
        self.folder, self.ports, self.processes = folder, ports, processes
        self.api = f"http://127.0.0.1:{ports.api}"
        self.sandbox_urls = {
            name: f"http://127.0.0.1:{ports.sandbox + i}" for i, name in enumerate(make_secrets.SYSTEMS)
        }
        self.secrets = folder / "secrets"
        self._compose = compose_file.load({"PUBLIC_URL": self.api})
        self._plain = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        places = make_secrets.Places(
            f"127.0.0.1:{ports.postgres}",
            f"127.0.0.1:{ports.redis}",
            f"http://127.0.0.1:{ports.object_store}",
        )
        make_secrets.make(self.secrets, places, self._systems())
        (folder / "task-logs").mkdir()
        self._project = self._project_folder()

    def _project_folder(self) -> Path:
        """The image's folder /opt/prospects: DAG files without the examples, pairs of the sandbox, no plugins."""
        project = self.folder / "project"
        lines = (ROOT / ".dockerignore").read_text().splitlines()
        left_out = [Path(line).name for line in lines if line.startswith("dags/")]
        shutil.copytree(ROOT / "dags", project / "dags", ignore=shutil.ignore_patterns(*left_out))
        shutil.copytree(ROOT / "deploy" / "sandbox-pairs", project / "include" / "pairs")
        (project / "plugins").mkdir()
        return project

    def _systems(self) -> dict[str, Any]:
        systems: dict[str, Any] = json.loads(make_secrets.SANDBOX.read_text())
        for name, connection in systems.items():
            connection["host"] = self.sandbox_urls[name]
        # A lost import or delivery takes effect within two seconds in the sandbox.
        for erp in ("yuneo", "sigma"):
            systems[erp]["extra"] |= {"settle_seconds": 16, "connect_timeout": 2, "timeout": 8}
        return systems

    # --- what is not Airflow -----------------------------------------------------------------------------------

    def start_postgres(self) -> None:
        """Start PostgreSQL, as the user ``postgres`` if we are root."""
        home = self.folder / "postgres"
        home.mkdir()
        password = home / "password"
        password.write_text((self.secrets / "postgres_password").read_text())
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            shutil.chown(home, user, user)
            shutil.chown(password, user, user)
        data = str(home / "data")
        options = ("--username=postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8")
        initdb = (program("initdb") or "", "--pgdata", data, *options, "--no-sync")
        self.processes.run("initdb", initdb, self._plain, home, user)
        command = [program("postgres") or "", "-D", data, "-p", str(self.ports.postgres)]
        settings = ("listen_addresses=127.0.0.1", f"unix_socket_directories={home}", "fsync=off")
        for setting in settings:
            command += ["-c", setting]
        self.processes.start("postgres", command, self._plain, home, user, stop_with=signal.SIGINT)

    def start_redis(self) -> None:
        """Start the broker with the command and the secret file of its container."""
        home = self.folder / "redis"
        home.mkdir()
        service = compose_file.service("redis", self._compose)
        here = {
            "valkey-server": program("redis-server") or "",
            "/run/secrets/redis_conf": str(self.secrets / "redis_conf"),
            "/data": str(home),
        }
        where = ("--bind", "127.0.0.1", "--port", str(self.ports.redis))
        command = [*(here.get(argument, argument) for argument in service.command), *where]
        self.processes.start("redis", command, self._plain, home)

    def start_object_store(self) -> None:
        """Start an S3-protocol server, which stores its objects in memory."""
        where = ("-H", "127.0.0.1", "-p", str(self.ports.object_store))
        command = (sys.executable, "-m", "moto.server", *where)
        self.processes.start("object-store", command, self._plain, self.folder)

    def start_sandbox(self) -> None:
        """The four external systems, listening on this host only."""
        service = compose_file.service("sandbox", self._compose)
        here = {"0.0.0.0": "127.0.0.1", "8091": str(self.ports.sandbox)}
        command = [here.get(argument, argument) for argument in self._command(service.command)]
        # In the repository, as the image's programs are started in /opt/prospects.
        self.processes.start("sandbox", command, self._environment(service, "sandbox"), ROOT)

    # --- Airflow, as the compose file has it -------------------------------------------------------------------

    def run_init(self) -> None:
        """Run the service ``init``."""
        service = compose_file.service("init", self._compose)
        environment = self._environment(service, "init")
        self.processes.run("init", self._command(service.command), environment, ROOT)

    def start_airflow(self, name: str) -> None:
        """Start a service of Airflow."""
        service = compose_file.service(name, self._compose)
        environment = self._environment(service, name)
        environment["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"] = str(self.ports.trigger_log)
        command = self._command(service.command)
        if name == "api-server":
            command += ["--host", "127.0.0.1"]
        self.processes.start(name, command, environment, self._home(name))

    def start_worker(self, name: str) -> None:
        """Start one of the two workers, with its own home folder and port for logs."""
        service = compose_file.service("worker", self._compose)
        environment = self._environment(service, name)
        port = self.ports.worker_logs[WORKERS.index(name)]
        environment["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(port)
        command = [*self._command(service.command), "--celery-hostname", f"celery@{name}"]
        self.processes.start(name, command, environment, self._home(name))

    def wait_until_well(self, name: str) -> None:
        """Wait until the service's own health check succeeds."""
        service = compose_file.service("worker" if name in WORKERS else name, self._compose)
        environment = self._environment(service, name)
        command, response = self._command(service.health), ""

        def is_well() -> bool:
            nonlocal response
            check = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
            response = (check.stdout or check.stderr).strip()
            return check.returncode == 0

        self.processes.wait_until(
            is_well,
            START_UP_SECONDS,
            lambda: f"{name} is not well after {START_UP_SECONDS} s: {response[-300:]}",
        )

    def _home(self, name: str) -> Path:
        return self.folder / "home" / name

    def _environment(self, service: Service, name: str) -> dict[str, str]:
        """Return the service's environment with the paths of this host; it contains only its own secrets."""
        home = self._home(name)
        secrets = home / "secrets"
        if not home.exists():
            secrets.mkdir(parents=True)
            (home / "logs").symlink_to(self.folder / "task-logs")  # the volume that all of them share
            (home / "config").mkdir()
            (home / "config" / "airflow_local_settings.py").write_text(POLICY)
            for target, file in service.secrets.items():
                shutil.copy(self.secrets / file, secrets / target)
        there = {
            "/run/secrets": str(secrets),
            "/opt/prospects": str(self._project),
            "/opt/airflow": str(home),
            "http://api-server:8080": self.api,
        }
        environment = dict(self._plain)
        for variable, value in service.environment.items():
            for old, new in there.items():
                value = value.replace(old, new)
            environment[variable] = value
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return environment | {**TEMPO, "PATH": path, "SECRETS_FOLDER": str(secrets), "WORKER_NAME": name}

    def _command(self, command: Sequence[str]) -> list[str]:
        """Return a command as the image's entrypoint interprets it: ``python ...`` or a subcommand of Airflow."""
        program_, *arguments = command
        arguments = [str(self.ports.api) if argument == "8080" else argument for argument in arguments]
        if program_ == "python":
            return [sys.executable, *arguments]
        airflow = str(Path(sys.executable).with_name("airflow"))
        return [airflow, program_, *arguments]
