"""Dry run of the acceptance: ledger and ERP as if the offers of the dry run's load existed.

:mod:`letting_sync.tasks.auto_accept.acceptor` decides as in a real run and does not notice the difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from letting_sync.erp import Erp
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, EntryState, Key, Retraction, Run
from letting_sync.model import Offer, OfferStatus, OutcomeKind, UnitNumber
from letting_sync.reasons import Reason
from letting_sync.settings import AcceptMode
from letting_sync.staging import tables
from letting_sync.staging.dry_run import ASK, WouldAccept, WouldLoad, would_load
from letting_sync.tasks.auto_accept.policy import Decision, Verdict, strictest

_T = TypeVar("_T")
_R = TypeVar("_R")


class LoadedLedger:
    """The ledger as it would be after the load; read-only.

    :param run: the dry run.
    :param folder: its staging folder.
    """

    def __init__(self, ledger: Ledger, run: Run, folder: str) -> None:
        self._ledger = ledger
        self._run = run
        self._loads = {(load.external_id, load.unit): load for load in would_load(folder)}
        self._prospects = {row["record"]: row for row in tables.rows(folder, "prospects")}
        self._retractions = [
            Retraction(row["external_id"], row.get("source_id"), reason, row["updated_at"])
            for table, reason in (("withdrawn", Reason.WITHDRAWN), ("not_chosen", Reason.NOT_CHOSEN))
            for row in tables.rows(folder, table)
        ]
        there = ledger.find(run.pair, {external_id for external_id, _ in self._loads})
        self._made = {
            key: self._made_of(load, there.get(key))
            for key, load in self._loads.items()
            if self._is_made(load, there.get(key))
        }

    @property
    def offers(self) -> list[Offer]:
        """Return the offers that the load would make; the others are in the ERP."""
        return [
            _offer_of(self._loads[key], entry, self._prospects[self._loads[key].record])
            for key, entry in self._made.items()
            if self._loads[key].kind == OutcomeKind.CREATED
        ]

    def find(self, pair: str, external_ids: Collection[str]) -> dict[Key, Entry]:
        """As :meth:`Ledger.find`."""
        found = {key: self._as_loaded(e) for key, e in self._ledger.find(pair, external_ids).items()}
        ids = set(external_ids)
        return found | {key: entry for key, entry in self._made.items() if key[0] in ids}

    def find_same_applications(self, pair: str, external_ids: Collection[str]) -> dict[str, list[Entry]]:
        """As :meth:`Ledger.find_same_applications`."""
        found = defaultdict[str, list[Entry]](list)
        for entry in self.find(pair, external_ids).values():
            found[entry.external_id].append(entry)
        return found

    def hash_of_content(self, prospect: Mapping[str, Any]) -> str:
        """As :meth:`Ledger.hash_of_content`."""
        return self._ledger.hash_of_content(prospect)

    def find_undecided(self, pair: str) -> list[Entry]:
        """As :meth:`Ledger.find_undecided`."""
        return self._with_made(self._ledger.find_undecided(pair), lambda _: True)

    def find_on_units(self, erp: str, units: Collection[str]) -> list[Entry]:
        """As :meth:`Ledger.find_on_units`."""
        return self._with_made(self._ledger.find_on_units(erp, units), lambda entry: entry.unit in units)

    def find_let_together(self, pair: str, bundles: Collection[str]) -> list[Entry]:
        """As :meth:`Ledger.find_let_together`."""
        found = self._ledger.find_let_together(pair, bundles)
        return self._with_made(found, lambda entry: entry.bundle in bundles)

    def _with_made(self, found: Iterable[Entry], belongs: Callable[[Entry], bool]) -> list[Entry]:
        stored = [self._as_loaded(e) for e in found if e.pair != self._run.pair or e.key not in self._made]
        return [*stored, *(entry for entry in self._made.values() if belongs(entry))]

    def _as_loaded(self, entry: Entry) -> Entry:
        """Return an entry with what the load would store: withdrawn, chosen or changed since its offer."""
        if entry.pair != self._run.pair or entry.lease_number:
            return entry
        load, now = self._loads.get(entry.key), datetime.now(UTC)
        if load and load.kind == OutcomeKind.ALREADY_THERE:
            row = self._prospects[load.record]
            entry = entry._replace(chosen=row["chosen"], bundle=row["bundle"], bundle_size=row["bundle_size"])
            if load.reason == Reason.CHANGED_AFTER_LOAD:
                entry = entry._replace(changed_at=entry.changed_at or now)
        for one in self._retractions:
            if one.overrules(entry) and one.reason is Reason.NOT_CHOSEN:
                entry = entry._replace(chosen=False)
            elif one.overrules(entry):
                entry = entry._replace(withdrawn_at=entry.withdrawn_at or now)
        return entry

    @staticmethod
    def _is_made(load: WouldLoad, there: Entry | None) -> bool:
        """Return whether the load would write the entry, because it makes the offer or finds it in the ERP."""
        if load.kind == OutcomeKind.CREATED:
            return True
        return load.kind == OutcomeKind.ALREADY_THERE and (there is None or there.state != EntryState.LOADED)

    def _made_of(self, load: WouldLoad, there: Entry | None) -> Entry:
        now, row = datetime.now(UTC), self._prospects[load.record]
        values: dict[str, Any] = dict.fromkeys(Entry._fields)
        values |= {
            # Smaller than all stored ids, and unique.
            "id": there.id if there else -1 - load.record,
            "pair": self._run.pair,
            "erp": self._run.erp,
            "external_id": load.external_id,
            "unit": load.unit,
            "state": EntryState.LOADED,
            "chosen": row["chosen"],
            "content_hash": "",
            "bundle": row["bundle"],
            "bundle_size": row["bundle_size"],
            "business_partner_number": load.business_partner,
            "ask_reason": Reason.stored(load.ask_reason) if load.ask_reason else None,
            "source_id": row.get("source_id"),
            "partner_updated_at": row["updated_at"],
            "run_id": self._run.run_id,
            "created_at": now,
            "updated_at": now,
        }
        return Entry(**values)


class LoadedErp:
    """The ERP with the offers that the load would make; read-only.

    :param made: these offers.
    """

    def __init__(self, erp: Erp, made: Sequence[Offer]) -> None:
        self._erp = erp
        self._made = made

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """As :meth:`Erp.concurrently`."""
        return self._erp.concurrently(function, items)

    def offers(self, external_ids: Collection[str]) -> Iterator[Offer]:
        """As :meth:`Erp.offers`."""
        yield from self._erp.offers(external_ids)
        yield from (offer for offer in self._made if offer.external_id in external_ids)

    def offers_on_unit(self, unit: str) -> Iterator[Offer]:
        """As :meth:`Erp.offers_on_unit`."""
        yield from self._erp.offers_on_unit(unit)
        yield from (offer for offer in self._made if str(offer.unit) == unit)


def _offer_of(load: WouldLoad, entry: Entry, row: dict[str, Any]) -> Offer:
    return Offer(
        offer_id="dry-run",
        number="",
        external_id=load.external_id,
        unit=UnitNumber.parse(load.unit),
        status=OfferStatus.OFFERED,
        normal_kind=True,
        valid_from=None,
        valid_until=None,
        lease_start=row["lease_start"],
        business_partner_number=entry.business_partner_number,
        lease_number=None,
        version="",
    )


def accepts(
    decisions: Sequence[Decision], mode: AcceptMode, asked_above: int, acceptable: int
) -> list[WouldAccept]:
    """Return the rows of the table ``dry_run_acceptance``.

    :param mode: the run's accept mode.
    :param asked_above: largest number of offers that a run accepts without asking a person.
    :param acceptable: number of offers that this run would accept.
    """
    return [
        WouldAccept(
            decision.entry.external_id,
            decision.entry.unit,
            *_verdict(decision, mode, acceptable > asked_above),
        )
        for decision in decisions
    ]


def _verdict(decision: Decision, run_mode: AcceptMode, too_many: bool) -> tuple[str, str | None]:
    mode = strictest(decision.entry.accept_mode, run_mode)
    if decision.verdict is not Verdict.ACCEPT:
        return str(decision.verdict), str(decision.reason) if decision.reason else None
    if mode == "off":
        return str(Verdict.HOLD), str(Reason.ACCEPT_OFF)
    if mode == "approval" or too_many or decision.entry.ask_reason:
        return ASK, str(decision.entry.ask_reason) if decision.entry.ask_reason else None
    return str(Verdict.ACCEPT), None
