"""What an ERP shows of a prospect before anything is sent, and how it is asked whether all is ready."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from letting_sync.erp import Outgoing
from letting_sync.errors import RefuseRecord, StopRun
from letting_sync.model import CONTENT_FIELDS, Prospect

Make = Callable[..., list[Outgoing]]
WHOLE = {
    "salutation": "MRS",
    "title": "Dr.",
    "birth_date": date(1990, 5, 1),
    "email": "anna@example.org",
    "phone": "+4940123456",
    "mobile": "+491711234567",
    "street": "Am Weg",
    "house_number": "1a",
    "postal_code": "01067",
    "city": "Dresden",
    "country": "DE",
    "lease_start": date(2031, 1, 1),
    "message": "Guten Tag",
}


def test_the_preview_names_each_field_that_is_sent(customer: Any, make: Make) -> None:
    (anna,) = make("anna", **WHOLE)

    sent = customer.erp.preview(anna)

    assert set(customer.erp.sent_fields.values()) == sent.keys()
    assert customer.erp.sent_fields.keys() <= Prospect.model_fields.keys()
    assert customer.erp.sent_fields.keys() >= CONTENT_FIELDS - {"title"}, (
        "neither ERP has a field for a title"
    )


def test_what_would_not_be_sent_is_refused_in_the_preview_too(customer: Any, make: Make) -> None:
    (anna,) = make("anna", last_name="x" * 61)

    with pytest.raises(RefuseRecord, match="last_name_too_long"):
        customer.erp.preview(anna)


def test_the_access_check_logs_in_and_writes_nothing(customer: Any, make: Make) -> None:
    customer.erp.check_access()

    assert {entry.status for entry in customer.system.requests} <= {200, 404}
    assert customer.system.requests.count(path=f"*{customer.words.import_path}") == 0


def test_an_unknown_exchange_stops_where_the_interface_can_tell(customer: Any) -> None:
    customer.system.options.exchanges = ["Another"]
    if customer.words.separator == "/":
        assert customer.erp.check_access() is False, "Yuneo's interface has no list of exchanges"
    else:
        with pytest.raises(StopRun, match="exchange"):
            customer.erp.check_access()
