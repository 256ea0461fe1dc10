"""Processes that belong together: started in sessions of their own, and all of them ended at the end.

The one supervisor of demo, cluster, benchmarks and pictures.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self


class Failed(Exception):
    """It cannot go on; the message says why in one line."""


ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10
"""For all of them together, before those that are left are killed."""
RESTARTS = 30
"""How often one process may be started again; one that ends more often is broken."""


@dataclass(frozen=True)
class _Order:
    """How a process was started, so that it can be started again in the same way."""

    command: Sequence[str]
    environment: dict[str, str]
    folder: Path
    user: str | None
    stop_with: signal.Signals


class Processes:
    """
    What was started, by name; the latest is stopped first.

    :param logs: folder with one file per process.
    :param environment: of those that are given none of their own.
    """

    def __init__(self, logs: Path, environment: Mapping[str, str] | None = None) -> None:
        self.logs = logs
        self.environment = os.environ if environment is None else environment
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.restarts: Counter[str] = Counter()
        """How often :meth:`restart_ended` has started each of them again."""
        self._orders: dict[str, _Order] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        user: str | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start a process that stays, in a session of its own."""
        self._orders[name] = _Order(command, self._environment(environment), folder, user, stop_with)
        self.start_again(name)

    def start_again(self, name: str) -> None:
        """Start a process that has ended, as it was started before."""
        order = self._orders[name]
        with self._log(name) as log:
            self.running[name] = subprocess.Popen(
                order.command,
                env=order.environment,
                cwd=order.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_user(order.user),
            )

    def restart_ended(self) -> None:
        """Start again whatever has ended by itself, as the restart policy of a container does.

        :raises Failed: if one of them does not stay.
        """
        for name, process in list(self.running.items()):
            if process.poll() is None:
                continue
            self.kill(name)  # what it may have left behind
            self.restarts[name] += 1
            if self.restarts[name] > RESTARTS:
                raise Failed(f"{name} does not stay: see the end of {self._shown(name)}")
            self.start_again(name)

    def run(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        user: str | None = None,
    ) -> None:
        """Run a process to its end.

        :raises Failed: if its exit code is not 0.
        """
        with self._log(name) as log:
            code = subprocess.call(
                command,
                env=self._environment(environment),
                cwd=folder,
                stdout=log,
                stderr=log,
                **as_user(user),
            )
        if code:
            raise Failed(f"`{name}` failed: see the end of {self._shown(name)}")

    def must_live(self) -> None:
        """Raise if one that should stay has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise Failed(f"{name} ended early: see the end of {self._shown(name)}")

    def wait_until(
        self,
        condition: Callable[[], Any],
        seconds: float,
        complaint: str | Callable[[], str],
        *,
        restart: bool = False,
        pause: float = 1.0,
    ) -> None:
        """Look now and then until something holds, while all of them stay.

        :param complaint: what is said if it does not hold in time.
        :param restart: whether those that end are started again; else the wait ends with them.
        :param pause: seconds between two looks.
        :raises Failed: it does not hold in time, or one of them does not stay.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if restart:
                self.restart_ended()
            else:
                self.must_live()
            if time.monotonic() > deadline:
                raise Failed(complaint if isinstance(complaint, str) else complaint())
            time.sleep(pause)

    def kill(self, name: str) -> int:
        """End a process and all it has started at once, as a lost container would; returns how many there were."""
        process = self.running.pop(name)
        members = _session(process.pid)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # all there is to go by without /proc
        process.wait()
        return len(members)

    def end(self, name: str, how: signal.Signals) -> None:
        """Give a process a signal that ends it, and wait until it has ended."""
        process = self.running.pop(name)
        process.send_signal(how)
        process.wait()

    def name_of(self, pid: int) -> str | None:
        """Which of ours a process belongs to."""
        with contextlib.suppress(ProcessLookupError):
            session = os.getsid(pid)
            return next((name for name, process in self.running.items() if process.pid == session), None)
        return None

    def stop(self) -> None:
        """End all, the latest first; one that does not listen is killed."""
        for name, process in reversed(self.running.items()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, self._orders[name].stop_with)
        deadline = time.monotonic() + STOP_SECONDS
        for name in list(reversed(self.running)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running[name].wait(max(0.1, deadline - time.monotonic()))
            self.kill(name)

    def _environment(self, own: Mapping[str, str] | None) -> dict[str, str]:
        return dict(self.environment if own is None else own)

    def _log(self, name: str) -> IO[bytes]:
        return (self.logs / f"{name}.log").open("ab")

    def _shown(self, name: str) -> Path:
        """A log's path, short where it is below the working directory."""
        path = self.logs / f"{name}.log"
        return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments of ``Popen`` to run as another user; nothing where we are not root."""
    if not user or os.geteuid() != 0:
        return {}
    return {"user": user, "group": user, "extra_groups": []}


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this host."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Whether something does."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int, candidates: Iterable[int]) -> int:
    """The first candidate that is free with those that follow it.

    :param count: how many ports in a row.
    :raises Failed: there is none.
    """
    for first in candidates:
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise Failed(f"no {count} free ports in a row")


def _session(leader: int) -> list[int]:
    """All processes of a session."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if os.getsid(int(folder.name)) == leader:
                members.append(int(folder.name))
    return members
