"""docker-compose.yaml: valid by the Compose Specification, accepted by Docker Compose, with least rights.

``compose-spec.json`` is the specification's JSON Schema, unchanged: compose-spec/compose-spec, commit 170098ba07d9
(2026-06-23), Apache-2.0.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from letting_sync.customers import loader
from letting_sync.customers.loader import read_customer
from tests.harness import compose_file
from tests.harness.compose_file import ROOT

CONTENT = compose_file.load()
SERVICES = CONTENT["services"]
AIRFLOW = {"init", "api-server", "scheduler", "dag-processor", "triggerer", "worker", "sandbox"}
ONCE = {"init"}

# Who may know what. Widening this is a decision, not a detail.
SECRETS_OF = {
    "postgres": {"postgres_password"},
    "redis": {"redis_conf"},
    "object-store": {"object_store"},
    "init": {"postgres_password", "database_airflow", "fernet_key", "admin_password", "connections_init"},
    "api-server": {"database_airflow", "fernet_key", "jwt_secret", "api_secret_key", "connections_console"},
    "scheduler": {"database_airflow", "fernet_key", "jwt_secret", "broker", "celery_results"},
    "dag-processor": {"database_airflow", "fernet_key", "connections"},
    "triggerer": {"database_airflow", "fernet_key", "connections"},
    "worker": {"broker", "celery_results", "api_secret_key", "connections"},
    "sandbox": set(),
}
NETWORKS_OF = {
    "postgres": {"data"},
    "redis": {"data"},
    "object-store": {"data"},
    "init": {"data"},
    "api-server": {"front", "core", "data"},
    "scheduler": {"core", "data"},
    "dag-processor": {"core", "data", "outside"},
    "triggerer": {"core", "data", "outside"},
    "worker": {"core", "data", "outside"},
    "sandbox": {"outside"},
}


def docker_compose() -> list[str]:
    """Docker Compose's own program; ``config`` needs no engine."""
    for folder in (ROOT / ".venv-cluster/bin", None):
        found = shutil.which("docker-compose", path=str(folder) if folder else None)
        if found:
            return [found]
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True).returncode
    ):
        return ["docker", "compose"]
    return []


