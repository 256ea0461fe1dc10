"""The heavy faults of the sandbox, as ``make chaos`` lets them strike: the call goes on, quickly and in little memory."""

from __future__ import annotations

import resource
import time

import pytest
from api_calls import OFFERS, UNIT, connect, read

from include.sandbox.faults import HEAVY
from include.sandbox.yuneo import Yuneo
from letting_sync.systems.yuneo.hook import YuneoHook


@pytest.mark.parametrize("kind", [*sorted(HEAVY), "wrong_count"])
def test_a_heavy_answer_costs_a_try_and_no_more(
    yuneo: Yuneo, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    connect(monkeypatch, yuneo, extra={"timeout": 5, "total_timeout": 1, "max_response_mb": 5})
    partner = yuneo.add_business_partner(first_name="A", last_name="B").number
    offer = yuneo.add_offer("x", UNIT, partner)
    yuneo.faults.once(kind, path=OFFERS, hold_seconds=30)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with YuneoHook() as hook:
        assert [found["id"] for found in read(hook)] == [offer.id]

    assert time.monotonic() - began < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024
    assert [struck.kind for struck in yuneo.faults.log] == [kind]
