"""Finds candidates that are outdated by newer versions of their records, with pure functions on the ledger's entries.

A run may be cleared days later. What it staged is then old: in the meantime the applicant may have withdrawn, or the landlord may
have moved the application to another unit. The partner's time of each version decides, not the order of the runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from letting_sync.ledger.records import UNKNOWN_HASH, Entry, EntryState, Intent, Key, Retraction
from letting_sync.reasons import Reason


def overtaken(
    intents: Iterable[Intent], known: Mapping[Key, Entry], retractions: Collection[Retraction]
) -> dict[Key, Reason]:
    """Return the intents that are outdated by a newer version of their record, each with the reason.

    :param known: the ledger's entries with the same external ids.
    :param retractions: the ledger's retractions with the same external ids.
    """
    against = defaultdict[str, list[Retraction]](list)
    for one in retractions:
        against[one.external_id].append(one)
    entries = _by_external_id(known.values())
    found = dict[Key, Reason]()
    for intent in intents:
        newer = [one for one in against.get(intent.external_id, ()) if one.overrules(intent)]
        if newer:
            found[intent.key] = max(newer, key=lambda one: one.partner_updated_at).reason
        elif _is_on_another_unit(intent, entries.get(intent.external_id, ())):
            found[intent.key] = Reason.MOVED
        elif reason := _noted_in(known.get(intent.key), intent):
            found[intent.key] = reason
    return found


def _noted_in(entry: Entry | None, intent: Intent) -> Reason | None:
    """Return the reason stored in the entry of an intent that is not newer than the entry."""
    if entry is None or _is_newer(intent, entry):
        return None
    if entry.withdrawn_at:
        return Reason.WITHDRAWN
    return Reason.MOVED if entry.moved_at else None


def _is_on_another_unit(intent: Intent, entries: Collection[Entry]) -> bool:
    """Return whether the entry of another unit of the same application has a newer version than this unit's."""
    own = [entry.partner_updated_at for entry in entries if entry.unit == intent.unit]
    versions = [version for version in (*own, intent.partner_updated_at) if version]
    return bool(versions) and any(
        entry.partner_updated_at and entry.partner_updated_at > max(versions)
        for entry in entries
        if entry.unit != intent.unit and _same_application(entry, intent)
    )


def newer_than_known(intents: Iterable[Intent], known: Mapping[Key, Entry]) -> list[tuple[Entry, Intent]]:
    """Yield the intents that are newer than their entry, each with its entry."""
    return [
        (entry, intent) for intent in intents if (entry := known.get(intent.key)) and _is_newer(intent, entry)
    ]


def changed_since_load(intents: Iterable[Intent], known: Mapping[Key, Entry]) -> list[int]:
    """Return the ids of loaded entries whose record the partner has changed since the offer was made.

    Another run may have noted the newer version before the offer was there.
    """
    return [
        entry.id
        for intent in intents
        if (entry := known.get(intent.key))
        and entry.state == EntryState.LOADED
        and entry.content_hash not in (UNKNOWN_HASH, intent.content_hash)
        and (_is_newer(intent, entry) or _is_other_text_of_same_version(intent, entry))
    ]


def _is_other_text_of_same_version(intent: Intent, entry: Entry) -> bool:
    """Return whether an entry has the intent's version but the hash of another text of the partner.

    Contents alone may differ since a later release cleans the same text in another way.
    """
    return (
        entry.partner_updated_at == intent.partner_updated_at
        and entry.source_hash is not None
        and entry.source_hash != intent.source_hash
    )


def moved(intents: Iterable[Intent], known: Mapping[Key, Entry]) -> list[Entry]:
    """Return the entries without a lease whose application has moved to another unit in a newer version.

    :param intents: those that are not outdated.
    """
    applications = defaultdict[str, dict[str | None, dict[str, Intent]]](dict)
    for intent in intents:
        applications[intent.external_id].setdefault(intent.source_id, {})[intent.unit] = intent
    return [
        entry
        for entry in known.values()
        if not (entry.moved_at or entry.lease_number)
        and any(_has_left(entry, by_unit) for by_unit in applications.get(entry.external_id, {}).values())
    ]


def _has_left(entry: Entry, by_unit: Mapping[str, Intent]) -> bool:
    """Return whether an application, given by its units, no longer includes the entry's unit."""
    one = next(iter(by_unit.values()))
    # If some units of a bundle could not be read, nothing is known about the missing ones.
    is_whole = len(by_unit) >= one.bundle_size
    return entry.unit not in by_unit and is_whole and _same_application(entry, one) and _is_newer(one, entry)


def _by_external_id(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    found = defaultdict[str, list[Entry]](list)
    for entry in entries:
        found[entry.external_id].append(entry)
    return found


def _same_application(entry: Entry, intent: Intent) -> bool:
    """Return whether both are of one record; an entry of an earlier release without a record counts as the same."""
    return entry.source_id is None or entry.source_id == intent.source_id


def _is_newer(intent: Intent, entry: Entry) -> bool:
    """Return whether the intent is newer than the entry; an entry of an earlier release has no version."""
    return bool(
        intent.partner_updated_at
        and (entry.partner_updated_at is None or entry.partner_updated_at < intent.partner_updated_at)
    )
