"""Yuneo's work orders: they start by themselves, go on side by side, and may fail half done."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.common import today
from letting_sync.erp import Outgoing
from letting_sync.errors import ResponseLost
from letting_sync.model import OfferStatus
from letting_sync.systems.yuneo import YUNEO
from letting_sync.systems.yuneo.client import Yuneo

IMPORT = "/api/v1/prospect-imports"
Make = Callable[..., list[Outgoing]]


def deliver(yuneo: Any, batch: list[Outgoing]) -> Any:
    return yuneo.erp.deliver(batch, lambda: None)


def test_a_delivery_starts_its_import_itself(yuneo: Any, make: Make) -> None:
    job = deliver(yuneo, make("anna")).job

    assert yuneo.erp.start_import() is None
    assert [order.id for order in yuneo.system.work_orders] == [job]


def test_a_work_order_that_goes_on_is_not_finished(yuneo: Any, make: Make) -> None:
    yuneo.system.options.work_order_seconds = 0.3
    job = deliver(yuneo, make("anna", "bert")).job

    assert not yuneo.erp.import_state(job).finished
    assert len(yuneo.ended(job).results) == 2


def test_a_failed_work_order_has_ended_with_part_of_its_results(yuneo: Any, make: Make) -> None:
    """Those it made are reported and found; of the others a look-up finds nothing."""
    names = ["anna", "bert", "cleo", "dora"]
    yuneo.system.faults.once("work_order_fails", part=0.5)
    state = yuneo.ended(deliver(yuneo, make(*names)).job)

    assert [(result.external_id, bool(result.offer_id)) for result in state.results] == [
        ("anna", True),
        ("bert", True),
    ]
    assert sorted(offer.external_id for offer in yuneo.erp.offers(names)) == names[:2]


def test_an_unknown_word_for_a_work_orders_state_is_no_end(
    yuneo: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = deliver(yuneo, make("anna")).job
    monkeypatch.setattr(
        yuneo.system, "work_order", lambda order: {"id": order, "status": "PAUSED", "results": None}
    )

    state = yuneo.erp.import_state(job)
    assert (state.finished, list(state.results)) == (False, [])


def test_a_lost_response_leaves_one_work_order(yuneo: Any, make: Make) -> None:
    yuneo.system.faults.once("drop_after", path=IMPORT)

    with pytest.raises(ResponseLost):
        deliver(yuneo, make("anna"))
    assert len(yuneo.system.work_orders) == 1
    assert [offer.external_id for offer in yuneo.erp.offers(["anna"])] == ["anna"]


@pytest.mark.parametrize(
    ("extra", "seconds", "may_come"),
    [
        ({}, 3500, True),
        ({}, 3700, False),
        ({"settle_seconds": 75}, 70, True),
        ({"settle_seconds": 75}, 80, False),
        ({"settle_seconds": "600"}, 500, True),
        ({"settle_seconds": 12, "timeout": 5, "connect_timeout": 2}, 13, False),
    ],
)
def test_how_long_a_lost_work_order_may_still_come(
    yuneo: Any, monkeypatch: pytest.MonkeyPatch, extra: dict[str, Any], seconds: float, may_come: bool
) -> None:
    """An hour, since its import is a planned work order, or what the customer's connection says."""
    connection = yuneo.system.connection() | {"extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_YUNEO", json.dumps(connection))
    erp = Yuneo(YUNEO.at("yuneo", exchange="Immomio"))

    assert erp.within_settle_window(datetime.now(UTC) - timedelta(seconds=seconds)) is may_come


def test_without_a_wished_day_the_erp_sets_the_leases_start(yuneo: Any) -> None:
    yuneo.stored_offer()
    (offer,) = yuneo.erp.offers(["stored"])
    yuneo.erp.accept(offer)

    assert yuneo.system.leases[0].start == today()


def test_an_offer_past_its_last_day_reads_expired(yuneo: Any) -> None:
    yuneo.stored_offer(valid_until=today() - timedelta(days=1))

    (offer,) = yuneo.erp.offers(["stored"])
    assert offer.status is OfferStatus.EXPIRED
