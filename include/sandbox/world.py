"""
Generated data of the four systems: units, people, the partners' records, and the persons whom the ERPs already know.

The same seed and anchor always give the same world. ``world.notes[id]`` is the purpose of a record. The names of kinds are in
``SHOWCASE`` (in every world, for each partner) and in ``dirt.TEXT_DIRT``.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from include.sandbox.common import BERLIN, today
from include.sandbox.dirt import TEXT_DIRT, soil, some_kind
from include.sandbox.people import People, Someone
from include.sandbox.render import Draft, Unit, as_application, as_candidate, as_contract, new_id

UNITS = 900

SHOWCASE_YESTERDAY = (
    *("clean",) * 3,
    *("special_name",) * 2,
    "blank_before",
    "blank_after",
    "nbsp",
    "nfd",
    "german_date",
    "self_disclosure",
    "co_tenants",
    "three_part_unit",
    "no_birth_date",
    "known_exactly",
    "known_with_blank",
    "two_addresses",
    "competing",
    "withdrawn",
    "first_of_the_day",
)
"""Made for the day before the anchor: 16 kinds that are chosen, some of them in two records."""

SHOWCASE_BEFORE = (
    "blank_doubled",
    "zero_width",
    "capitals",
    "empty_strings",
    "no_contact",
    "odd_phone",
    "padded_email",
    "unknown_fields",
    "unknown_status",
    "no_unit",
    "unknown_unit",
    "let_unit",
    "long_message",
    "known_in_capitals",
    "known_without_birth_date",
    "twins",
    "two_listings",
    "competing_across",
    "rejected",
    "open",
    "cancelled",
    "last_of_the_day",
)
"""Made for the second day before the anchor."""

SHOWCASE = tuple(dict.fromkeys(SHOWCASE_YESTERDAY + SHOWCASE_BEFORE))

STATES = {name: name for name in ("withdrawn", "rejected", "open", "cancelled", "unknown_status")}


@dataclass
class World:
    """A generated world. Records have the forms of the contracts, ``*_partners`` the fields of ``erp_records.Person``."""

    seed: int
    anchor: date
    units: list[Unit]
    let_units: list[Unit] = field(default_factory=list)
    immomio_applications: list[dict[str, Any]] = field(default_factory=list)
    everreal_candidates: list[dict[str, Any]] = field(default_factory=list)
    everreal_contracts: list[dict[str, Any]] = field(default_factory=list)
    yuneo_partners: list[dict[str, Any]] = field(default_factory=list)
    sigma_partners: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def bare(self) -> "World":
        """The units alone, all of them vacant."""
        return World(self.seed, self.anchor, self.units)

    def noted(self, note: str) -> list[str]:
        """The ids of the records that were made for this."""
        return [record_id for record_id, its_note in self.notes.items() if its_note == note]


def unit(number: int) -> Unit:
    """Return the nth unit number; three clients, each with its own form of the parts."""
    estate, rest = divmod(number, 60)
    building, flat = divmod(rest, 15)
    client = estate % 3
    if client == 0:
        return "1", str(estate + 1), str(building + 1), str(flat + 1)
    if client == 1:
        return "2", f"{estate + 1:02d}", f"{building + 1:02d}", f"{flat + 1:04d}"
    return "3", f"{estate + 1:04d}", str(building + 1), f"{flat + 1:02d}"


def midnight(day: date) -> datetime:
    """The beginning of a day in Berlin."""
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


class _Maker:
    """Makes one partner's drafts."""

    def __init__(self, seed: int, name: str, units: Iterator[Unit], shared: list[Unit], world: World) -> None:
        self.rng = random.Random(f"{seed}/{name}")
        self.people = People(seed, self.rng)
        self.units, self.shared, self.world = units, shared, world
        self.known: list[dict[str, Any]] = []
        self.some_unsigned = False
        """Whether contracts of the kind "clean" may be unsigned; all others are signed."""
        self.drafts: list[Draft] = []

    def moment(self, day: date) -> datetime:
        """Some time in the working hours of a day."""
        return midnight(day) + timedelta(milliseconds=self.rng.randrange(7 * 3_600_000, 21 * 3_600_000))

    def plain(self, day: date, person: Someone | None = None, note: str = "clean") -> Draft:
        """Return a draft of a chosen applicant for a unit of its own; ``note`` and ``state`` change it."""
        rng = self.rng
        updated = self.moment(day)
        unsigned = self.some_unsigned and note == "clean"
        draft = Draft(
            id=new_id(rng),
            person=person or self.people.draw(special=note == "special_name"),
            unit=next(self.units),
            created=updated - timedelta(days=rng.randrange(1, 20), minutes=rng.randrange(600)),
            updated=updated,
            note=note,
            state=STATES.get(note, "chosen"),
            move_in=rng.choice((None, _first_of_month(day, rng.randrange(1, 4)))),
            message=rng.choice(("", "", "Wir freuen uns sehr!", "Einzug gern auch früher.")),
            contract_status=rng.choice(
                ("SIGNED", "SIGNED", "SENT", "DRAFT") if unsigned else ("SIGNED",) * 4
            ),
        )
        soil(draft.person, note)
        self.drafts.append(draft)
        return draft

    def kind(self, note: str, day: date) -> None:
        """Return the record, or the two records, with one kind of defect."""
        draft = self.plain(day, note=note)
        special = getattr(self, f"_{note}", None)
        if special is not None:
            special(draft, day)

    def _three_part_unit(self, draft: Draft, _: date) -> None:
        draft.unit_parts = 3

    def _no_unit(self, draft: Draft, _: date) -> None:
        draft.unit_parts = 0

    def _unknown_unit(self, draft: Draft, _: date) -> None:
        draft.unit = ("3", "9999", "9", "99")

    def _let_unit(self, draft: Draft, _: date) -> None:
        self.world.let_units.append(draft.unit)

    def _long_message(self, draft: Draft, _: date) -> None:
        draft.message = "Sehr geehrte Damen und Herren, " * 90

    def _co_tenants(self, draft: Draft, _: date) -> None:
        draft.co_tenants = [self.people.draw()]
        # A couple often has one address between them.
        draft.co_tenants[0].email = draft.person.email

    def _first_of_the_day(self, draft: Draft, day: date) -> None:
        draft.updated = midnight(day)

    def _last_of_the_day(self, draft: Draft, day: date) -> None:
        draft.updated = midnight(day + timedelta(days=1)) - timedelta(milliseconds=1)

    def _two_addresses(self, draft: Draft, day: date) -> None:
        """One person under two e-mail addresses on one listing."""
        again = self.plain(day, replace(draft.person, email=f"privat.{draft.person.email}"), draft.note)
        again.unit, again.move_in = draft.unit, draft.move_in

    def _two_listings(self, draft: Draft, day: date) -> None:
        self.plain(day, replace(draft.person), draft.note)

    def _twins(self, draft: Draft, day: date) -> None:
        other = self.people.draw()
        other.last, other.birth = draft.person.last, draft.person.birth
        self.plain(day, other, draft.note)

    def _competing(self, draft: Draft, day: date) -> None:
        self.plain(day, note=draft.note).unit = draft.unit

    def _competing_across(self, draft: Draft, _: date) -> None:
        """Each partner has one applicant on the same unit."""
        draft.unit = self.shared[0]

    def _known_exactly(self, draft: Draft, _: date) -> None:
        self._know(draft.person)

    def _known_with_blank(self, draft: Draft, _: date) -> None:
        self._know(replace(draft.person, last=f"{draft.person.last} "))

    def _known_in_capitals(self, draft: Draft, _: date) -> None:
        self._know(replace(draft.person, first=draft.person.first.upper(), last=draft.person.last.upper()))

    def _known_without_birth_date(self, draft: Draft, _: date) -> None:
        self._know(replace(draft.person, birth=None))

    def _know(self, person: Someone) -> None:
        self.known.append(
            {
                "first_name": person.first,
                "last_name": person.last,
                "birth_date": person.birth,
                "email": person.email,
            }
        )