def config(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = docker_compose()
    if not command:
        pytest.skip("no Docker Compose: `make cluster` installs its program in .venv-cluster")
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    return subprocess.run(
        [*command, "--file", str(compose_file.FILE), "--env-file", os.devnull, *options],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
    )


def errors_by_the_specification(content: object) -> list[str]:
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
    return [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(content)]


def test_it_is_valid_by_the_compose_specification() -> None:
    assert errors_by_the_specification(CONTENT) == []


def test_the_specification_refuses_a_mistake() -> None:
    """The check above is one: a misspelt key of one service is an error."""
    wrong = {**CONTENT, "services": {**SERVICES, "redis": {**SERVICES["redis"], "restarts": "always"}}}

    assert any("restarts" in message for message in errors_by_the_specification(wrong))


@pytest.mark.parametrize("profile", ["", "sandbox"])
def test_docker_compose_accepts_it(profile: str) -> None:
    response = config("--profile", profile or "none", "config", "--quiet")
    assert response.returncode == 0, response.stderr
    assert "warn" not in response.stderr.lower()


def test_our_reading_is_docker_composes_reading() -> None:
    """tests/harness/cluster.py runs what compose_file reads: it must be what Docker Compose would run."""
    response = config("--profile", "sandbox", "config", "--format", "json")
    assert response.returncode == 0, response.stderr
    theirs = json.loads(response.stdout.replace("$$", "$"))["services"]
    assert set(theirs) == set(SERVICES)
    for name in theirs:
        ours = compose_file.service(name, CONTENT)
        assert ours.command == (theirs[name].get("command") or []), name
        assert ours.environment == (theirs[name].get("environment") or {}), name
        secrets = {secret.get("target", secret["source"]) for secret in theirs[name].get("secrets", [])}
        assert set(ours.secrets) == {target.removeprefix("/run/secrets/") for target in secrets}, name


def test_docker_compose_refuses_a_mistake(tmp_path: Path) -> None:
    """The check above is one: an unknown key is an error."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("services:\n  redis:\n    restarts: always\n")
    response = config("--file", str(wrong), "config", "--quiet")
    assert response.returncode != 0
    assert "restarts" in response.stderr


def test_all_services_are_there() -> None:
    assert set(SERVICES) == AIRFLOW | {"postgres", "redis", "object-store"}
    assert SERVICES["sandbox"]["profiles"] == ["sandbox"]
    assert not any("profiles" in SERVICES[name] for name in SERVICES if name != "sandbox")
    assert SERVICES["worker"]["deploy"]["replicas"] >= 2


@pytest.mark.parametrize("name", SERVICES)
class TestEveryService:
    def test_has_least_rights(self, name: str) -> None:
        service = SERVICES[name]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service)
        user = str(service["user"]).split(":")[0]
        assert user not in ("", "0", "root")

    def test_restarts(self, name: str) -> None:
        assert SERVICES[name]["restart"] == ("on-failure:3" if name in ONCE else "unless-stopped")

    def test_is_watched(self, name: str) -> None:
        health = SERVICES[name]["healthcheck"]
        if name in ONCE:
            assert health == {"disable": True}
        else:
            assert health["test"][0] in ("CMD", "CMD-SHELL")
            assert {"interval", "timeout", "retries", "start_period"} <= set(health)

    def test_has_limits(self, name: str) -> None:
        assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}

    def test_writes_to_volumes_and_memory_only(self, name: str) -> None:
        """One folder of the host is read, that of the customers' files; none is written."""
        mounts = set(SERVICES[name].get("volumes", [])) - {"./include/pairs:/opt/prospects/include/pairs:ro"}
        assert all(mount.split(":")[0] in CONTENT["volumes"] for mount in mounts), "a folder of the host"
        assert all("size=" in entry for entry in SERVICES[name].get("tmpfs", [])), "a tmpfs without a limit"

    def test_knows_its_own_secrets_only(self, name: str) -> None:
        sources = {
            secret if isinstance(secret, str) else secret["source"]
            for secret in SERVICES[name].get("secrets", [])
        }
        assert sources == SECRETS_OF[name]

    def test_is_in_its_own_networks_only(self, name: str) -> None:
        assert set(SERVICES[name]["networks"]) == NETWORKS_OF[name]

    def test_every_secret_that_is_read_is_mounted(self, name: str) -> None:
        service = compose_file.service(name, CONTENT)
        text = " ".join([*service.command, *service.environment.values()])
        assert set(re.findall(r"/run/secrets/([\w.]+)", text)) <= set(service.secrets)

    def test_waits_for_services_that_are_there(self, name: str) -> None:
        for other, how in SERVICES[name].get("depends_on", {}).items():
            expected = "service_completed_successfully" if other in ONCE else "service_healthy"
            assert how == {"condition": expected}

    def test_image_is_pinned(self, name: str) -> None:
        build = SERVICES[name].get("build")
        images = list(build["args"].values()) if build else [SERVICES[name]["image"]]
        for image in images:
            assert re.search(r":[\w.-]*\d+\.\d+[\w.-]*$", image), f"{image} has no version"
            assert "latest" not in image


def test_only_the_api_server_is_reached_and_only_from_this_host() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["api-server"]
    assert all(port.startswith("127.0.0.1:") for port in published["api-server"])
    internal = {name for name, network in CONTENT["networks"].items() if network.get("internal")}
    assert internal == {"core", "data"}


def test_no_secret_is_written_here() -> None:
    """Secrets come from files that git ignores; no variable carries one."""
    for name, secret in CONTENT["secrets"].items():
        assert set(secret) == {"file"}, name
    plain = {
        "AIRFLOW__SECRETS__BACKEND",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT",
        "CONNECTION_CHECK_MAX_COUNT",
        "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES",
    }
    for name in SERVICES:
        for variable, value in compose_file.service(name, CONTENT).environment.items():
            if re.search(r"PASSWORD|SECRET|KEY|TOKEN|CONN|BROKER|RESULT_BACKEND", variable):
                assert variable in plain or "/run/secrets/" in value, f"{name}: {variable}"
    text = compose_file.FILE.read_text() + (ROOT / ".env.example").read_text()
    assert not re.search(r"://[^/\s:]*:[^/\s@]+@", text), "a password in an address"


def test_every_variable_has_a_default_that_the_example_shows() -> None:
    text = compose_file.FILE.read_text()
    names = set(re.findall(r"\$\{(\w+)", text))
    assert names == set(re.findall(r"\$\{(\w+):-[^}]+\}", text)), "a variable without a default"
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    assert set(example) == names
    assert compose_file.load(example) == CONTENT, "the example says something else than the defaults"


def test_anchors_are_all_used() -> None:
    text = compose_file.FILE.read_text()
    for anchor in re.findall(r"&([\w-]+)", text):
        assert re.search(rf"\*{anchor}\b", text), f"nobody uses {anchor}"
    assert YAML(typ="safe", pure=True).load(text)["name"] == "prospects"


def test_dockerfile_ends_without_root_and_with_the_compose_files_images() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)
    assert [stage.split("\n")[0].split(" AS ")[1] for stage in stages[1:]] == [
        "wheel",
        "airflow",
        "sandbox",
        "object-store",
    ]
    for stage in stages[1:]:
        assert re.findall(r"^USER (\S+)", stage, flags=re.M)[-1] not in ("root", "0")
    images = dict(re.findall(r"^ARG (\w+)=(\S+)", stages[0], flags=re.M))
    for name in ("api-server", "object-store"):
        for argument, image in SERVICES[name]["build"]["args"].items():
            assert images[argument] == image


def _stages() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text()
    return dict(re.findall(r"^FROM \S+ AS ([\w-]+)\n(.*?)(?=^FROM |\Z)", text, re.M | re.S))


