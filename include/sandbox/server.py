"""The four systems together."""

import json
from datetime import date
from types import TracebackType
from typing import Any, Self

from include.sandbox.common import today
from include.sandbox.core import HOST, System
from include.sandbox.everreal import EverReal
from include.sandbox.immomio import Immomio
from include.sandbox.sigma import Sigma
from include.sandbox.world import World, make_world
from include.sandbox.yuneo import Yuneo


class Sandbox:
    """
    Four servers on 127.0.0.1 that simulate the external systems.

    :param seed: a seed (with an anchor) gives the same world again.
    :param populate: fill partners and ERPs; False: partners are empty, the ERPs know units only.
    :param anchor: the day at whose midnight the data end; today in Berlin by default.
    :param days: how many days of data lie before it.
    :param prospects: number of additional plain prospects for each partner, each with its own unit.
    :param port: the first of four following ports; 0: any free ones.
    :param host: the address they listen on; another than 127.0.0.1 only inside a container's network.
    """

    def __init__(
        self,
        seed: int = 7,
        populate: bool = True,
        anchor: date | None = None,
        days: int = 14,
        prospects: int = 0,
        port: int = 0,
        host: str = HOST,
    ) -> None:
        self.world: World = make_world(seed, anchor or today(), days, prospects)
        self.immomio, self.everreal, self.yuneo, self.sigma = Immomio(), EverReal(), Yuneo(), Sigma()
        self._port = port
        for system in self.systems:
            system.host = host
            system.world = self.world if populate else self.world.bare()
            system.reset()

    @property
    def systems(self) -> tuple[System, ...]:
        """The four, in the order of their ports."""
        return self.immomio, self.everreal, self.yuneo, self.sigma

    def connections(self) -> dict[str, str]:
        """Airflow connections as JSON, ready for ``AIRFLOW_CONN_IMMOMIO`` and so on."""
        return {system.name: json.dumps(system.connection()) for system in self.systems}

    def start(self) -> Self:
        """Start all four, or none: an ``OSError`` says that a port is taken."""
        try:
            for at, system in enumerate(self.systems):
                system.start(self._port + at if self._port else 0)
        except OSError:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all four at the same time."""
        for system in self.systems:
            system.ask_to_stop()
        for system in self.systems:
            system.stop()

    def reset(self) -> None:
        """Reset all four systems; options do not change."""
        for system in self.systems:
            system.reset()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        self.stop()
