"""The ledger: state and audit trail of every prospect, so that no retry creates anything twice.

There is one entry per pair, external id and unit. :class:`EntryState` is the state of its *offer*,
:class:`AcceptanceState` that of its *lease*. The ERP is the source of truth. Entries contain no names, no addresses and
no dates of birth, only keyed hashes of content that must be compared.

Methods named ``find...`` read; those named ``mark...``, ``claim...`` and ``release...`` write. Every method is one
transaction. A claim has a fencing token: a takeover writes a new one, so that a process that was considered dead and
continues finds that it must not send any more.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from letting_sync.ledger import bulk
from letting_sync.ledger.bulk import among
from letting_sync.ledger.database import AT_WRITING, note, read, statements
from letting_sync.ledger.partner_versions import PartnerVersions
from letting_sync.ledger.records import (
    AcceptanceState,
    Entry,
    EntryState,
    Event,
    InFlight,
    Intent,
    Key,
    Made,
    OfferOfPerson,
    Run,
)
from letting_sync.ledger.schema import entries, properties
from letting_sync.reasons import Reason

CLAIM_EXPIRES = timedelta(minutes=10)
"""Time without a send after which another run may take over a claim. Assumed: a live run sends sooner."""


_UNDECIDED = (AcceptanceState.ACCEPTING, AcceptanceState.AWAITING)
_OFFER_UNDECIDED = sa.and_(
    entries.c.state.in_([EntryState.LOADED, EntryState.AMBIGUOUS]),
    sa.or_(entries.c.acceptance.is_(None), entries.c.acceptance.in_(_UNDECIDED)),
)
_LAST_REVIEWED = sa.func.coalesce(entries.c.reviewed_at, entries.c.updated_at)
_WITHOUT_END = (EntryState.CLAIMED, EntryState.SENT, EntryState.LOADED, EntryState.AMBIGUOUS)
"""All states but the refused one, named so that the index of entries without a lease is used."""


class Ledger(PartnerVersions):
    """The ledger of one deployment."""

    # --- reading ------------------------------------------------------------------------------------------

    def find(self, pair: str, external_ids: Collection[str]) -> dict[Key, Entry]:
        """Return all entries of a pair with these external ids."""
        return {entry.key: entry for entry in self._find_by_ids(pair, external_ids)}

    def find_sent(self, pair: str) -> list[InFlight]:
        """Return the entries of a pair that were sent and have no outcome, of any run."""
        columns = [entries.c[name] for name in InFlight._fields]
        query = sa.select(*columns).where(entries.c.pair == pair, entries.c.state == EntryState.SENT)
        with self._reading() as connection:
            return list(map(InFlight._make, connection.execute(query.order_by(entries.c.id)).all()))

    def find_undecided(self, pair: str) -> list[Entry]:
        """Return the entries with an offer and without a decision: new, interrupted, or awaiting an approval."""
        return self._select(entries.c.pair == pair, entries.c.lease_number.is_(None), _OFFER_UNDECIDED)

    def find_due_for_review(self, pair: str, before: datetime, most: int) -> list[Entry]:
        """Return held entries of a pair that were last compared with partner and ERP before a time, oldest first."""
        query = (
            sa.select(entries)
            .where(entries.c.pair == pair, entries.c.lease_number.is_(None), _due_for_review(before))
            .order_by(_LAST_REVIEWED, entries.c.id)
            .limit(most)
        )
        with self._reading() as connection:
            return list(read(connection, query))

    def find_anything_open(self, pair: str, review_before: datetime) -> bool:
        """Return whether entries of a pair need a run even if nothing has changed at the partner.

        These are claimed and sent entries, those of :meth:`find_undecided` and those of :meth:`find_due_for_review`.

        :param review_before: see :meth:`find_due_for_review`.
        """
        # A claim on a prospect who was withdrawn or moved meanwhile is never sent: it would stay open for ever.
        claimed = sa.and_(
            entries.c.state == EntryState.CLAIMED,
            entries.c.withdrawn_at.is_(None),
            entries.c.moved_at.is_(None),
        )
        sent = entries.c.state == EntryState.SENT
        query = sa.select(entries.c.id).where(
            entries.c.pair == pair,
            entries.c.lease_number.is_(None),
            entries.c.state.in_(_WITHOUT_END),
            sa.or_(claimed, sent, _OFFER_UNDECIDED, _due_for_review(review_before)),
        )
        with self._reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def find_decided_by(self, run: Run) -> list[Entry]:
        """Return the entries whose acceptance this run decided on last."""
        return self._select(entries.c.pair == run.pair, entries.c.acceptance_run == run.run_id)

    def find_on_units(self, erp: str, units: Collection[str]) -> list[Entry]:
        """Return the entries of all pairs that feed this ERP, for these units."""
        found: list[Entry] = []
        for some in statements(sorted(set(units))):
            found += self._select(entries.c.erp == erp, among(self.engine.dialect.name, entries.c.unit, some))
        return found

    def find_let_together(self, pair: str, bundles: Collection[str]) -> list[Entry]:
        """Return the entries of a pair in one of these bundles."""
        found: list[Entry] = []
        for some in statements(sorted(set(bundles))):
            found += self._select(
                entries.c.pair == pair, among(self.engine.dialect.name, entries.c.bundle, some)
            )
        return found

    def find_person_on_unit(
        self, pair: str, hashes: Collection[str]
    ) -> dict[tuple[str, str], list[OfferOfPerson]]:
        """Return what is in the ERP or in flight for these persons, by person hash and unit.

        Prospects who have withdrawn or moved to another unit are left out, unless they have a lease.
        """
        found = defaultdict[tuple[str, str], list[OfferOfPerson]](list)
        columns = [entries.c[name] for name in OfferOfPerson._fields]
        still_there = sa.and_(entries.c.withdrawn_at.is_(None), entries.c.moved_at.is_(None))
        with self._reading() as connection:
            for some in statements(sorted(set(hashes))):
                # With a condition on the state SQLite would use the index by state and scan all loaded entries.
                query = sa.select(*columns).where(
                    entries.c.pair == pair,
                    among(connection.dialect.name, entries.c.person_hash, some),
                    sa.or_(entries.c.lease_number.is_not(None), still_there),
                )
                for offer in map(OfferOfPerson._make, connection.execute(query).all()):
                    if offer.state in (EntryState.LOADED, EntryState.SENT):
                        found[offer.person_hash, offer.unit].append(offer)
        return found

    # --- claiming and sending -----------------------------------------------------------------------------

    def may_be_taken_over(self, entry: Entry, now: datetime, ended: Collection[str]) -> bool:
        """Return whether another run may take over a claimed entry.

        :param now: the time of :meth:`now`.
        :param ended: ids of runs that are known to have ended.
        """
        return entry.run_id in ended or not entry.claimed_at or entry.claimed_at < now - CLAIM_EXPIRES

    def claim(self, run: Run, intents: Sequence[Intent], ended: Collection[str] = ()) -> dict[Key, InFlight]:
        """Take prospects for this run: write the intent before anything is sent.

        Taken are new ones, refused ones, those this run claimed in an earlier try, and claims that expired
        unsent. One statement decides, so of two runs at the same moment only one gets a prospect.

        :param ended: runs that are known to have ended; their claims are free without expiring. A process of theirs that
            is still alive finds its token replaced.
        :return: the entries that were claimed, by key; all of them carry the same new token in ``claim``.
        """
        token = uuid.uuid4().hex
        # Each key once: PostgreSQL refuses to write a row twice in one statement.
        once = {intent.key: intent for intent in intents}.values()
        if not once:
            return {}
        with self._writing() as (connection, at):
            claimed = bulk.claim(
                connection,
                run,
                once,
                token=token,
                at=at,
                free_before=at - CLAIM_EXPIRES,
                free_runs={run.run_id, *ended},
            )
            for some in statements(claimed):
                note(connection, [entry.id for entry in some], Event.CLAIMED, at, run.run_id)
        ours = (InFlight(one.id, one.external_id, one.unit, token, run.run_id) for one in claimed)
        return {entry.key: entry for entry in ours}

    def mark_to_ask(self, doubts: Mapping[int, tuple[Reason, str | None]]) -> None:
        """Mark entries, before they are sent, as requiring an approval in any accept mode.

        :param doubts: entry id -> reason, and number of the business partner that may be the same person.
        """
        groups = defaultdict[tuple[Reason, str | None], list[int]](list)
        for entry_id, doubt in doubts.items():
            groups[doubt].append(entry_id)
        for (reason, number), ids in groups.items():
            self._change(ids, Event.IN_DOUBT, reference=number, ask_reason=reason, near_partner_number=number)

    def mark_sent(self, ids: Collection[int], token: str) -> set[int]:
        """Mark claimed entries as sent, immediately before they are sent.

        :return: ids of the entries whose claim is still valid, and that another run has not found withdrawn or moved
            meanwhile; only these may be sent.
        """
        confirmed = set[int]()
        with self._writing() as (connection, at):
            for some in statements(sorted(ids)):
                ours = sa.and_(
                    among(connection.dialect.name, entries.c.id, some),
                    entries.c.state == EntryState.CLAIMED,
                    entries.c.claim == token,
                    entries.c.withdrawn_at.is_(None),
                    entries.c.moved_at.is_(None),
                )
                statement = (
                    sa.update(entries)
                    .where(ours)
                    .values(state=EntryState.SENT, sent_at=at, job=None, updated_at=at)
                    .returning(entries.c.id)
                )
                changed = connection.execute(statement).scalars().all()
                note(connection, changed, Event.SENT, at)
                confirmed.update(changed)
        return confirmed

    def mark_sent_again(self, ids: Collection[int], token: str) -> bool:
        """Record a further attempt of a request; return whether all of its claims are still valid.

        A request may wait for minutes at the ERP's request, and another run may take over the entries meanwhile. The
        time of the last attempt is stored, since the settle window starts there.
        """
        held = 0
        with self._writing() as (connection, at):
            for some in statements(sorted(ids)):
                ours = sa.and_(
                    among(connection.dialect.name, entries.c.id, some),
                    entries.c.state == EntryState.SENT,
                    entries.c.claim == token,
                )
                statement = sa.update(entries).where(ours).values(sent_at=at, updated_at=at)
                held += connection.execute(statement).rowcount
        return held == len(ids)

    def mark_in_import(self, ids: Collection[int], job: str, claims: Collection[str | None]) -> None:
        """Store the ERP's import of these entries, if their claims are still valid."""
        holds = entries.c.claim.in_(list(claims))
        self._change(ids, Event.IN_IMPORT, only_if=holds, reference=job, job=job)

    def release_unsent(self, ids: Collection[int], token: str) -> None:
        """Return entries from sent to claimed, since the request is confirmed not to have taken effect.

        Only entries with a valid claim are changed: another run may have taken over and sent an entry meanwhile.
        """
        holds = sa.and_(entries.c.state == EntryState.SENT, entries.c.claim == token)
        self._change(ids, Event.NOT_TAKEN, only_if=holds, state=EntryState.CLAIMED)

    def claim_again(self, run: Run | None, entries_to_repeat: Sequence[InFlight]) -> str:
        """Claim sent entries that are confirmed absent from the ERP, under a new token.

        :param run: the run that will send them; ``None``: their own runs, if these are cleared.
        :return: the new token, which invalidates the old one.
        """
        token, by_sender = uuid.uuid4().hex, defaultdict[tuple[str | None, str], list[int]](list)
        for entry in entries_to_repeat:
            by_sender[entry.claim, run.run_id if run else entry.run_id].append(entry.id)
        for (claim, sender), ids in by_sender.items():
            self._change(
                ids,
                Event.NOT_FOUND,
                only_if=sa.and_(entries.c.state == EntryState.SENT, entries.c.claim == claim),
                state=EntryState.CLAIMED,
                claim=token,
                claimed_at=AT_WRITING,
                by_run=sender,
                run_id=sender,
                job=None,
            )
        return token

    def mark_target(self, pair: str, target: str) -> str | None:
        """Note where a pair's prospects are sent to: exchange and separator as a text of up to 250 characters.

        :return: the earlier target if it is another one and prospects that were sent there have no outcome yet; then it
            stays noted. ``None``: the target may be sent to.
        """
        name = f"target {hashlib.sha256(pair.encode()).hexdigest()[:40]}"
        of_pair = properties.c.name == name
        known = sa.select(properties.c.value).where(of_pair)
        with self._reading() as connection:
            if connection.execute(known).scalar_one_or_none() == target:
                return None
        with self._writing() as (connection, _):
            stored = connection.execute(known).scalar_one_or_none()
            sent = sa.select(entries.c.id).where(entries.c.pair == pair, entries.c.state == EntryState.SENT)
            if stored not in (None, target) and connection.execute(sent.limit(1)).first():
                return str(stored)
            connection.execute(sa.delete(properties).where(of_pair))
            connection.execute(sa.insert(properties).values(name=name, value=target))
        return None

    # --- outcomes of the load -----------------------------------------------------------------------------

    # Each method checks the claim under which the entry was read: a process that was considered dead and continues with
    # an old response must not overwrite what another one has written since.

    def mark_loaded(self, offers: Sequence[Made]) -> None:
        """Mark entries as loaded: the ERP has one offer for each of them."""
        with self._writing() as (connection, at):
            marked = bulk.mark_loaded(connection, offers, at)
            for some in statements(marked):
                note(connection, some, Event.OFFER, at, None, entries.c.reason, entries.c.offer_number)

    def mark_refused(self, ids: Collection[int], reason: Reason, claim: str | None = None) -> None:
        """Mark entries as refused: the ERP has no offer and does not accept the record as it is."""
        self._change(ids, Event.REFUSED, only_if=_still(claim), reason=reason, state=EntryState.REFUSED)

    def mark_given_up(self, claimed: Iterable[tuple[Entry, Reason | None]]) -> None:
        """Mark claimed entries as refused that are not to be sent any more, each with the reason."""
        groups = defaultdict[tuple[str | None, Reason | None], list[int]](list)
        for entry, reason in claimed:
            groups[entry.claim, reason].append(entry.id)
        for (claim, reason), ids in groups.items():
            # A process that was considered dead may have sent it meanwhile.
            unsent = sa.and_(entries.c.state == EntryState.CLAIMED, entries.c.claim == claim)
            self._change(ids, Event.REFUSED, only_if=unsent, reason=reason, state=EntryState.REFUSED)

    def mark_ambiguous(self, entry_id: int, claim: str | None = None) -> None:
        """Mark an entry as ambiguous: the ERP has several offers, none is accepted, and a person must decide."""
        self._change(
            [entry_id],
            Event.SEVERAL_OFFERS,
            only_if=_still(claim),
            reason=Reason.AMBIGUOUS,
            state=EntryState.AMBIGUOUS,
        )

    def mark_changed(self, ids: Collection[int]) -> None:
        """Mark entries whose record the partner has changed after the offer was made; a clerk decides in the ERP."""
        self._change(
            ids,
            Event.CHANGED,
            only_if=entries.c.changed_at.is_(None),
            changed_at=AT_WRITING,
            reason=Reason.CHANGED_AFTER_LOAD,
        )

    # --- acceptance ---------------------------------------------------------------------------------------

    def mark_accepting(self, entry: Entry, run_id: str) -> bool:
        """Claim the right to accept an offer on this unit, which one entry of all pairs on the ERP can have at a time.

        :return: whether the right was obtained; not for an entry that has a lease or was deleted meanwhile.
        """
        try:
            changed = self._change(
                [entry.id],
                Event.ACCEPTING,
                by_run=run_id,
                only_if=entries.c.lease_number.is_(None),
                acceptance=AcceptanceState.ACCEPTING,
                acceptance_run=run_id,
                accepting_since=AT_WRITING,
            )
        except sa.exc.IntegrityError:
            return False
        return bool(changed)

    def mark_leased(self, entry_id: int, lease_number: str, run_id: str, found: bool = False) -> None:
        """Mark an entry as leased; a lease that another run has written already stays assigned to that run.

        :param found: whether the run has found the lease in the ERP and not made it.
        """
        reason = Reason.FOUND_IN_ERP if found else None
        self._change(
            [entry_id],
            Event.LEASE,
            only_if=sa.func.coalesce(entries.c.acceptance, "") != AcceptanceState.LEASED,
            reason=reason,
            reference=lease_number,
            by_run=run_id,
            acceptance=AcceptanceState.LEASED,
            acceptance_reason=reason,
            acceptance_run=run_id,
            lease_number=lease_number,
        )

    def mark_held(
        self, ids: Collection[int], reason: Reason, run_id: str, decided_by: str | None = None
    ) -> None:
        """Mark entries as held with a reason; ``decided_by`` is the Airflow user if a person decided."""
        decided: dict[str, Any] = {"decided_by": decided_by, "decided_at": AT_WRITING} if decided_by else {}
        self._change(
            ids,
            Event.HELD,
            # Another process may have found the lease since this one looked.
            only_if=entries.c.lease_number.is_(None),
            reason=reason,
            reference=decided_by,
            by_run=run_id,
            acceptance=AcceptanceState.HELD,
            acceptance_reason=reason,
            acceptance_run=run_id,
            **decided,
        )

    def mark_held_again(self, ids: Collection[int], reason: Reason, run_id: str) -> None:
        """Change the reason of held entries; they stay assigned to the run that decided on them."""
        still = sa.and_(entries.c.lease_number.is_(None), entries.c.acceptance == AcceptanceState.HELD)
        self._change(
            ids,
            Event.HELD,
            only_if=still,
            reason=reason,
            by_run=run_id,
            acceptance=AcceptanceState.HELD,
            acceptance_reason=reason,
        )

    def mark_awaiting(self, ids: Collection[int], run_id: str, reason: Reason | None = None) -> None:
        """Mark entries as awaiting an approval; ``reason`` is given if it is required in any accept mode."""
        self._change(
            ids,
            Event.APPROVAL_ASKED,
            only_if=entries.c.lease_number.is_(None),
            reason=reason,
            by_run=run_id,
            acceptance=AcceptanceState.AWAITING,
            acceptance_reason=reason,
            acceptance_run=run_id,
        )

    def mark_approved(self, ids: Collection[int], run_id: str, decided_by: str) -> None:
        """Mark entries as approved by a person; the acceptance itself follows."""
        asked = sa.and_(entries.c.acceptance == AcceptanceState.AWAITING, entries.c.acceptance_run == run_id)
        self._change(
            ids, Event.APPROVED, reference=decided_by, by_run=run_id, only_if=asked, acceptance=None,
            acceptance_reason=None, decided_by=decided_by, decided_at=AT_WRITING,
        )  # fmt: skip


def _due_for_review(before: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        entries.c.state.in_([EntryState.LOADED, EntryState.AMBIGUOUS]),
        entries.c.acceptance == AcceptanceState.HELD,
        before > _LAST_REVIEWED,
    )


def _still(claim: str | None) -> sa.ColumnElement[bool] | None:
    return entries.c.claim == claim if claim else None
