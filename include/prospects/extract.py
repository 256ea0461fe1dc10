"""The task ``extract``: read a partner's records of the run's window and stage them as prospects.

A partner's package supplies a subclass that says how to read and how to map; what is true for every partner
stands here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from include.prospects import window
from include.prospects.errors import RefuseRecord

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.prospects.model import Prospect


class ExtractOperator(BaseOperator):
    """
    Stage what the partner has on the prospects that changed in the run's window.

    May be run again at any time: it only reads, and writes the same staged tables anew.

    :param partner_conn_id: Airflow connection of the partner's system (templated).
    :param separator: separator between the four parts of a unit number as the partner shows it.
    :param selection: ``partner``: only prospects chosen in the partner's system; ``erp``: all of them.
    :param clients: numbers of the clients (Mandanten) to transfer; ``None``: all.
    :param overlap: how far the window is read backwards beyond its start, against clocks that differ.
    :param schedule: the pair's cron expression, for the window of a run started by hand.
    :return: reference to the run's staging folder; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("partner_conn_id",)
    ui_color = "#e8f1fb"

    def __init__(
        self,
        *,
        partner_conn_id: str,
        separator: str,
        selection: str,
        clients: Sequence[str] | None,
        overlap: timedelta,
        schedule: str,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.partner_conn_id = partner_conn_id
        self.separator = separator
        self.selection = selection
        self.clients = clients
        self.overlap = overlap
        self.schedule = schedule

    @abstractmethod
    def read(self, start: datetime, end: datetime) -> Iterator[Any]:
        """Yield each raw record that changed in ``[start, end)`` exactly once, in its latest version."""

    @abstractmethod
    def read_by_id(self, external_ids: Sequence[str]) -> Iterator[Any]:
        """Yield the raw records with these ids, whatever their window; an unknown id yields nothing."""

    @abstractmethod
    def read_withdrawn(self, start: datetime, end: datetime) -> Iterable[str]:
        """Yield the external ids of those withdrawn or rejected in ``[start, end)``, and nothing else of them."""

    @abstractmethod
    def to_prospect(self, record: Any, today: date) -> Prospect:
        """Map a raw record; for any JSON whatever it returns a prospect or raises :class:`RefuseRecord`."""

    @abstractmethod
    def external_id_of(self, record: Any) -> str | None:
        """The record's id if one can be read, for the quarantine table."""

    @abstractmethod
    def raw(self, record: Any) -> str:
        """The record as JSON for the quarantine table, cut to the fields of the contract."""
