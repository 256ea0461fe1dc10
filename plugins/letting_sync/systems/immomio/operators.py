"""The task ``extract`` for Immomio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from letting_sync.errors import StopRun
from letting_sync.systems.immomio import mapping
from letting_sync.tasks.extract.operator import ExtractOperator, Read

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from letting_sync.systems.immomio.hook import ImmomioHook


class ImmomioExtractOperator(ExtractOperator):
    """
    Stage the tenants accepted in Immomio in the run's window.

    Immomio hands over accepted tenants only (published), whatever the pair's ``selection`` says.
    """

    kept_fields = mapping.KEPT_FIELDS
    promised_fields = mapping.PROMISED_FIELDS

    @cached_property
    def hook(self) -> ImmomioHook:
        from letting_sync.systems.immomio.hook import ImmomioHook

        return ImmomioHook(self.partner.conn_id)

    def read(self, start: datetime, end: datetime) -> list[Read]:
        accepted = self.hook.applications(mapping.CHOSEN).mapped(self.mapped)
        reads = accepted.read(start, end)
        try:
            newest = self.hook.newest_application(mapping.CHOSEN)
            if not reads:
                self._report_unknown_statuses(start, end)
        except StopRun:
            self.log.warning("Immomio refuses to list without a filter: that the filters work is not checked")
            return reads
        if self._was_missed(newest, reads, start, end):
            # It may have been accepted after the reading, in a window that is still open.
            reads = accepted.read(start, end)
        if self._was_missed(newest, reads, start, end):
            raise StopRun(
                "Immomio's list of this window's accepted applications lacks one that its list of all accepted "
                "applications holds: its filters do not mean what is assumed. Nothing was loaded. Compare "
                "plugins/letting_sync/systems/immomio/hook.py with the customer's interface description (docs/contracts.md)."
            )
        return reads

    def _was_missed(self, newest: Any, reads: Sequence[Read], start: datetime, end: datetime) -> bool:
        """Whether the newest accepted application of all times lies in the window and is not among those read."""
        updated = mapping.VERSIONS.updated(newest)
        keys = {mapping.VERSIONS.key(read.record) for read in reads}
        return updated is not None and start <= updated < end and mapping.VERSIONS.key(newest) not in keys

    def _report_unknown_statuses(self, start: datetime, end: datetime) -> None:
        """Report that none was accepted although there are applications in a status that is not known.

        Only the numbers are used: applicants who are not accepted are not ours to read, so pages of one are asked for.
        """
        total = self.hook.count(None, start, end)
        known = sum(self.hook.count(word, start, end) for word in mapping.STATUS_WORDS) if total else 0
        # Counted again afterwards: one that is updated meanwhile leaves the window, and is not unknown.
        unknown = min(total, self.hook.count(None, start, end)) - known if total else 0
        if unknown > 0:
            self.report("unknown_status_count", "application.status", unknown)

    def status_counts(self, start: datetime, end: datetime) -> dict[str, int]:
        """Of each known status; only numbers are asked for, see :meth:`_report_unknown_statuses`."""
        return {word: self.hook.count(word, start, end) for word in mapping.STATUS_WORDS}

    def unknown_words(self, record: Any) -> list[str]:
        """The application's status if it is not one of the known words."""
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
