"""What became of every prospect: memory and audit of the loads, so that no retry makes anything twice.

One entry per pair, external id and unit. Its ``state`` tells how far the *offer* is:

``claimed``    a run has taken it; nothing has been sent.
``sent``       the request is about to go or has gone; the outcome is open until it is settled (read back).
``loaded``     the ERP holds one offer for it.
``refused``    the ERP holds none, with a reason; it may be sent again once the cause is mended.
``ambiguous``  the ERP holds several offers for it; a person must look.

``acceptance`` tells how far the *lease* is: ``accepting`` (under way), ``leased``, ``held`` (with a reason) or
``awaiting`` (a person is asked). The ERP stays the source of truth; entries hold no names, no addresses and no
dates of birth, only keyed hashes where content must be compared.

Every method is one transaction. A claim carries a token (a fence): a takeover writes a new one, so that a
process which was thought dead and wakes up finds that it may not send any more.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from include.prospects.ledger_database import LedgerDatabase, note, now, read, statements
from include.prospects.ledger_records import Entry, Intent, Key, Made, Run
from include.prospects.ledger_schema import entries

CLAIM_EXPIRES = timedelta(minutes=10)
"""After this long without a send, another run may take a claim over. Assumed: a live run sends sooner."""


_OF_AN_OFFER = (
    "offer_id",
    "offer_number",
    "business_partner_number",
    "business_partner_created",
    "reason",
)
_LOADED = (
    sa.update(entries)
    .where(entries.c.id == sa.bindparam("entry"))
    .values({name: sa.bindparam(name) for name in ("state", "updated_at", *_OF_AN_OFFER)})
)


class Ledger(LedgerDatabase):
    """The ledger of one deployment."""

    # --- reading ------------------------------------------------------------------------------------------

    def find(self, pair: str, external_ids: Collection[str]) -> dict[Key, Entry]:
        """All entries of a pair with these external ids."""
        found: dict[Key, Entry] = {}
        with self._reading() as connection:
            for ids in statements(sorted(set(external_ids))):
                query = sa.select(entries).where(entries.c.pair == pair, entries.c.external_id.in_(ids))
                found.update((entry.key, entry) for entry in read(connection, query))
        return found

    def sent(self, pair: str) -> list[Entry]:
        """Entries of a pair that are sent and have no outcome, whatever run left them so."""
        return self._select(entries.c.pair == pair, entries.c.state == "sent")

    def left_undecided(self, pair: str) -> list[Entry]:
        """Entries of a pair with an offer on which no run has decided, or that were left in the middle."""
        return self._select(
            entries.c.pair == pair,
            entries.c.state == "loaded",
            entries.c.lease_number.is_(None),
            sa.or_(entries.c.acceptance.is_(None), entries.c.acceptance == "accepting"),
        )

    def of_acceptance_run(self, run: Run) -> list[Entry]:
        """Entries whose acceptance this run decided on last."""
        return self._select(entries.c.pair == run.pair, entries.c.acceptance_run == run.run_id)

    def on_units(self, erp: str, units: Collection[str]) -> list[Entry]:
        """Entries of all pairs that feed this ERP, for these units."""
        found: list[Entry] = []
        for some in statements(sorted(set(units))):
            found += self._select(entries.c.erp == erp, entries.c.unit.in_(some))
        return found

    def let_together(self, pair: str, bundles: Collection[str]) -> list[Entry]:
        """Entries of a pair in one of these bundles."""
        found: list[Entry] = []
        for some in statements(sorted(set(bundles))):
            found += self._select(entries.c.pair == pair, entries.c.bundle.in_(some))
        return found

    def same_person_on_unit(self, pair: str, hashes: Collection[str]) -> dict[tuple[str, str], set[str]]:
        """Who of these persons is in the ERP, or on the way there: external ids by person hash and unit."""
        columns = (entries.c.person_hash, entries.c.unit, entries.c.external_id, entries.c.state)
        found = defaultdict[tuple[str, str], set[str]](set)
        with self._reading() as connection:
            for some in statements(sorted(set(hashes))):
                # A condition on the state would lead SQLite to the index by state, through all that was ever loaded.
                query = sa.select(*columns).where(entries.c.pair == pair, entries.c.person_hash.in_(some))
                for person_hash, unit, external_id, state in connection.execute(query).all():
                    if state in ("loaded", "sent"):
                        found[person_hash, unit].add(external_id)
        return found

    # --- claiming and sending -----------------------------------------------------------------------------

    def claim(self, run: Run, intents: Sequence[Intent]) -> tuple[str, dict[Key, int]]:
        """Take prospects for this run: write the intent before anything is sent.

        Taken are new ones, refused ones, those this run claimed in an earlier try, and claims that expired
        unsent. One statement a prospect decides, so of two runs at the same moment only one gets a prospect.

        :return: the claim's token, and the ids of the entries that were won by key.
        """
        token, at = uuid.uuid4().hex, now()
        # Each key once: PostgreSQL refuses to write a row twice in one statement.
        once = {intent.key: intent for intent in intents}.values()
        if not once:
            return token, {}
        with self._writing() as connection:
            connection.execute(*_claim(connection, run, once, token, at))
            ours = sa.select(entries.c.id, entries.c.external_id, entries.c.unit).where(
                entries.c.pair == run.pair, entries.c.state == "claimed", entries.c.claim == token
            )
            won = connection.execute(ours).all()
            for some in statements(won):
                note(connection, [row.id for row in some], "claimed", at, run.run_id)
        return token, {(row.external_id, row.unit): row.id for row in won}

    def sending(self, ids: Collection[int], token: str) -> set[int]:
        """Mark claimed entries as sent, just before they are; returns those whose claim still holds."""
        at, confirmed = now(), set[int]()
        with self._writing() as connection:
            for some in statements(sorted(ids)):
                ours = sa.and_(entries.c.id.in_(some), entries.c.state == "claimed", entries.c.claim == token)
                statement = (
                    sa.update(entries)
                    .where(ours)
                    .values(state="sent", sent_at=at, job=None, updated_at=at)
                    .returning(entries.c.id)
                )
                changed = connection.execute(statement).scalars().all()
                note(connection, changed, "sent", at)
                confirmed.update(changed)
        return confirmed

    def still_sending(self, ids: Collection[int], token: str) -> bool:
        """Before each try of a request: whether all its entries are still ours to send.

        A request can wait for minutes, for the ERP asks it to; meanwhile another run may have taken the entries
        over. The time of the last try is kept, for from then on the ERP has time to end what it took.
        """
        held = 0
        with self._writing() as connection:
            at = now()  # when all other writers have been waited for
            for some in statements(sorted(ids)):
                ours = sa.and_(entries.c.id.in_(some), entries.c.state == "sent", entries.c.claim == token)
                statement = sa.update(entries).where(ours).values(sent_at=at, updated_at=at)
                held += connection.execute(statement).rowcount
        return held == len(ids)

    def in_job(self, ids: Collection[int], job: str, claims: Collection[str | None]) -> None:
        """Remember which import of the ERP carries these entries, those whose claim still holds."""
        holds = entries.c.claim.in_(list(claims))
        self._change(ids, "import started", only_if=holds, reference=job, job=job)

    def not_sent(self, ids: Collection[int], token: str) -> None:
        """The request did surely not take effect: the entries are claimed as before.

        Only where the claim still holds: another run may have taken an entry over and sent it meanwhile.
        """
        holds = sa.and_(entries.c.state == "sent", entries.c.claim == token)
        self._change(ids, "not taken by the ERP", only_if=holds, state="claimed")

    def take_back(self, run: Run | None, entries_to_repeat: Sequence[Entry]) -> str:
        """Claim sent entries of which the ERP surely holds nothing, under a new token.

        :param run: who will send them; ``None``: their own runs, if those are ever repeated.
        :return: the token; a process that still holds the old one finds its claim gone.
        """
        token, by_sender = uuid.uuid4().hex, defaultdict[tuple[str | None, str], list[int]](list)
        for entry in entries_to_repeat:
            by_sender[entry.claim, run.run_id if run else entry.run_id].append(entry.id)
        for (claim, sender), ids in by_sender.items():
            self._change(
                ids,
                "found nothing in the ERP",
                only_if=sa.and_(entries.c.state == "sent", entries.c.claim == claim),
                state="claimed",
                claim=token,
                claimed_at=now(),
                by_run=sender,
                run_id=sender,
                job=None,
            )
        return token

    # --- outcomes of the load -----------------------------------------------------------------------------

    # Each takes the claim under which its entry was read: a process that was thought dead and wakes up with an old
    # answer in its hands must not overwrite what another has written since.

    def loaded(self, offers: Sequence[Made]) -> None:
        """The ERP holds one offer for each of these entries."""
        at = now()
        with self._writing() as connection:
            for some in statements(offers):
                query = sa.select(entries.c.id, entries.c.claim)
                claims = dict(
                    connection.execute(query.where(entries.c.id.in_([o.entry for o in some]))).all()
                )
                ours = [offer for offer in some if offer.claim in (None, claims[offer.entry])]
                values = [
                    {"entry": offer.entry, "state": "loaded", "updated_at": at}
                    | {name: getattr(offer, name) for name in _OF_AN_OFFER}
                    for offer in ours
                ]
                if ours:
                    connection.execute(_LOADED, values)
                    written = (entries.c.reason, entries.c.offer_number)
                    note(connection, [offer.entry for offer in ours], "offer", at, None, *written)

    def refused(self, ids: Collection[int], reason: str, claim: str | None = None) -> None:
        """The ERP holds no offer and will not take this record as it is."""
        self._change(ids, "refused", only_if=_still(claim), reason=reason, state="refused")

    def ambiguous(self, entry_id: int, claim: str | None = None) -> None:
        """The ERP holds several offers for one prospect: never to be accepted, a person must look."""
        values = {"state": "ambiguous", "reason": "ambiguous"}
        self._change([entry_id], "several offers found", only_if=_still(claim), **values)

    def changed_after_load(self, ids: Collection[int]) -> None:
        """The partner changed the record after its offer was made; the ERP's clerk decides."""
        self._change(
            ids,
            "changed at the partner",
            only_if=entries.c.changed_at.is_(None),
            changed_at=now(),
            reason="changed_after_load",
        )

    def chosen_anew(self, changed: Sequence[tuple[Entry, Intent]]) -> None:
        """The partner chose these prospects after they were loaded, or lets their units together with others."""
        groups = defaultdict[tuple[bool, str | None, int], list[int]](list)
        for entry, intent in changed:
            groups[intent.chosen, intent.bundle, intent.bundle_size].append(entry.id)
        for (chosen, bundle, size), ids in groups.items():
            what = "chosen at the partner" if chosen else "no longer chosen at the partner"
            self._change(ids, what, chosen=chosen, bundle=bundle, bundle_size=size)

    def not_chosen_after_load(self, pair: str, keys: Collection[Key]) -> None:
        """The partner has taken the choice back: entries without a lease are not to be accepted."""
        known = self.find(pair, {external_id for external_id, _ in keys})
        ids = [known[key].id for key in keys if key in known and known[key].chosen]
        self._change(
            ids, "no longer chosen at the partner", only_if=entries.c.lease_number.is_(None), chosen=False
        )

    def withdrawn_after_load(self, pair: str, external_ids: Collection[str]) -> list[Entry]:
        """Mark entries that the partner reports as withdrawn or rejected; returns those with an offer."""
        known = list(self.find(pair, external_ids).values())
        with_offer = [entry for entry in known if entry.state in ("sent", "loaded", "ambiguous")]
        new = [entry.id for entry in with_offer if entry.withdrawn_at is None]
        self._change(new, "withdrawn at the partner", reason="withdrawn_after_load", withdrawn_at=now())
        return with_offer

    # --- acceptance ---------------------------------------------------------------------------------------

    def accepting(self, entry: Entry, run_id: str) -> bool:
        """Take the right to accept on this unit; of all pairs on the ERP one at a time has it."""
        try:
            self._change(
                [entry.id],
                "accepting",
                by_run=run_id,
                only_if=entries.c.lease_number.is_(None),
                acceptance="accepting",
                acceptance_run=run_id,
                accepting_since=now(),
            )
        except sa.exc.IntegrityError:
            return False
        return True

    def leased(self, entry_id: int, lease_number: str, run_id: str) -> None:
        """The offer turned into a lease; a lease that another run has written already stays that run's."""
        self._change(
            [entry_id],
            "lease",
            only_if=sa.func.coalesce(entries.c.acceptance, "") != "leased",
            reference=lease_number,
            by_run=run_id,
            acceptance="leased",
            acceptance_reason=None,
            acceptance_run=run_id,
            lease_number=lease_number,
        )

    def held(self, ids: Collection[int], reason: str, run_id: str, decided_by: str | None = None) -> None:
        """No lease for now, and why; ``decided_by`` names the Airflow user if a person said so."""
        decided: dict[str, Any] = {"decided_by": decided_by, "decided_at": now()} if decided_by else {}
        self._change(
            ids,
            "held",
            # Another process may have found the lease since this one looked.
            only_if=entries.c.lease_number.is_(None),
            reason=reason,
            reference=decided_by,
            by_run=run_id,
            acceptance="held",
            acceptance_reason=reason,
            acceptance_run=run_id,
            **decided,
        )

    def awaiting(self, ids: Collection[int], run_id: str) -> None:
        """A person is asked whether to accept."""
        self._change(ids, "approval asked", by_run=run_id, acceptance="awaiting", acceptance_run=run_id)

    def approved(self, ids: Collection[int], run_id: str, decided_by: str) -> None:
        """A person said yes; the acceptance itself follows."""
        self._change(
            ids, "approved", reference=decided_by, by_run=run_id, acceptance=None,
            acceptance_reason=None, decided_by=decided_by, decided_at=now(),
        )  # fmt: skip


