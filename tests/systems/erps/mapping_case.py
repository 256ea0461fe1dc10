"""What the tests of both ERPs' mappings have in common: the functions under one set of names, and a prospect with every field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from letting_sync.erp import ImportState, Outgoing
from letting_sync.model import BusinessPartner, Lease, Offer, Prospect, Salutation

Rows = Sequence[tuple[Any, ...]]

FULL: dict[str, Any] = {
    "external_id": "x-1",
    "unit": "01/0002/3/004",
    "chosen": True,
    "updated_at": datetime(2024, 11, 10, tzinfo=UTC),
    "salutation": Salutation.MRS,
    "title": "Dr.",
    "first_name": "Zoë",
    "last_name": "Groß",
    "birth_date": date(1990, 5, 1),
    "email": "zoe@example.org",
    "phone": "+49 40 123456",
    "mobile": "+49 171 1234567",
    "street": "Am Weg",
    "house_number": "1a",
    "postal_code": "01067",
    "city": "Dresden",
    "country": "DE",
    "lease_start": date(2025, 1, 1),
    "message": "Guten Tag",
}
BARE = {name: FULL[name] for name in ("external_id", "unit", "chosen", "updated_at", "last_name")}


@dataclass(frozen=True)
class MappingCase:
    """The mapping of one ERP, and what its contract says.

    :param written: every field of :data:`FULL` as the ERP takes it; ``bare``: of :data:`BARE`.
    :param fields: (field of a prospect, value, key, what is written under it).
    :param refusals: (field of a prospect, value, reason).
    :param offer_row: an offer as the ERP sends it; ``read_as`` what is read of it, by field.
    :param offer_fields: (key, value, field of an offer, what is read); ``unreadable``: (key, value) that stop the run.
    :param result: a line of an import's results, of an offer that was made.
    :param states: (status of an import, whether it has ended).
    :param codes: (code of a refusal, reason).
    :param words: status words and texts that a hostile interface may send.
    """

    name: str
    to_erp: Callable[[Outgoing], dict[str, Any]]
    offer: Callable[..., Offer]
    import_state: Callable[[Any], ImportState]
    lease: Callable[[Any], Lease]
    business_partner: Callable[..., BusinessPartner]
    written: dict[str, Any]
    bare: dict[str, Any]
    fields: Rows
    refusals: Rows
    offer_row: dict[str, Any]
    read_as: dict[str, Any]
    offer_fields: Rows
    unreadable: Rows
    external_id: str
    result: dict[str, Any]
    results: str
    states: Rows
    ended: str
    codes: Rows
    refused: Callable[[Any], dict[str, Any]]
    lease_row: dict[str, Any]
    lease_read: tuple[str, str]
    without_lease: dict[str, Any]
    lease_key: str
    partner_row: dict[str, Any]
    partner_number: str
    partner_born: str
    words: Sequence[str]
    day: Callable[[date], str]
    offered: str

    def write(self, number: str | None = None, **changes: Any) -> dict[str, Any]:
        return self.to_erp(Outgoing(Prospect(**(FULL | changes)), number))

    def read_offer(self, **changes: Any) -> Offer:
        return self.offer(
            {key: value for key, value in (self.offer_row | changes).items() if value is not ...}
        )

    def import_of(self, rows: Any, status: Any = None) -> ImportState:
        return self.import_state({"status": status or self.ended, self.results: rows})

    @property
    def anything(self) -> st.SearchStrategy[Any]:
        return st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=8)
            | st.dates().map(self.day)
            | st.datetimes(timezones=st.none() | st.just(UTC)).map(str)
            | st.sampled_from(list(self.words)),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=4,
        )

    def like(self, row: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        """Rows of about this shape: some values replaced by anything, some keys missing."""
        return st.dictionaries(st.sampled_from(sorted(row)), self.anything | st.just(...), max_size=4).map(
            lambda changes: {key: value for key, value in (row | changes).items() if value is not ...}
        )
