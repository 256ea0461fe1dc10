"""Processes that belong together: started in sessions of their own, and all of them ended at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self


class Failed(Exception):
    """Said in one line."""


class Processes:
    """
    What was started, by name; the latest is stopped first.

    :param logs: folder with one file per process.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._signals: dict[str, signal.Signals] = {}

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
        environment: Mapping[str, str],
        folder: Path,
        user: str | None = None,
        stop_with: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start a process that stays, in a session of its own."""
        with self._log(name) as log:
            self.running[name] = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **as_user(user),
            )
        self._signals[name] = stop_with

    def run(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        user: str | None = None,
    ) -> None:
        """Run a process to its end.

        :raises Failed: if its exit code is not 0.
        """
        with self._log(name) as log:
            code = subprocess.call(
                command, env=dict(environment), cwd=folder, stdout=log, stderr=log, **as_user(user)
            )
        if code:
            raise Failed(f"`{name}` failed: see the end of {self.logs / name}.log")

    def must_live(self) -> None:
        """Raise if one that should stay has ended."""
        for name, process in self.running.items():
            if process.poll() is not None:
                raise Failed(f"{name} ended early: see the end of {self.logs / name}.log")

    def kill(self, name: str) -> int:
        """End a process and all it has started at once, as a lost container would; returns how many there were."""
        process = self.running.pop(name)
        members = _session(process.pid)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        return len(members)

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
                os.kill(process.pid, self._signals[name])
        deadline = time.monotonic() + 10
        for name in list(reversed(self.running)):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.running[name].wait(max(0.1, deadline - time.monotonic()))
            self.kill(name)

    def _log(self, name: str) -> IO[bytes]:
        return (self.logs / f"{name}.log").open("ab")


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments of ``Popen`` to run as another user; nothing where we are not root."""
    if not user or os.geteuid() != 0:
        return {}
    return {"user": user, "group": user, "extra_groups": []}


def _session(leader: int) -> list[int]:
    """All processes of a session."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if os.getsid(int(folder.name)) == leader:
                members.append(int(folder.name))
    return members
