"""The world that the storm goes over: prospects of both partners, what must come of them, and the sandbox itself.

The sandbox runs in a process of its own; it outlives every task that is killed.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.served import until_closed
from include.sandbox import Sandbox
from include.sandbox.faults import AFTER, BEFORE, HEAVY
from include.sandbox.people import People, Someone
from include.sandbox.render import Draft, Unit, as_application, as_candidate, as_contract, new_id
from include.sandbox.world import midnight, unit

EVERY = 40
"""Of so many places one is of each special kind."""
SEPARATORS = {"yuneo": "/", "sigma": "."}
PARTNERS = ("immomio", "everreal")
OWN_FAULTS = {
    "immomio": ["expired_token"],
    "everreal": ["expired_token", "graphql_partial"],
    "yuneo": ["expired_token", "work_order_fails"],
    # No expired_token: with HTTP Basic a 401 says "wrong password", which repeating does not fix.
    "sigma": ["run_aborts", "run_active", "stale"],
}

HEAVY_FAULTS = 1
"""Answers of each heavy kind that each system gives: each holds a client until its own limit ends it."""
CERTAIN = frozenset({*HEAVY, "timeout_before"})
"""Kinds of faults that each system has at least once: an answer that drips, bursts or never ends, and silence for a minute."""
SILENCES = 1
"""Requests that each system takes and does not answer for a minute."""


@dataclass
class Expected:
    """What must come of one partner's prospects in any one ERP.

    :param records: how many the partner has in the window.
    :param offers: groups of external ids, one offer among the ids of each.
    :param refused: external ids of those that the ERP cannot take.
    :param leases: how many leases each unit ends with.
    :param shared: units for which each partner has chosen somebody; no lease where both feed the ERP.
    :param persons: how many business partners they are.
    """

    records: int = 0
    offers: list[tuple[str, ...]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    leases: dict[Unit, int] = field(default_factory=dict)
    shared: list[Unit] = field(default_factory=list)
    persons: int = 0


class _Maker:
    """Makes one partner's prospects, all of them chosen, in the day before the anchor."""

    def __init__(self, seed: int, partner: str, anchor: date, units: Iterator[Unit]) -> None:
        self.rng = random.Random(f"{seed}/{partner}")
        self.people = People(seed, self.rng)
        self.day = anchor - timedelta(days=1)
        self.seconds = int((midnight(anchor) - midnight(self.day)).total_seconds())
        self.units = units
        self.drafts: list[Draft] = []
        self.expected = Expected()

    def add(self, place: Unit, person: Someone | None = None) -> Draft:
        # The whole day, so also the hour that comes twice.
        updated = midnight(self.day) + timedelta(seconds=self.rng.randrange(self.seconds))
        someone = person or self.people.draw()
        self.expected.persons += person is None
        draft = Draft(new_id(self.rng), someone, place, updated - timedelta(days=3), updated)
        self.drafts.append(draft)
        return draft

    def place(self, number: int, shared: Sequence[Unit]) -> None:
        """One flat and who is chosen for it; mostly one person."""
        kind = number % EVERY
        place = next(self.units)
        first = self.add(place)
        offers: list[tuple[str, ...]] = [(first.id,)]
        leases = {place: 1}
        if kind == 1:  # two persons chosen for one flat: neither may be accepted
            offers, leases = [(first.id,), (self.add(place).id,)], {place: 0}
        elif kind == 2:  # one person under two addresses
            again = replace(first.person, email=f"privat.{first.person.email}")
            offers = [(first.id, self.add(place, again).id)]
        elif kind == 3:  # one person, two flats
            other = next(self.units)
            offers, leases = [*offers, (self.add(other, replace(first.person)).id,)], {place: 1, other: 1}
        elif kind == 4:  # a flat that the ERP does not know
            first.unit = ("9", "9999", *first.unit[2:])
            offers, leases = [], {}
            self.expected.refused.append(first.id)
            self.expected.persons -= 1
        elif kind == 5 and number // EVERY < len(shared):  # each partner has chosen somebody for it
            first.unit = shared[number // EVERY]
            leases = {}
            self.expected.shared.append(first.unit)
        self.expected.offers += offers
        self.expected.leases |= leases

    def fill(self, count: int, shared: Sequence[Unit]) -> None:
        number = 0
        while len(self.drafts) < count:
            self.place(number, shared)
            number += 1
        self.expected.records = len(self.drafts)


def make(seed: int, count: int, anchor: date) -> tuple[dict[str, list[Draft]], dict[str, Expected]]:
    """So many prospects of each partner, or one more."""
    shared = [unit(number) for number in range(count // EVERY)]
    drafts, expected = {}, {}
    for at, partner in enumerate(PARTNERS):
        first = len(shared) + at * 2 * count
        maker = _Maker(seed, partner, anchor, (unit(number) for number in range(first, first + 2 * count)))
        maker.fill(count, shared)
        drafts[partner], expected[partner] = maker.drafts, maker.expected
    return drafts, expected


@dataclass(frozen=True)
class Weather:
    """What the storm is like.

    :param clock_skew: minutes by which the clock of a machine is wrong at the most.
    """

    seed: int
    prospects: int
    rate: float
    anchor: date
    import_seconds: float
    clock_skew: float = 0


def serve(weather: Weather, line: Connection) -> None:
    """Run the sandbox until the line is closed; the first message tells where."""
    drafts, _ = make(weather.seed, weather.prospects, weather.anchor)
    with Sandbox(populate=False, anchor=weather.anchor) as box:
        _store(box, drafts)
        for system in box.systems:
            # Limits would only make the storm longer; what they answer comes as a fault.
            system.options.per_minute = None
        box.yuneo.options.work_order_seconds = box.sigma.options.run_seconds = weather.import_seconds
        until_closed(box, line)


def _store(box: Sandbox, drafts: Mapping[str, Sequence[Draft]]) -> None:
    for draft in drafts["immomio"]:
        box.immomio.add(as_application(draft))
    for draft in drafts["everreal"]:
        box.everreal.add_candidate(as_candidate(draft))
        contract = as_contract(draft)
        if contract:
            box.everreal.add_contract(contract)
    known = {draft.unit for some in drafts.values() for draft in some if draft.unit[0] != "9"}
    for name, separator in SEPARATORS.items():
        for place in sorted(known):
            getattr(box, name).add_unit(separator.join(place))


def faults(system: str) -> list[str]:
    """Every kind of fault that the contract allows this system to have."""
    # A page with a status of its own says something else at each call: tests ask for it where it means something.
    common = sorted((BEFORE | AFTER) - {"expired_token", "error_page"})
    return [*common, *OWN_FAULTS[system]]


def storm(client: Any, weather: Weather) -> None:
    """Let a part of a system's responses have faults; held lines and slow bodies are short."""
    name = client.health()["system"]
    client.fault_rate(
        weather.rate,
        faults(name),
        seed=weather.seed,
        hold_seconds=0.3,
        drip_seconds=0.2,
        retry_after=0,
    )
    for kind in sorted(HEAVY):
        client.fault_once(kind, times=HEAVY_FAULTS, hold_seconds=60)
    client.fault_once("timeout_before", times=SILENCES, hold_seconds=60)


@dataclass(frozen=True)
class Found:
    """What an ERP holds of one partner's prospects."""

    offers: int
    leases: int
    lost: int
    doubled: int


def compare(expected: Expected, erp: str, state: Mapping[str, Any], alone: bool) -> Found:
    """Hold the ERP's own records against what must be there: offers and leases alike.

    :param alone: whether this partner is the only one that feeds the ERP.
    """
    per_id = Counter(state["offers_per_external_id"])
    per_unit = Counter(state["leases_per_unit"])
    pairs = [(1, sum(per_id[one] for one in ids)) for ids in expected.offers]
    pairs += [(0, per_id[one]) for one in expected.refused]
    offers = sum(there for _, there in pairs)
    places = expected.leases | dict.fromkeys(expected.shared, int(alone))
    leases = [(wanted, per_unit[SEPARATORS[erp].join(place)]) for place, wanted in places.items()]
    pairs += leases
    return Found(
        offers=offers,
        leases=sum(there for _, there in leases),
        lost=sum(max(0, wanted - there) for wanted, there in pairs),
        doubled=sum(max(0, there - wanted) for wanted, there in pairs),
    )
