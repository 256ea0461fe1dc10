"""The task ``extract`` for Mietblick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from letting_sync.tasks.extract.operator import ExtractOperator
from letting_sync.tasks.extract.records import Read
from mietblick import mapping

if TYPE_CHECKING:
    from letting_sync.model import Prospect
    from mietblick.hook import MietblickHook


# guide: operator
class MietblickExtractOperator(ExtractOperator):
    """Stage the applicants whom the landlord has promised a flat in Mietblick in the run's window."""

    id_field, time_field = "nr", "geaendert"
    kept_fields = mapping.KEPT_FIELDS
    promised_fields = mapping.PROMISED_FIELDS

    @cached_property
    def hook(self) -> MietblickHook:
        from mietblick.hook import MietblickHook

        return MietblickHook(self.partner.conn_id)

    def read(self, start: datetime, end: datetime) -> list[Read]:
        return self.hook.applications(mapping.CHOSEN).mapped(self.mapped).read(start, end)

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Read]:
        found = self.hook.concurrently(self.hook.application, external_ids)
        yield from (self.mapped(application) for application in found if application is not None)

    def read_withdrawn(self, start: datetime, end: datetime) -> Iterator[Any]:
        for status in mapping.WITHDRAWN:
            yield from self.hook.applications(status).read(start, end)

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.partner.separator, today)


# guide: end
