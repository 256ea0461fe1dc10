"""The whole set-up without Docker, with a worker that dies in the middle: minutes, and programs of the system."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.compose_file import ROOT

SECONDS = 1200


def _python() -> str:
    """The interpreter that has the image's packages: CLUSTER_PYTHON, else .venv-cluster, else this one."""
    own = ROOT / ".venv-cluster/bin/python"
    return os.environ.get("CLUSTER_PYTHON") or (str(own) if own.exists() else sys.executable)


def _cluster(*options: str, seconds: int = 60, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [_python(), "-m", "deploy.cluster", *options]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")
    } | variables
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)


@pytest.mark.cluster
@pytest.mark.timeout(SECONDS + 60)
def test_four_pairs_come_out_right_though_a_worker_dies() -> None:
    check = _cluster("--check")
    if check.returncode == 3:
        pytest.skip(check.stderr.strip())
    assert check.returncode == 0, check.stderr
    answer = _cluster(seconds=SECONDS)
    print(answer.stdout)
    assert answer.returncode == 0, f"{answer.stdout}\n{answer.stderr}"
    assert "killed worker-" in answer.stdout
    assert "no offer twice, no lease twice, nothing lost" in answer.stdout


def test_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    """An interpreter without Celery is told so, or PostgreSQL's absence comes first; never a traceback."""
    code = "import sys; from deploy import cluster; cluster.cluster_services.program = lambda name: None; "
    code += "sys.exit(cluster.main(['--check']))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 3
    assert answer.stderr.count("\n") == 1
    assert "apt-get install postgresql redis-server" in answer.stderr
