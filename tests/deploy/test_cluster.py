"""The whole set-up without Docker, where things die in the middle: minutes, and programs of the system."""

import os
import subprocess
import sys

import pytest

from tests.harness.cluster_run import ACTS
from tests.harness.compose_file import ROOT

SECONDS = 2400


def _start(python: str, *options: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    command = [python, "-m", "tests.harness.cluster", *options]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.cluster
@pytest.mark.timeout(SECONDS)
def test_four_pairs_come_out_right_whatever_dies(cluster_python: str) -> None:
    check = _start(cluster_python, "--check", "all")
    said, _ = check.communicate()
    if check.returncode == 3:
        pytest.skip(said.strip())
    assert check.returncode == 0, said
    process, lines = _start(cluster_python), []
    try:
        assert process.stdout
        for line in process.stdout:
            print(line, end="", flush=True)  # minutes go by: whoever watches sees how far it is
            lines.append(line)
        assert process.wait() == 0
    finally:
        process.terminate()
        process.wait()
    text = "".join(lines)
    assert "killed worker-" in text
    for act in ACTS:
        assert f"{act}: right, no offer twice, no lease twice, nothing lost" in text


def test_says_in_one_line_what_is_missing() -> None:
    """An interpreter without Celery gets a clear message, or PostgreSQL's absence comes first; never a traceback."""
    code = "import sys; from tests.harness import cluster; cluster.cluster_services.program = lambda name: None; "
    code += "sys.exit(cluster.main(['--check', 'programs']))"
    response = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert response.returncode == 3
    assert response.stderr.count("\n") == 1
    assert "apt-get install postgresql redis-server" in response.stderr


@pytest.mark.parametrize("acts", ["redis,redis", "scheduler", ""])
def test_acts_that_it_does_not_know(acts: str, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.harness import cluster

    with pytest.raises(SystemExit):
        cluster.main(["--acts", acts])
    assert "some of worker,redis,postgres, each once" in capsys.readouterr().err
