"""The task ``extract`` for Immomio."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from letting_sync.errors import StopRun
from letting_sync.systems.immomio import mapping
from letting_sync.tasks.extract.operator import ExtractOperator
from letting_sync.tasks.extract.records import Read

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from letting_sync.systems.immomio.hook import ImmomioHook

OTHER_WORDS = "other"
"""In the counts for status words that are not known: Immomio cannot be asked what they are."""


class ImmomioExtractOperator(ExtractOperator):
    """
    Stage the tenants accepted in Immomio in the run's window.

    Immomio provides accepted tenants only (published), so prospects cannot be chosen in the ERP.
    """

    kept_fields = mapping.KEPT_FIELDS
    promised_fields = mapping.PROMISED_FIELDS
    known_words = mapping.STATUS_WORDS

    @cached_property
    def hook(self) -> ImmomioHook:
        from letting_sync.systems.immomio.hook import ImmomioHook

        return ImmomioHook(self.partner.conn_id)

    def read(self, start: datetime, end: datetime) -> list[Read]:
        accepted = self.hook.applications(mapping.CHOSEN).mapped(self._with_key)
        # Asked for while the window is read: one in the window is in what is read, unless it changes meanwhile.
        with self.hook.executor() as threads:
            asked = threads.submit(self.hook.newest_application, mapping.CHOSEN)
            found = dict(accepted.read(start, end))
        try:
            newest = asked.result()
            if not found:
                self._report_unknown_statuses(start, end)
        except StopRun:
            self.log.warning("Immomio refuses a list without a filter, so the filters cannot be checked")
            return list(found.values())
        if self._was_missed(newest, found, start, end):
            # It may have been accepted after the reading, or have left a window that is still open.
            found = dict(accepted.read(start, end))
            newest = self.hook.newest_application(mapping.CHOSEN)
        if self._was_missed(newest, found, start, end):
            raise StopRun(
                "Immomio's list of this window's accepted applications lacks one that its list of all accepted "
                "applications holds: its filters do not mean what is assumed. Nothing was loaded. Compare "
                "plugins/letting_sync/systems/immomio/hook.py with the customer's interface description (docs/contracts.md)."
            )
        return list(found.values())

    def _with_key(self, application: Any) -> tuple[str, Read]:
        return mapping.VERSIONS.key(application), self.mapped(application)

    def _was_missed(self, newest: Any, found: Mapping[str, Read], start: datetime, end: datetime) -> bool:
        """Return whether the newest accepted application is in the window but was not read."""
        updated = mapping.VERSIONS.updated(newest)
        return updated is not None and start <= updated < end and mapping.VERSIONS.key(newest) not in found

    def _report_unknown_statuses(self, start: datetime, end: datetime) -> None:
        """Log a warning if no application was accepted although some have an unknown status.

        Only totals are read, with pages of one: the data of applicants who are not accepted must not be read.
        """
        unknown = self.status_counts(start, end).get(OTHER_WORDS, 0)
        if unknown:
            self.report("unknown_status_count", "application.status", unknown)

    def status_counts(self, start: datetime, end: datetime) -> dict[str, int]:
        """Of each known status, and of all others together (:data:`OTHER_WORDS`), if there are any.

        Only numbers are asked for, see :meth:`_report_unknown_statuses`.
        """
        total = self.hook.count(None, start, end)
        counts = {word: self.hook.count(word, start, end) if total else 0 for word in mapping.STATUS_WORDS}
        # Counted again afterwards: one that is updated meanwhile leaves the window, and is not unknown.
        others = min(total, self.hook.count(None, start, end)) - sum(counts.values()) if total else 0
        return counts | ({OTHER_WORDS: others} if others > 0 else {})

    def sample(self, start: datetime, end: datetime) -> list[Read]:
        """A page of accepted applications: of others only numbers are read."""
        return [self.mapped(record) for record in self.hook.some(mapping.CHOSEN, start, end)]

    def unknown_words(self, record: Any) -> list[str]:
        """Return the application's status if it is not a known word."""
        unknown = mapping.unknown_status(record)
        return [unknown] if unknown else []

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Read]:
        found = self.hook.concurrently(self.hook.application, external_ids)
        yield from (self.mapped(application) for application in found if application is not None)

    def read_withdrawn(self, start: datetime, end: datetime) -> Iterator[Any]:
        found = self.hook.concurrently(
            lambda status: self.hook.applications(status).read(start, end), mapping.WITHDRAWN
        )
        yield from chain.from_iterable(found)

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.partner.separator, today)
