"""What others see of a run in Airflow's assets: one event a task that has done its work, with what it made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.models.asset import AssetEvent, AssetModel
from airflow.utils.session import create_session

from include.sandbox import Sandbox

RunPair = Callable[..., dict[str, Any]]
PAIR = "immomio_yuneo"


def newest_events(number: int) -> dict[str, dict[str, Any]]:
    """What the newest events say, by the asset's name."""
    with create_session() as session:
        query = session.query(AssetModel.name, AssetEvent.extra).filter(AssetModel.id == AssetEvent.asset_id)
        return dict(query.order_by(AssetEvent.id.desc()).limit(number).tuples().all())


def number_of_events() -> int:
    with create_session() as session:
        return session.query(AssetEvent).count()


def test_the_events_say_what_the_run_made_and_what_it_found(box: Sandbox, run_pair: RunPair) -> None:
    first = run_pair(PAIR)
    events_of_first = newest_events(2)
    second = run_pair(PAIR)

    for counts, events in ((first, events_of_first), (second, newest_events(2))):
        offers, leases = events[f"{PAIR}_offers_loaded"], events[f"{PAIR}_leases_created"]
        assert offers.items() <= counts.items()
        assert leases.items() <= counts.items()
        assert (offers.keys(), leases.keys()) == (
            {"offers_created", "already_there"},
            {"leases_created", "leases_for_other_runs", "leases_found"},
        )
    assert first["offers_created"] == second["already_there"] > 0
    assert first["leases_created"] > 0 == second["leases_created"]


def test_a_dry_run_is_no_event(box: Sandbox, run_pair: RunPair) -> None:
    before = number_of_events()

    run_pair(PAIR, dry_run=True)

    assert number_of_events() == before
