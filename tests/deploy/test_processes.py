"""Processes that end are started again, as a container's restart policy does."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.processes import RESTARTS, Failed, Processes

STAYS = (sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()")
ENDS = (sys.executable, "-c", "pass")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


def test_one_that_has_ended_is_started_again(processes: Processes, tmp_path: Path) -> None:
    processes.start("ends", ENDS, {}, tmp_path)
    first = processes.running["ends"]
    first.wait()
    with pytest.raises(Failed, match="ends ended early"):
        processes.must_live()
    processes.restart_ended()
    assert processes.running["ends"].pid != first.pid
    assert processes.restarts == {"ends": 1}


def test_one_that_stays_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    processes.start("stays", STAYS, {}, tmp_path)
    before = processes.running["stays"]
    processes.restart_ended()
    assert processes.running["stays"] is before
    assert not processes.restarts


def test_one_that_was_ended_on_purpose_stays_down_until_it_is_started(
    processes: Processes, tmp_path: Path
) -> None:
    processes.start("stays", STAYS, {}, tmp_path)
    ended = processes.running["stays"]
    processes.end("stays", signal.SIGKILL)
    assert ended.returncode == -signal.SIGKILL
    processes.restart_ended()
    assert "stays" not in processes.running
    processes.start_again("stays")
    assert processes.running["stays"].poll() is None


def test_one_that_never_stays_is_given_up(processes: Processes, tmp_path: Path) -> None:
    processes.start("ends", ENDS, {}, tmp_path)
    processes.restarts["ends"] = RESTARTS
    processes.running["ends"].wait()
    with pytest.raises(Failed, match="ends does not stay"):
        processes.restart_ended()
