"""Which candidates of a run are overtaken by what newer windows have read: pure functions on the ledger's memory.

A run may be cleared days later. What it staged then is old: meanwhile the applicant may have withdrawn, or the landlord may have put
the application on another unit. The partner's own time of each version decides, never the order in which runs happen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from letting_sync.ledger.records import Entry, Intent, Key, Retraction
from letting_sync.reasons import Reason


def overtaken(
    intents: Iterable[Intent], known: Mapping[Key, Entry], retractions: Collection[Retraction]
) -> dict[Key, Reason]:
    """Intents that a newer version of their record speaks against, each with the reason.

    :param known: the ledger's entries with the same external ids.
    :param retractions: what the ledger keeps of the same external ids.
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
    """What the entry of an intent that is no newer than it has noted."""
    if entry is None or _is_newer(intent, entry):
        return None
    if entry.withdrawn_at:
        return Reason.WITHDRAWN
    return Reason.MOVED if entry.moved_at else None


def _is_on_another_unit(intent: Intent, entries: Collection[Entry]) -> bool:
    """Whether another unit's entry of the same application knows a version that this unit's does not."""
    own = [entry.partner_updated_at for entry in entries if entry.unit == intent.unit]
    versions = [version for version in (*own, intent.partner_updated_at) if version]
    return bool(versions) and any(
        entry.partner_updated_at and entry.partner_updated_at > max(versions)
        for entry in entries
        if entry.unit != intent.unit and _same_application(entry, intent)
    )


def newer_than_known(intents: Iterable[Intent], known: Mapping[Key, Entry]) -> list[tuple[Entry, Intent]]:
    """Intents that are a newer version than their entry knows, each with its entry."""
    return [
        (entry, intent) for intent in intents if (entry := known.get(intent.key)) and _is_newer(intent, entry)
    ]


def moved(intents: Iterable[Intent], known: Mapping[Key, Entry]) -> list[int]:
    """Ids of the entries without a lease whose application is on another unit by a newer version.

    :param intents: those that are not overtaken.
    """
    applications = defaultdict[str, dict[str | None, dict[str, Intent]]](dict)
    for intent in intents:
        applications[intent.external_id].setdefault(intent.source_id, {})[intent.unit] = intent
    return [
        entry.id
        for entry in known.values()
        if not (entry.moved_at or entry.lease_number)
        and any(_has_left(entry, by_unit) for by_unit in applications.get(entry.external_id, {}).values())
    ]


def _has_left(entry: Entry, by_unit: Mapping[str, Intent]) -> bool:
    """Whether an application, given by its units, is no longer on the entry's."""
    one = next(iter(by_unit.values()))
    # A bundle of which some units could not be read says nothing of the missing ones.
    is_whole = len(by_unit) >= one.bundle_size
    return entry.unit not in by_unit and is_whole and _same_application(entry, one) and _is_newer(one, entry)


def _by_external_id(entries: Iterable[Entry]) -> Mapping[str, list[Entry]]:
    found = defaultdict[str, list[Entry]](list)
    for entry in entries:
        found[entry.external_id].append(entry)
    return found


def _same_application(entry: Entry, intent: Intent) -> bool:
    """Whether both are of one record; an entry of old times names none and counts as the same."""
    return entry.source_id is None or entry.source_id == intent.source_id


def _is_newer(intent: Intent, entry: Entry) -> bool:
    """Whether the intent is a newer version than the entry knows; an entry of old times knows none."""
    return bool(
        intent.partner_updated_at
        and (entry.partner_updated_at is None or entry.partner_updated_at < intent.partner_updated_at)
    )
