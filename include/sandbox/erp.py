"""
Behaviour that both ERPs have in common: units, business partners, the import with its exact duplicate check, offers,
leases. ``yuneo.py`` and ``sigma.py`` add the terms of each interface.

Assumed beyond the contracts, for both:

* A lease made from an offer has no end, so it conflicts with every lease of that unit that has not ended before it
  starts. The import checks the same for the prospect's lease start (today if there is none).
* The duplicate check finds nobody if one of its fields is missing. Of several equal partners the lowest number is taken. The stored
  data of a found partner do not change.
* An offer is open up to and including its last day.
* The import checks in this order: lengths and forms, unit, vacancy, given partner, duplicate check.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Literal
from uuid import uuid4

from pydantic import Field

from include.sandbox.clerk import Clerk
from include.sandbox.common import Options, Refused, now, today
from include.sandbox.core import System
from include.sandbox.erp_records import BusinessPartner, Job, Lease, Offer, Person, Prospect, Reason, Result

Key = Literal["first_name", "last_name", "birth_date", "email", "phone", "mobile", "postal_code", "city"]


class ErpOptions(Options):
    """Options of an ERP."""

    offer_valid_days: int = Field(default=365, description="below 0: new offers have already expired")
    import_keys: tuple[Key, ...] = Field(
        default=("first_name", "last_name", "birth_date"),
        min_length=1,
        description="fields of the duplicate check",
    )
    exchanges: tuple[str, ...] = Field(
        default=("Immomio", "EverReal"), description="names that may be imported from"
    )


class Erp(System):
    """A housing ERP."""

    separator = "/"
    first_offer, first_partner, first_lease = 100_001, 500_001, 1
    offered, accepted, rejected = "", "", ""
    options: ErpOptions

    def __init__(self, options: ErpOptions) -> None:
        super().__init__(options)
        self._tasks: set[asyncio.Task[None]] = set()
        self.clerk = Clerk(self)
        self.clear_records()

    def clear_records(self) -> None:
        self._units: list[str] = []
        self._known_units: set[str] = set()
        self._partners: dict[int, BusinessPartner] = {}
        self._by_key: dict[tuple[Any, ...], int] = {}
        self._keys_of_index: tuple[str, ...] = ()
        self._offers: dict[int, Offer] = {}
        self._offers_made = 0
        self._offer_numbers: dict[str, int] = {}
        # Value of a look-up -> numbers, in order; each record is checked again, since a clerk may have changed it.
        self._offers_of: dict[tuple[str, str], dict[int, None]] = {}
        self._partners_of: dict[date | str, dict[int, None]] = {}
        self._leases: list[Lease] = []
        self._leases_of: dict[str, list[Lease]] = {}
        self.batches: list[int] = []
        """Number of prospects of each delivery, in order."""

    # --- to look at and to set up --------------------------------------------------------------------------

    @property
    def units(self) -> list[str]:
        """All units' numbers, with this ERP's separator."""
        with self.lock:
            return list(self._units)

    @property
    def business_partners(self) -> list[BusinessPartner]:
        """All business partners, as copies."""
        with self.lock:
            return [replace(one, person=replace(one.person)) for one in self._partners.values()]

    @property
    def offers(self) -> list[Offer]:
        """All offers, as copies, oldest first."""
        with self.lock:
            return [replace(one) for one in self._offers.values()]

    @property
    def leases(self) -> list[Lease]:
        """All leases, as copies, oldest first."""
        with self.lock:
            return [replace(one) for one in self._leases]

    def offers_for(self, external_id: str) -> list[Offer]:
        """The offers that carry this external id."""
        with self.lock:
            return [replace(one) for one in self._offers.values() if one.external_id == external_id]

    def leases_for(self, unit: str) -> list[Lease]:
        """The leases of a unit."""
        with self.lock:
            return [replace(one) for one in self._leases_of.get(unit, ())]

    def add_unit(self, number: str) -> None:
        """Add a vacant unit; its number has this ERP's separator."""
        with self.lock:
            if number not in self._known_units:
                self._known_units.add(number)
                self._units.append(number)

    def add_business_partner(self, **person: Any) -> BusinessPartner:
        """Store a person, exactly as given: ``first_name``, ``last_name``, ``birth_date`` and the other fields."""
        if isinstance(person.get("birth_date"), str):
            person["birth_date"] = date.fromisoformat(person["birth_date"])
        with self.lock:
            return self._new_partner(Person(**person))

    def add_offer(self, external_id: str, unit: str, business_partner: int, **fields: Any) -> Offer:
        """Store an offer as if a clerk had made it: ``status``, ``valid_until`` and the like may be given."""
        with self.lock:
            offer = self._new_offer(
                Prospect(external_id, unit, Person()), business_partner, fields.pop("exchange", "")
            )
            return replace(self._store(replace(offer, **fields)))

    def clerk_edits(self, offer: Offer | int, clerk: str = "MEIER", **fields: Any) -> Offer:
        """Save an offer as a clerk does, which increments its version; other fields may change with it."""
        number = offer if isinstance(offer, int) else offer.number
        with self.lock:
            stored = self._offers[number]
            return replace(self._store(replace(stored, version=stored.version + 1, clerk=clerk, **fields)))

    def stored(self, number: int) -> Offer:
        """The stored offer with this number, not a copy."""
        if number not in self._offers:
            raise Refused(404, "unknown_offer", f"there is no offer {number}")
        return self._offers[number]

    def remove_offer(self, offer: Offer) -> None:
        """Forget an offer; its number is not given again."""
        with self.lock:
            del self._offers[offer.number], self._offer_numbers[offer.id]
            for key in (("id", offer.external_id), ("unit", offer.unit)):
                self._offers_of[key].pop(offer.number, None)

    def let_unit(self, number: str, start: date | None = None, end: date | None = None) -> Lease:
        """Let the unit to somebody else, since last year by default."""
        with self.lock:
            return replace(self._new_lease(number, start or today() - timedelta(days=365), end=end))

    def actions(self) -> dict[str, Callable[..., Any]]:
        clerk = self.clerk
        return {one.__name__: one for one in (clerk.accept, clerk.reject, clerk.expire, clerk.delete)}

    def counts(self) -> dict[str, Any]:
        with self.lock:
            per_id: dict[str, int] = {}
            per_unit: dict[str, int] = {}
            statuses: dict[str, int] = {}
            for offer in self._offers.values():
                per_id[offer.external_id] = per_id.get(offer.external_id, 0) + 1
                statuses[offer.status] = statuses.get(offer.status, 0) + 1
            for lease in self._leases:
                per_unit[lease.unit] = per_unit.get(lease.unit, 0) + 1
            return {
                "units": len(self._units),
                "business_partners": len(self._partners),
                "offers": len(self._offers),
                "offers_by_status": statuses,
                "leases": len(self._leases),
                "offers_per_external_id": per_id,
                "leases_per_unit": per_unit,
            }

    def load_basis(self, world: Any, known: list[dict[str, Any]]) -> None:
        """Store a world's units, current leases, known persons and old offers."""
        for parts in world.units:
            self.add_unit(self.separator.join(parts))
        for parts in world.let_units:
            self.let_unit(self.separator.join(parts), start=world.anchor - timedelta(days=700))
        for person in known:
            self.add_business_partner(**person)
        for at, partner in enumerate(self.business_partners[:2]):
            # Offers that expired long ago, of persons who do not apply now.
            unit = self.separator.join(world.units[-1 - at])
            until = world.anchor - timedelta(days=30)
            self.add_offer(
                f"alt-{at}", unit, partner.number, valid_from=until - timedelta(days=14), valid_until=until
            )

    # --- the import ----------------------------------------------------------------------------------------

    def import_one(self, prospect: Prospect, exchange: str) -> Result:
        """Make an offer of a prospect, or return why not; existing offers are not checked."""
        with self.lock:
            reason, detail = self._objection(prospect)
            if reason is not None:
                return Result(prospect.external_id, reason=reason, detail=detail)
            number = prospect.business_partner or self._duplicate_of(prospect.person)
            created = number is None
            if number is None:
                number = self._new_partner(replace(prospect.person)).number
            offer = self._new_offer(prospect, number, exchange)
            return Result(prospect.external_id, replace(offer), partner_created=created)

    def _objection(self, prospect: Prospect) -> tuple[Reason | None, str | None]:
        if prospect.problem is not None:
            return "invalid_field", prospect.problem
        if prospect.unit not in self._known_units:
            return "unknown_unit", "there is no such unit"
        if self.running_lease(prospect.unit, prospect.lease_start or today()) is not None:
            return "unit_not_vacant", "a lease runs on this unit"
        if prospect.business_partner is not None and prospect.business_partner not in self._partners:
            return "unknown_business_partner", "there is no such business partner"
        return None, None

    def _key(self, person: Person) -> tuple[Any, ...] | None:
        values = tuple(getattr(person, name) for name in self.options.import_keys)
        return values if all(values) else None

    def _duplicate_of(self, person: Person) -> int | None:
        """Return the business partner that is equal in every field of the check, including blanks."""
        if self._keys_of_index != self.options.import_keys:  # first use, or the customer changed the fields
            self._keys_of_index, self._by_key = self.options.import_keys, {}
            for partner in self._partners.values():
                self._index(partner)
        key = self._key(person)
        return None if key is None else self._by_key.get(key)

    def _index(self, partner: BusinessPartner) -> None:
        key = self._key(partner.person)
        if key is not None:
            self._by_key.setdefault(key, partner.number)

    async def work_off(
        self,
        job: Job,
        prospects: list[Prospect],
        seconds: float,
        stop_after: int | None,
        ends: tuple[str, str],
        done: Callable[[Prospect], None] = lambda _: None,
    ) -> None:
        """Import one prospect after the other, spread over ``seconds``; ``ends``: the words for done and broken off."""
        finished, broken = ends
        pause = seconds / len(prospects) if prospects else 0
        status = broken
        due = time.monotonic()
        try:
            for prospect in prospects[:stop_after]:
                due += pause
                if pause:
                    # By the clock, since thousands of very short pauses would take much longer than their sum.
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                with self.lock:
                    job.results.append(self.import_one(prospect, job.exchange))
                    done(prospect)
            if not prospects and seconds:
                await asyncio.sleep(seconds)
            status = finished if stop_after is None else broken
        finally:  # also when the server stops in the middle
            with self.lock:
                job.status, job.finished_at = status, now()

    def in_background(self, work: Any) -> asyncio.Task[None]:
        """Start work that continues after its request has ended, however it ended."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # --- leases --------------------------------------------------------------------------------------------

    def running_lease(self, unit: str, start: date) -> Lease | None:
        """Return the lease that conflicts with one that starts on this day."""
        for lease in self._leases_of.get(unit, ()):
            if lease.end is None or lease.end >= start:
                return lease
        return None

    def accept(self, offer: Offer, lease_start: date | None, words: tuple[str, str]) -> Lease:
        """Turn an open offer into a lease; ``words``: the codes for "expired" and "unit is let"."""
        expired, let = words
        if offer.expired:
            raise Refused(422, expired, "the offer's validity has ended")
        start = lease_start or offer.lease_start or today()
        other = self.running_lease(offer.unit, start)
        if other is not None:
            raise Refused(409, let, "another lease runs on this unit", **self.lease_extra(other))
        lease = self._new_lease(offer.unit, start, offer.business_partner, offer.number)
        self.clerk_edits(
            offer.number, offer.clerk, status=self.accepted, lease_number=lease.number, lease_start=start
        )
        return lease

    def lease_extra(self, lease: Lease) -> dict[str, Any]:
        """Return a lease as it appears in an error."""
        raise NotImplementedError

    # --- look-ups ------------------------------------------------------------------------------------------

    def offers_to_look_at(self, external_ids: Collection[str], unit: str | None) -> list[Offer]:
        """The offers with one of these external ids, without any those of a unit, else all; in their order."""
        keys = [("id", one) for one in external_ids]
        if not keys and unit is not None:
            keys = [("unit", unit)]
        if not keys:
            return list(self._offers.values())
        numbers = {number for key in keys for number in self._offers_of.get(key, ())}
        return [offer for number, offer in self._offers.items() if number in numbers]

    def partners_to_look_at(self, keys: Iterable[date | str]) -> list[BusinessPartner]:
        """The business partners with one of these dates of birth or addresses, oldest first."""
        numbers = sorted({number for key in keys for number in self._partners_of.get(key, ())})
        return [self._partners[number] for number in numbers]

    # --- new records ---------------------------------------------------------------------------------------

    def _new_partner(self, person: Person) -> BusinessPartner:
        partner = BusinessPartner(self.first_partner + len(self._partners), person)
        self._partners[partner.number] = partner
        for key in (person.birth_date, person.email):
            if key is not None:
                self._partners_of.setdefault(key, {})[partner.number] = None
        self._index(partner)
        return partner

    def _new_offer(self, prospect: Prospect, partner: int, exchange: str) -> Offer:
        number = self.first_offer + self._offers_made
        self._offers_made += 1
        offer = Offer(
            id=str(uuid4()),
            number=number,
            external_id=prospect.external_id,
            exchange=exchange,
            status=self.offered,
            unit=prospect.unit,
            business_partner=partner,
            created_at=now(),
            valid_from=today(),
            valid_until=today() + timedelta(days=self.options.offer_valid_days),
            lease_start=prospect.lease_start,
        )
        self._offer_numbers[offer.id] = number
        return self._store(offer)

    def _store(self, offer: Offer) -> Offer:
        self._offers[offer.number] = offer
        for key in (("id", offer.external_id), ("unit", offer.unit)):
            self._offers_of.setdefault(key, {})[offer.number] = None
        return offer

    def _new_lease(
        self,
        unit: str,
        start: date,
        partner: int | None = None,
        offer: int | None = None,
        end: date | None = None,
    ) -> Lease:
        number = f"{unit}{self.separator}{self.first_lease + len(self._leases):02d}"
        lease = Lease(number, unit, start, end, partner, offer)
        self._leases.append(lease)
        self._leases_of.setdefault(unit, []).append(lease)
        return lease