def _still(claim: str | None) -> sa.ColumnElement[bool] | None:
    return entries.c.claim == claim if claim else None


def _claim(
    connection: sa.Connection, run: Run, intents: Iterable[Intent], token: str, at: datetime
) -> tuple[sa.Insert, list[dict[str, Any]]]:
    """The statement that claims, and its rows: a new entry, or the same values in one that is free."""
    same_for_all = {
        "pair": run.pair,
        "erp": run.erp,
        "state": "claimed",
        "claim": token,
        "claimed_at": at,
        "run_id": run.run_id,
        "window_start": run.window_start,
        "window_end": run.window_end,
        "created_at": at,
        "updated_at": at,
    }
    rows = [same_for_all | vars(intent) for intent in intents]
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(entries)
    taken_over = {
        name: getattr(insert.excluded, name)
        for name in rows[0]
        if name not in ("pair", "external_id", "unit", "created_at")
    }
    free = sa.or_(
        entries.c.state == "refused",
        sa.and_(entries.c.state == "claimed", entries.c.run_id == run.run_id),
        sa.and_(entries.c.state == "claimed", entries.c.claimed_at < at - CLAIM_EXPIRES),
    )
    return insert.on_conflict_do_update(
        index_elements=["pair", "external_id", "unit"],
        set_=taken_over | {"reason": None, "job": None, "sent_at": None},
        where=free,
    ), rows
