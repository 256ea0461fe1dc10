"""Processes that end are started again, as a container's restart policy does, and all end together."""

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.demo.processes import RESTARTS, Failed, Processes, free_ports, is_free, listens

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


def test_all_that_a_process_has_started_ends_with_it(processes: Processes, tmp_path: Path) -> None:
    program = f"import signal, subprocess; print(subprocess.Popen({STAYS!r}, stdout=-3).pid, flush=True); signal.pause()"
    processes.start("parent", (sys.executable, "-c", program))
    log = tmp_path / "parent.log"
    processes.wait_until(lambda: log.read_text().strip(), 30, "it says nothing", pause=0.01)
    pid = int(log.read_text())
    assert processes.name_of(pid) == "parent"

    processes.stop()
    assert not processes.running
    stat = Path(f"/proc/{pid}/stat")  # a zombie where nobody takes note of its end
    processes.wait_until(lambda: not stat.exists() or ") Z " in stat.read_text(), 30, "it lives", pause=0.01)


def test_who_waits_learns_that_one_has_ended(processes: Processes, tmp_path: Path) -> None:
    processes.start("ends", ENDS)
    with pytest.raises(Failed, match=r"ends ended early: see the end of .*ends\.log"):
        processes.wait_until(lambda: False, 30, "not in time", pause=0.01)


def test_who_waits_in_vain_learns_why(processes: Processes) -> None:
    with pytest.raises(Failed, match=r"^seen 1$"):
        processes.wait_until(lambda: False, 0, lambda: "seen 1", pause=0)
    with pytest.raises(Failed, match=r"^not in time$"):
        processes.wait_until(lambda: False, 0, "not in time", pause=0)


def test_one_that_ends_while_somebody_waits_may_be_started_again(processes: Processes) -> None:
    processes.start("ends", ENDS)
    processes.wait_until(lambda: processes.restarts["ends"], 30, "not in time", restart=True, pause=0.01)


def test_one_that_fails_is_named_with_its_log(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"`fails` failed: see the end of .*fails\.log"):
        processes.run("fails", (sys.executable, "-c", "raise SystemExit('why')"))
    assert (tmp_path / "fails.log").read_text() == "why\n"


def test_ports_in_use_are_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert not is_free(port)
        assert listens(port)
        with pytest.raises(Failed, match="no 1 free ports"):
            free_ports(1, [port])
