"""The task ``extract`` for Immomio."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from functools import cached_property
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

    @cached_property
    def hook(self) -> ImmomioHook:
        """The task's one hook; imported here, since a DAG file must not load an HTTP client."""
        from immomio.hook import ImmomioHook

        return ImmomioHook(self.partner_conn_id)

    def close(self) -> None:
        self.hook.close()

    def read(self, start: datetime, end: datetime) -> Iterator[Any]:
        yield from self.hook.applications(mapping.CHOSEN, start, end)

    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Any]:
        found = self.hook.concurrently(self.hook.application, external_ids)
        yield from (application for application in found if application is not None)

    def read_withdrawn(self, start: datetime, end: datetime) -> Iterator[str]:
        for status in mapping.WITHDRAWN:
            ids = map(mapping.external_id_of, self.hook.applications(status, start, end))
            yield from (external_id for external_id in ids if external_id)

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.separator, today)

    def external_id_of(self, record: Any) -> str | None:
        return mapping.external_id_of(record)

    def raw(self, record: Any) -> str:
        return mapping.raw(record)

    def lacking_fields(self, record: Any) -> list[str]:
        return mapping.lacking_fields(record)
