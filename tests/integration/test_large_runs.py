"""Runs of several chunks, and the pool that keeps them from overrunning an ERP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from include.sandbox import Sandbox
from letting_sync.settings import AcceptancePolicy
from letting_sync.tasks.dedup import operator as dedup

RunPair = Callable[..., dict[str, Any]]
PAIRS = ("immomio_yuneo", "everreal_sigma")


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedup, "PROSPECTS_PER_CHUNK", 4)


def instances(run: Any, task_id: str) -> list[int]:
    """Map indexes of a task's instances in the run."""
    return sorted(ti.map_index for ti in run.get_task_instances() if ti.task_id == task_id)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_result_is_that_of_one_chunk(
    box: Sandbox, run_pair: Any, small_chunks: None, monkeypatch: pytest.MonkeyPatch, pair: str
) -> None:
    """Several chunks, and then the same window in one: nothing is left for it to do."""
    erp = getattr(box, pair.split("_")[1])
    offers_before = {offer.number for offer in erp.offers}

    run = run_pair.bag.dags[pair].test()
    counts = run_pair.xcoms(run)["reconcile"]

    assert run.state == "success"
    assert len(instances(run, "load_offers")) > 2
    assert instances(run, "load_offers") == instances(run, "auto_accept")
    new = [offer for offer in erp.offers if offer.number not in offers_before]
    assert len(new) == counts["offers_created"] >= 12
    assert max(Counter((offer.external_id, offer.unit) for offer in new).values()) == 1
    assert counts["leases_created"] > 0

    offers, leases = len(erp.offers), len(erp.leases)
    monkeypatch.setattr(dedup, "PROSPECTS_PER_CHUNK", 2_000)
    again = run_pair(pair)
    assert (len(erp.offers), len(erp.leases)) == (offers, leases)
    assert again["already_there"] == counts["offers_created"]
    assert again["leases_created"] == 0


def test_an_ordinary_run_is_one_task_each(box: Sandbox, run_pair: Any) -> None:
    run = run_pair.bag.dags["immomio_yuneo"].test()

    assert instances(run, "load_offers") == instances(run, "auto_accept") == [0]


def test_the_limit_of_acceptances_is_that_of_the_run_not_of_a_chunk(
    box: Sandbox, run_pair: Any, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chunk alone would accept so many, all together would: a person is asked, and nothing is accepted yet."""
    from letting_sync.tasks.auto_accept.operator import AcceptOffersOperator

    asked: list[int] = []
    monkeypatch.setattr(
        AcceptOffersOperator, "_ask", lambda self, context, acceptable: asked.append(len(acceptable))
    )
    run_pair.bag.dags["immomio_yuneo"].get_task("auto_accept").partial_kwargs["policy"] = AcceptancePolicy(
        max_accepts_per_run=6
    )
    leases = len(box.yuneo.leases)

    run_pair.bag.dags["immomio_yuneo"].test()

    assert asked
    assert max(asked) <= 4
    assert len(box.yuneo.leases) == leases


@pytest.mark.parametrize("exists", [False, True], ids=["new", "already there"])
def test_a_run_that_starts_makes_the_pool_of_its_erp(box: Sandbox, run_pair: Any, exists: bool) -> None:
    """Airflow would never start a task whose pool does not exist; one that does exist keeps its slots."""
    from airflow.models.dagrun import DagRun
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import delete, select

    run_id = run_pair.bag.dags["immomio_sigma"].test().run_id
    with create_session() as session:
        session.execute(delete(Pool).where(Pool.pool == "erp_sigma"))
        if exists:
            session.add(Pool(pool="erp_sigma", slots=1, include_deferred=False))
        session.flush()
        run = session.scalars(select(DagRun).filter_by(dag_id="immomio_sigma", run_id=run_id)).one()
        run.dag, run.state = run_pair.bag.dags["immomio_sigma"], "running"

        run.notify_dagrun_state_changed(msg="started")

        assert session.scalar(select(Pool.slots).where(Pool.pool == "erp_sigma")) == (1 if exists else 4)
        session.rollback()
