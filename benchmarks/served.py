"""The sandbox in a process of its own, so that its processor time is not taken for the product's."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


@dataclass(frozen=True)
class Served:
    """The sandbox under way, as others see it."""

    urls: dict[str, str]
    connections: dict[str, dict[str, Any]]


@contextmanager
def in_a_process(serve: Callable[[Any, Connection], None], world: Any) -> Iterator[Served]:
    """Start a process that makes a world and serves it.

    :param serve: a function of a module, which ends with :func:`until_closed`.
    :param world: what it makes the world from.
    """
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    process = context.Process(target=serve, args=(world, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield mine.recv()
    finally:
        mine.close()
        process.join(10)
        process.kill()


def until_closed(box: Any, line: Connection) -> None:
    """Tell where the sandbox is, and keep it up until the line is closed."""
    line.send(
        Served(
            {system.name: system.url for system in box.systems},
            {system.name: system.connection() for system in box.systems},
        )
    )
    try:
        line.recv()
    except EOFError:
        return
