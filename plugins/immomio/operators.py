"""The task ``extract`` for Immomio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from immomio import mapping
from include.prospects.extract import ExtractOperator

if TYPE_CHECKING:
    from immomio.hook import ImmomioHook
    from include.prospects.model import Prospect


class ImmomioExtractOperator(ExtractOperator):
    """
    Stage the tenants accepted in Immomio in the run's window.

    Immomio hands over accepted tenants only (published), whatever the pair's ``selection`` says.
    """

    kept_fields = mapping.KEPT_FIELDS
    promised_fields = mapping.PROMISED_FIELDS

    @cached_property
    def hook(self) -> ImmomioHook:
        from immomio.hook import ImmomioHook

        return ImmomioHook(self.partner_conn_id)

    def read(self, start: datetime, end: datetime) -> Iterator[Any]:
        yield from self.hook.applications(mapping.CHOSEN, start, end, self.map_ahead)

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Any]:
        found = self.hook.concurrently(self.hook.application, external_ids)
        yield from (application for application in found if application is not None)

    def read_withdrawn(self, start: datetime, end: datetime) -> Iterator[str]:
        found = self.hook.concurrently(
            lambda status: list(self.hook.applications(status, start, end)), mapping.WITHDRAWN
        )
        yield from filter(None, map(self.external_id_of, chain.from_iterable(found)))

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.separator, today)


EXTRACT = ImmomioExtractOperator
