"""The interpreter that has the image's packages, which the other tests' environment has not."""

import os
import sys

import pytest

from tests.harness.compose_file import ROOT


@pytest.fixture(scope="session")
def cluster_python() -> str:
    """CLUSTER_PYTHON, else that of .venv-cluster, else the one that runs the tests."""
    own = ROOT / ".venv-cluster/bin/python"
    return os.environ.get("CLUSTER_PYTHON") or (str(own) if own.exists() else sys.executable)
