"""The same actions for both letting platforms of the sandbox, for tests in which people change their mind.

Units are given by their position (``world.unit``). An action happens at the current time, which a test may move by time_machine.
"""

from __future__ import annotations

import copy
import itertools
from abc import ABC, abstractmethod
from typing import Any

from include.sandbox import Sandbox, world
from letting_sync.model import UnitNumber


class Platform(ABC):
    """A letting platform as landlord and applicants use it."""

    name: str
    separator: str

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.system: Any = getattr(box, self.name)
        self.ids: list[str] = []
        self._seeds = itertools.count(1)

    def written(self, unit: int) -> str:
        return self.separator.join(world.unit(unit))

    @abstractmethod
    def apply(self, *units: int, like: str | None = None) -> str:
        """Somebody applies and is chosen; the external id. ``like``: the same person as behind that id."""

    @abstractmethod
    def withdraw(self, applicant: str) -> None: ...

    @abstractmethod
    def take_back(self, applicant: str) -> None:
        """Take the landlord's choice back, with a status that is neither withdrawn nor rejected."""

    @abstractmethod
    def restore_choice(self, applicant: str) -> None:
        """Choose again in the same record, after :meth:`take_back`."""

    @abstractmethod
    def delete(self, applicant: str) -> None: ...

    @abstractmethod
    def change_person(self, applicant: str, like: str) -> None:
        """The application is for another person now: the one behind the id ``like``."""

    @abstractmethod
    def move(self, applicant: str, *units: int) -> None: ...

    @abstractmethod
    def choose_again(self, applicant: str) -> None:
        """As this platform does it after a withdrawal."""

    @abstractmethod
    def chosen_units(self, applicant: str) -> set[str]:
        """The units for which the applicant is chosen at this moment, as ``1/2/3/4``."""


class ImmomioPlatform(Platform):
    """An application of Immomio: one person, one unit, one id."""

    name, separator = "immomio", "."

    def apply(self, *units: int, like: str | None = None) -> str:
        (unit,) = units
        place = world.unit(unit)
        (made,) = world.applications(1, next(self._seeds), self.box.world.anchor, units=[place])
        if like:
            made["mainTenant"] = copy.deepcopy(self._stored(like)["mainTenant"])
        del made["updatedAt"], made["createdAt"]
        self.ids.append(self.system.add(made))
        return self.ids[-1]

    def withdraw(self, applicant: str) -> None:
        self.system.withdraw(applicant)

    def take_back(self, applicant: str) -> None:
        self.system.take_back(applicant)

    def restore_choice(self, applicant: str) -> None:
        self.system.accept(applicant)

    def delete(self, applicant: str) -> None:
        self.system.delete(applicant)

    def change_person(self, applicant: str, like: str) -> None:
        self.system.update(applicant, mainTenant=copy.deepcopy(self._stored(like)["mainTenant"]))

    def move(self, applicant: str, *units: int) -> None:
        (unit,) = units
        self.system.change_unit(applicant, self.written(unit))

    def choose_again(self, applicant: str) -> None:
        self.system.accept(applicant)

    def chosen_units(self, applicant: str) -> set[str]:
        found = [one for one in self.system.applications if one["id"] == applicant]
        return {
            str(UnitNumber.parse(one["property"]["externalId"], self.separator))
            for one in found
            if one["status"] == "ACCEPTED_AS_TENANT"
        }

    def _stored(self, applicant: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.system.applications if one["id"] == applicant)
        return found


class EverRealPlatform(Platform):
    """A candidate of EverReal, chosen by a signed contract; the external id is the candidate's."""

    name, separator = "everreal", "-"

    def __init__(self, box: Sandbox) -> None:
        super().__init__(box)
        self.contract: dict[str, str] = {}
        """Each candidate's newest contract."""

    def apply(self, *units: int, like: str | None = None) -> str:
        first = world.unit(units[0])
        people, contracts = world.candidates(1, next(self._seeds), self.box.world.anchor, units=[first])
        (candidate,), (contract,) = people, contracts
        if like:
            candidate |= self._person(like)
        for record in (candidate, contract):
            del record["updatedAt"], record["createdAt"]
        contract["units"] = [{"id": self.written(unit), "objectId": self.written(unit)} for unit in units]
        applicant = self.system.add_candidate(candidate)
        self.contract[applicant] = self.system.add_contract(contract)
        self.ids.append(applicant)
        return applicant

    def withdraw(self, applicant: str) -> None:
        self.system.cancel_contract(self.contract[applicant])

    def take_back(self, applicant: str) -> None:
        self.system.update_contract(self.contract[applicant], status="DRAFT")

    def restore_choice(self, applicant: str) -> None:
        self.system.update_contract(self.contract[applicant], status="SIGNED")

    def delete(self, applicant: str) -> None:
        self.system.remove_contract(self.contract[applicant])

    def disable(self, applicant: str) -> None:
        self.system.disable_candidate(applicant)

    def change_person(self, applicant: str, like: str) -> None:
        self.system.update_candidate(applicant, **self._person(like))
        self.system.update_contract(self.contract[applicant])

    def move(self, applicant: str, *units: int) -> None:
        self.system.change_units(self.contract[applicant], [self.written(unit) for unit in units])

    def choose_again(self, applicant: str) -> None:
        self.contract[applicant] = self.system.redraw_contract(self.contract[applicant])

    def second_contract(self, applicant: str, *units: int) -> str:
        """One more contract of a candidate, about other units."""
        other: str = self.system.redraw_contract(self.contract[applicant])
        self.system.change_units(other, [self.written(unit) for unit in units])
        return other

    def chosen_units(self, applicant: str) -> set[str]:
        return {unit for units in self._signed(applicant).values() for unit in units}

    def contract_of(self, applicant: str, unit: str) -> str:
        """The signed contract about this unit; the applicant itself if there is none."""
        found = [contract for contract, units in self._signed(applicant).items() if unit in units]
        return found[0] if found else applicant

    def _person(self, applicant: str) -> dict[str, Any]:
        candidate = next(one for one in self.system.candidates if one["id"] == applicant)
        personal = ("firstName", "lastName", "fullName", "email", "companyContactId", "applications")
        return {name: copy.deepcopy(candidate[name]) for name in personal}

    def _signed(self, applicant: str) -> dict[str, set[str]]:
        """The units of each signed contract, by contract."""
        if any(one["id"] == applicant and one["isDisabled"] for one in self.system.candidates):
            return {}
        return {
            one["id"]: {str(UnitNumber.parse(unit["objectId"], self.separator)) for unit in one["units"]}
            for one in self.system.contracts
            if one["candidate"] == applicant and one["status"] == "SIGNED"
        }


PLATFORMS = {"immomio": ImmomioPlatform, "everreal": EverRealPlatform}
