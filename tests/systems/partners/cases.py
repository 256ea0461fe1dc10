"""The partners of the contract suite: for each its system in the sandbox, and how to put records into it."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from include.sandbox.everreal import EverReal
from include.sandbox.immomio import Immomio
from include.sandbox.partner import Partner, Record
from letting_sync.partner import PartnerSystem
from letting_sync.settings import Timing
from letting_sync.systems.everreal import EVERREAL
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.tasks.extract.operator import ExtractOperator

START = datetime(2024, 11, 10, 23, tzinfo=UTC)
END = START + timedelta(days=1)
"""A day in Berlin, long over."""

NOT_OURS = "Geheim"
"""Is in every value of a stored record that is not ours to move: self-disclosure, other people."""
PERSON = {"first": "Ottokar", "last": "Großmann", "born": "1990-05-01", "mail": "ottokar@person.example"}
"""Whom the records are about, unless a test says otherwise."""


class PartnerCase(ABC):
    """One partner as the suite sees it. A new partner brings a subclass.

    :cvar package: name of its package, and of its Airflow connection.
    :cvar partner: the system.
    :cvar selection: the pair's setting; a partner that knows both has a class for each.
    :cvar separator: what the customer has set between the four parts of a unit number.
    :cvar system_type: its system as a server of the sandbox.
    :cvar list_request: method and path (a pattern) of the request that reads a page of records.
    :cvar page_size: records a page holds at most.
    :cvar has_schema: whether :meth:`add` can leave out what each record has by the contract.
    """

    package: ClassVar[str]
    partner: ClassVar[PartnerSystem]
    selection: ClassVar[str] = "partner"
    separator: ClassVar[str]
    system_type: ClassVar[type[Partner]]
    list_request: ClassVar[tuple[str, str]]
    page_size: ClassVar[int]
    has_schema: ClassVar[bool] = True

    def __init__(self, system: Any) -> None:
        self.system = system

    @abstractmethod
    def add(
        self,
        updated: datetime,
        *,
        stage: str = "chosen",
        unit: str = "1/2/3/4",
        person: Mapping[str, str] = PERSON,
        complete: bool = True,
    ) -> str:
        """Store a record; returns its external id.

        It must hold something that is not ours, recognisable by :data:`NOT_OURS`, and another person if the
        partner has such.

        :param stage: ``chosen`` (the landlord's tenant), ``applied`` (nobody has decided) or ``withdrawn``.
        :param unit: number of the unit, its parts separated by ``/``.
        :param complete: whether all fields are there which the contract promises.
        """

    @abstractmethod
    def touch(self, external_id: str, updated: datetime) -> None:
        """Change a stored record at this time."""

    def add_many(self, count: int, first: datetime = START, last: datetime = END, **said: Any) -> list[str]:
        """Store so many records, updated evenly from ``first`` up to (without) ``last``."""
        step = (last - first) / count
        return [self.add(first + step * number, **said) for number in range(count)]

    def written(self, unit: str) -> str:
        """A unit's number as this partner shows it."""
        return unit.replace("/", self.separator)

    def empty(self) -> None:
        """No records, no faults, no limit."""
        self.system.clear()
        self.system.options = type(self.system.options)(per_minute=None)

    def connection(self, **other: Any) -> str:
        """Airflow's connection to the system, as JSON."""
        return json.dumps(self.system.connection() | other)

    def make_operator(self, **other: Any) -> ExtractOperator:
        """The extract task of a pair with this partner."""
        settings: dict[str, Any] = {
            "task_id": "extract",
            "partner": self.partner.at(self.package, separator=self.separator, selection=self.selection),
            "clients": None,
            "timing": Timing(overlap=timedelta(0)),
        }
        made: ExtractOperator = self.partner.extract(**(settings | other))
        return made


class ImmomioCase(PartnerCase):
    package = "immomio"
    partner = IMMOMIO
    separator = "."
    system_type = Immomio
    list_request = ("GET", "/v1/applications")
    page_size = 200

    _STAGES = {"chosen": "ACCEPTED_AS_TENANT", "applied": "APPLIED", "withdrawn": "WITHDRAWN"}

    def add(
        self,
        updated: datetime,
        *,
        stage: str = "chosen",
        unit: str = "1/2/3/4",
        person: Mapping[str, str] = PERSON,
        complete: bool = True,
    ) -> str:
        tenant: Record = {
            "firstname": person["first"],
            "lastname": person["last"],
            "dateOfBirth": person["born"],
            "email": person["mail"],
            "profession": NOT_OURS,
        }
        if not complete:
            del tenant["dateOfBirth"]
        return self.system.add(
            {
                "status": self._STAGES[stage],
                "updatedAt": updated,
                "property": {"id": "p", "externalId": self.written(unit), "name": ""},
                "mainTenant": tenant,
                "coTenants": [{"firstname": NOT_OURS, "lastname": NOT_OURS}],
            }
        )

    def touch(self, external_id: str, updated: datetime) -> None:
        self.system.update(external_id, updatedAt=updated)


class EverRealCandidatesCase(PartnerCase):
    """Prospects are chosen in the ERP: all candidates are handed over."""

    package = "everreal"
    partner = EVERREAL
    selection = "erp"
    separator = "-"
    system_type = EverReal
    list_request = ("POST", "/api/reporting/graphql")
    page_size = 100
    has_schema = False

    def add(
        self,
        updated: datetime,
        *,
        stage: str = "chosen",
        unit: str = "1/2/3/4",
        person: Mapping[str, str] = PERSON,
        complete: bool = True,
    ) -> str:
        data: Record = {"dateOfBirth": person["born"], "address": None, "employer": NOT_OURS}
        if not complete:
            del data["dateOfBirth"]
        other = {"isMainCandidate": False, "applicationData": {"lastName": NOT_OURS}}
        return self.system.add_candidate(
            {
                "id": str(uuid.uuid4()),
                "firstName": person["first"],
                "lastName": person["last"],
                "email": person["mail"],
                "isDisabled": stage == "withdrawn",
                "updatedAt": updated,
                "applications": [{"isMainCandidate": True, "applicationData": data}, other],
                "listing": {"id": "l", "unit": {"id": "u", "objectId": self.written(unit)}},
            }
        )

    def touch(self, external_id: str, updated: datetime) -> None:
        self.system.update_candidate(external_id, updatedAt=updated)


class EverRealContractsCase(EverRealCandidatesCase):
    """Prospects are chosen in EverReal: whom a contract names."""

    selection = "partner"
    has_schema = True

    def add(self, updated: datetime, *, stage: str = "chosen", **said: Any) -> str:
        candidate = super().add(updated, **said)
        if stage != "applied":
            status = "CANCELLED" if stage == "withdrawn" else "SIGNED"
            self.system.add_contract({"candidate": candidate, "status": status, "updatedAt": updated})
        return candidate

    def touch(self, external_id: str, updated: datetime) -> None:
        (contract,) = [one["id"] for one in self.system.contracts if one["candidate"] == external_id]
        self.system.update_contract(contract, updatedAt=updated)


def ids(extract: Any, reads: Any) -> list[str]:
    """The external ids of what was read, each of which must be there once."""
    found = [read.external_id for read in reads]
    assert max(Counter(found).values(), default=1) == 1
    return sorted(found)