def _first_of_month(day: date, months: int) -> str:
    months += day.month - 1
    return date(day.year + months // 12, months % 12 + 1, 1).isoformat()


def make_world(seed: int, anchor: date, days: int = 14, prospects: int = 0) -> World:
    """Generate the world with data of the ``days`` before the anchor's midnight."""
    world = World(seed, anchor, [unit(number) for number in range(UNITS + 2 * prospects)])
    rng = random.Random(f"{seed}/units")
    order = world.units[:UNITS]
    rng.shuffle(order)
    shared, halves = order[:1], (order[1 : UNITS // 2], order[UNITS // 2 : -2])
    makers = [
        _Maker(seed, name, iter(half), shared, world)
        for name, half in zip(("immomio", "everreal"), halves, strict=True)
    ]
    for maker in makers:
        maker.some_unsigned = True
        _fill(maker, anchor, days)
    for draft in makers[0].drafts:
        world.immomio_applications.append(as_application(draft))
        world.notes[draft.id] = draft.note
    for draft in makers[1].drafts:
        world.everreal_candidates.append(as_candidate(draft))
        contract = as_contract(draft)
        world.everreal_contracts.extend([contract] if contract else [])
        world.notes[draft.id] = draft.note
        if contract:
            world.notes[contract["id"]] = draft.note
    known = [person for maker in makers for person in maker.known]
    world.yuneo_partners = _strangers(seed, "yuneo") + known
    world.sigma_partners = _strangers(seed, "sigma") + known
    if prospects:
        first, second = world.units[UNITS : UNITS + prospects], world.units[UNITS + prospects :]
        world.immomio_applications += applications(prospects, seed, anchor, days, first)
        more, contracts = candidates(prospects, seed, anchor, days, second)
        world.everreal_candidates += more
        world.everreal_contracts += contracts
    return world


def _fill(maker: _Maker, anchor: date, days: int) -> None:
    yesterday = anchor - timedelta(days=1)
    for note in SHOWCASE_YESTERDAY:
        maker.kind(note, yesterday)
    for note in SHOWCASE_BEFORE:
        maker.kind(note, anchor - timedelta(days=min(2, days)))
    for back in range(3, days + 1):
        for _ in range(maker.rng.randint(4, 20)):
            note = maker.rng.choices(
                ("clean", "dirty", "open", "rejected", "withdrawn"), (50, 20, 15, 10, 5)
            )[0]
            maker.kind(some_kind(maker.rng) if note == "dirty" else note, anchor - timedelta(days=back))


def _strangers(seed: int, name: str, count: int = 25) -> list[dict[str, Any]]:
    """Business partners who have nothing to do with any prospect."""
    people = People(seed + 1, random.Random(f"{seed}/{name}"))
    drawn = (people.draw() for _ in range(count))
    return [
        {"first_name": one.first, "last_name": one.last, "birth_date": one.birth, "email": f"alt.{one.email}"}
        for one in drawn
    ]


def _bulk(
    name: str,
    n: int,
    seed: int,
    anchor: date | None,
    days: int,
    units: Sequence[Unit] | None,
    dirty: float,
) -> list[Draft]:
    anchor = anchor or today()
    world = World(seed, anchor, list(units or (unit(number) for number in range(n))))
    if len(world.units) < n:
        raise ValueError("there must be a unit for each prospect")
    maker = _Maker(seed, f"bulk/{name}", iter(world.units), [], world)
    kinds = list(TEXT_DIRT)
    for _ in range(n):
        note = maker.rng.choice(kinds) if maker.rng.random() < dirty else "clean"
        maker.plain(anchor - timedelta(days=maker.rng.randint(1, days)), note=note)
    return maker.drafts


def applications(
    n: int,
    seed: int,
    anchor: date | None = None,
    days: int = 1,
    units: Sequence[Unit] | None = None,
    dirty: float = 0,
) -> list[dict[str, Any]]:
    """Many accepted applications of Immomio, each on a unit of its own (``unit(0)`` and on, unless given)."""
    return [as_application(draft) for draft in _bulk("immomio", n, seed, anchor, days, units, dirty)]


def candidates(
    n: int,
    seed: int,
    anchor: date | None = None,
    days: int = 1,
    units: Sequence[Unit] | None = None,
    dirty: float = 0,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Many candidates of EverReal and their contracts, as ``applications`` does it."""
    drafts = _bulk("everreal", n, seed, anchor, days, units, dirty)
    contracts = [contract for draft in drafts if (contract := as_contract(draft))]
    return [as_candidate(draft) for draft in drafts], contracts


def with_parking_space(
    seed: int, flat: Unit, parking: Unit, anchor: date | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A candidate of EverReal and a contract for two units, a flat and a parking space; in no generated world."""
    (draft,) = _bulk("everreal/parking", 1, seed, anchor, 1, [flat], 0)
    draft.parking = parking
    contract = as_contract(draft)
    if contract is None:
        raise ValueError("a chosen candidate has a contract")
    return as_candidate(draft), contract