def test_the_image_of_production_holds_what_runs_there_and_no_more() -> None:
    copied = {stage: re.findall(r"^COPY (\S+) /opt", text, flags=re.M) for stage, text in _stages().items()}

    assert copied["airflow"] == ["dags", "deploy/*.py", "include/pairs"]
    assert copied["sandbox"] == ["include/__init__.py", "include/sandbox"]
    assert {SERVICES[name]["build"]["target"] for name in AIRFLOW - {"sandbox"}} == {"airflow"}
    assert SERVICES["sandbox"]["build"]["target"] == "sandbox"
    for path in (ROOT / "Dockerfile", ROOT / ".dockerignore", compose_file.FILE):
        assert "PYTHONPATH" not in path.read_text()


EXAMPLES = {
    f"dags/{path.name}" for path in (ROOT / "dags").glob("*.py") if "= letting_dag(" in path.read_text()
}
"""DAG files with one pair each: for `make demo`. In production pairs are customers' files."""


def test_the_example_pairs_are_not_in_the_image() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    assert len(EXAMPLES) == 4
    assert set(ignored[ignored.index("!dags") :]) >= EXAMPLES


def test_the_wheel_is_built_from_what_the_image_copies(tmp_path: Path) -> None:
    """The commands of the stage ``wheel``, without Docker: everything in the package's folder is in the wheel."""
    source = tmp_path / "source"
    for names in re.findall(r"^COPY --\S+ (.+) \./\S*$", _stages()["wheel"], flags=re.M):
        for name in names.split():
            there = ROOT / name
            copy = shutil.copytree if there.is_dir() else shutil.copy
            source.mkdir(exist_ok=True)
            copy(there, source / there.name)
    command = re.findall(r"^RUN (pip wheel .*)$", _stages()["wheel"], flags=re.M)[0]
    command = command.replace("/tmp/wheel", str(tmp_path / "wheel"))
    subprocess.run([sys.executable, "-m", *command.split()], cwd=source, check=True, capture_output=True)

    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = subprocess.run(
        ["git", "ls-files", "plugins/letting_sync"], cwd=ROOT, check=True, capture_output=True
    )
    assert packed == {name.removeprefix("plugins/") for name in files.stdout.decode().split()}


def test_the_pairs_of_the_sandbox_are_the_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A trial in containers has the pairs of `make demo`, as customers' files; the image has no DAG files of those names."""
    monkeypatch.setattr(loader, "_dag_files", frozenset)
    files = list((ROOT / "deploy" / "sandbox-pairs").iterdir())

    assert {f"dags/{path.stem}.py" for path in files} == EXAMPLES
    for path in files:
        assert read_customer(path).dag_id == path.stem


def test_the_build_sees_no_secret() -> None:
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*", "everything is left out unless it is named"
    assert not any("secrets" in line or ".env" in line for line in lines)


def _locked(path: Path) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==([^\s;]+)(.*)$", path.read_text(), flags=re.M)
    return {name + marker.strip(): version for name, version, marker in found}


def test_the_image_has_the_versions_that_the_tests_run_with() -> None:
    tested, image = _locked(ROOT / "requirements.txt"), _locked(ROOT / "deploy/requirements.txt")
    # One for Windows only may be for all here: Celery's command line asks for colorama everywhere.
    assert {name: image.get(name, image.get(name.split(";")[0].strip())) for name in tested} == tested, (
        "make lock"
    )
    cluster = _locked(ROOT / "deploy/requirements-cluster.txt")
    assert {name: cluster.get(name) for name in image} == image


def test_locks_name_no_host_and_no_folder() -> None:
    for path in (ROOT / "deploy").glob("requirements*.txt"):
        assert not re.search(r"https?://|index-url|(?<!\w)/(work|tmp|home)/", path.read_text()), path.name


def test_airflow_hands_out_as_much_as_the_workers_can_take() -> None:
    worker, scheduler = SERVICES["worker"], SERVICES["scheduler"]
    slots = worker["deploy"]["replicas"] * int(worker["environment"]["AIRFLOW__CELERY__WORKER_CONCURRENCY"])
    assert int(scheduler["environment"]["AIRFLOW__CORE__PARALLELISM"]) == slots


UNDESCRIBED = {"AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES"}
"""Read by Airflow's scheduler, and missing in its own description of its settings."""


def test_airflow_knows_every_setting(cluster_python: str, tmp_path: Path) -> None:
    """A wrong name would do nothing, and nobody would notice."""
    if subprocess.run([cluster_python, "-c", "import celery"], capture_output=True).returncode:
        pytest.skip("the executor's settings are known in .venv-cluster only, which `make cluster` makes")
    variables = {name for service in SERVICES.values() for name in service.get("environment", {})}
    settings = {name.removesuffix("_CMD") for name in variables if name.startswith("AIRFLOW__")} - UNDESCRIBED
    code = "import json; from airflow.configuration import conf; d = conf.configuration_description; "
    code += "print(json.dumps([f'AIRFLOW__{s}__{o}'.upper() for s in d for o in d[s]['options']]))"
    environment = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path)}
    response = subprocess.run(
        [cluster_python, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True
    )
    assert response.returncode == 0, response.stderr
    known = set(json.loads(response.stdout.splitlines()[-1]))
    assert {name for name in settings if not name.startswith("AIRFLOW__PROSPECTS__")} <= known
