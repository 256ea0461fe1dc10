"""Both ERPs, each behind its own words, for tests that know only the protocol :class:`letting_sync.erp.Erp`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa
import tenacity

from include.sandbox.sigma import Sigma as SigmaSystem
from include.sandbox.sigma import SigmaOptions
from include.sandbox.yuneo import Yuneo as YuneoSystem
from include.sandbox.yuneo import YuneoOptions
from letting_sync.erp import Erp, ErpTarget, ImportState, Outgoing
from letting_sync.http import retry
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.schema import Store
from letting_sync.model import Prospect, UnitNumber
from letting_sync.systems.sigma import SIGMA
from letting_sync.systems.yuneo import YUNEO
from tests.systems.erps.loading import Loading

EXCHANGE = "Immomio"


def prospect(external_id: str, unit: str = "01/0002/3/004", **fields: Any) -> Prospect:
    """Somebody with a first and a last name."""
    known = {"first_name": "Anna", "last_name": "Groß", "chosen": True, "updated_at": datetime.now(UTC)}
    return Prospect(external_id=external_id, unit=unit, **(known | fields))


def outgoing(*external_ids: str, **fields: Any) -> list[Outgoing]:
    return [Outgoing(prospect(one, **fields)) for one in external_ids]


def may_go_out() -> None:
    """Nobody else has taken the batch over."""


@dataclass
class Words:
    """Where the contracts of the two differ, as far as a test must know."""

    separator: str
    ids_per_look_up: int
    values_per_search: int
    offers_per_page: int
    import_path: str
    offers_path: str
    search_path: str
    id_key: str
    size_key: str
    ignored: str


YUNEO_WORDS = Words(
    separator="/",
    ids_per_look_up=100,
    values_per_search=200,
    offers_per_page=200,
    import_path="/api/v1/prospect-imports",
    offers_path="/api/v1/offers",
    search_path="/api/v1/business-partners/search",
    id_key="externalId",
    size_key="size",
    ignored="IGNORED",
)
SIGMA_WORDS = Words(
    separator=".",
    ids_per_look_up=50,
    values_per_search=50,
    offers_per_page=100,
    import_path="/wodis/rest/immobilienboersen/Immomio/eingang",
    offers_path="/wodis/rest/stammdaten/angebote",
    search_path="/wodis/rest/stammdaten/geschaeftspartner/suche",
    id_key="externeId",
    size_key="anzahl",
    ignored="ignoriert",
)


class Customer:
    """One ERP of the sandbox and our side of the line to it."""

    def __init__(self, system: Any, erp: Erp, words: Words, target: ErpTarget) -> None:
        self.system = system
        self.erp = erp
        self.erp_target = target
        self.words = words
        self.unit = "01/0002/3/004"
        self.system.add_unit(self.written(self.unit))

    def written(self, unit: str) -> str:
        """A unit's number as this ERP writes it."""
        return UnitNumber.parse(unit).written(self.words.separator)

    def partner(self, **person: Any) -> int:
        """Somebody whom the ERP knows already; returns their number."""
        return self.system.add_business_partner(
            **({"first_name": "Anna", "last_name": "Groß"} | person)
        ).number

    def stored_offer(self, external_id: str = "stored", unit: str | None = None, **fields: Any) -> Any:
        """An offer that is in the ERP."""
        return self.system.add_offer(
            external_id, self.written(unit or self.unit), self.partner(), **({"exchange": EXCHANGE} | fields)
        )

    def import_(self, batch: Sequence[Outgoing]) -> ImportState:
        """Deliver a batch and have it imported; returns what the import says when it has ended."""
        delivery = self.erp.deliver(batch, may_go_out)
        assert not delivery.refused
        job = delivery.job or self.erp.start_import()
        assert job
        return self.ended(job)

    def ended(self, job: str) -> ImportState:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            state = self.erp.import_state(job)
            assert state is not None
            if state.finished:
                return state
        raise AssertionError("the import does not end")

    def asked(self, key: str, path: str) -> list[list[str]]:
        """The values that each request to this path carried under this key of its query."""
        return [parse_qs(query).get(key, []) for query in self.system.requests.queries(path)]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two tries on a broken line; what a system asks for is waited in full."""
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    monkeypatch.setattr(retry, "LEAST_WAIT", 0.01)


@pytest.fixture(scope="session")
def _running() -> Iterator[dict[str, Any]]:
    systems = {"yuneo": YuneoSystem(), "sigma": SigmaSystem()}
    for system in systems.values():
        system.start()
    yield systems
    for system in systems.values():
        system.stop()


@pytest.fixture
def yuneo(_running: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Customer]:
    """An empty Yuneo whose work orders take no time."""
    system = _running["yuneo"]
    system.clear()
    system.options = YuneoOptions(per_minute=None, work_order_seconds=0)
    monkeypatch.setenv("AIRFLOW_CONN_YUNEO", json.dumps(system.connection() | {"extra": {"timeout": 2}}))
    target = YUNEO.at("yuneo", exchange=EXCHANGE)
    erp = target.open()
    yield Customer(system, erp, YUNEO_WORDS, target)
    erp.close()


@pytest.fixture
def sigma(_running: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Customer]:
    """An empty Sigma whose runs take no time."""
    system = _running["sigma"]
    system.clear()
    system.options = SigmaOptions(run_seconds=0)
    monkeypatch.setenv("AIRFLOW_CONN_SIGMA", json.dumps(system.connection() | {"extra": {"timeout": 2}}))
    target = SIGMA.at("sigma", exchange=EXCHANGE, separator=".")
    erp = target.open()
    yield Customer(system, erp, SIGMA_WORDS, target)
    erp.close()


@pytest.fixture(params=["yuneo", "sigma"])
def customer(request: pytest.FixtureRequest) -> Customer:
    """Each of the two."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def make() -> Callable[..., list[Outgoing]]:
    """Prospects ready to be sent, one for each id given."""
    return outgoing


@pytest.fixture
def loading(
    customer: Any, make: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Loading:
    """Nothing that was sent long ago is waited for."""
    monkeypatch.setattr("letting_sync.http.limits.MARGIN", -100.0)
    settings = {"extra": {"timeout": 2, "settle_seconds": 0.01}}
    connection = json.dumps(customer.system.connection() | settings)
    monkeypatch.setenv(f"AIRFLOW_CONN_{customer.system.name.upper()}", connection)
    store = Store(sa.URL.create("sqlite", database=str(tmp_path / "ledger.db")), b"key")
    return Loading(customer, Ledger(store), make)
