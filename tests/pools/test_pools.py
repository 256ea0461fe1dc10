"""The pools that guard the ERPs make themselves, within the transaction in which the scheduler starts a run."""

from __future__ import annotations

import pytest
from airflow.models.pool import Pool
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import prohibit_commit
from sqlalchemy import delete, select

from letting_sync.pools import listener

pytestmark = pytest.mark.usefixtures("airflow_db")
NAMES = {"erp_test_one", "erp_test_two"}


@pytest.fixture(autouse=True)
def no_pools(airflow_db: None) -> None:
    with create_session() as session:
        session.execute(delete(Pool).where(Pool.pool.in_(NAMES)))


def slots() -> dict[str, int]:
    with create_session() as session:
        found = session.scalars(select(Pool).where(Pool.pool.in_(NAMES)))
        return {pool.pool: pool.slots for pool in found}


def make_missing_as_the_scheduler_does(names: set[str]) -> None:
    """The scheduler forbids whatever it calls to commit: it holds locks that other schedulers wait for."""
    with create_session() as session, prohibit_commit(session) as guard:
        listener.make_missing(session, names)
        guard.commit()


def test_missing_ones_are_made_within_the_schedulers_transaction() -> None:
    make_missing_as_the_scheduler_does(NAMES)
    assert slots() == dict.fromkeys(NAMES, listener.SLOTS)


def test_one_that_is_there_keeps_its_slots() -> None:
    with create_session() as session:
        session.add(Pool(pool="erp_test_one", slots=9, description="", include_deferred=False))
    make_missing_as_the_scheduler_does(NAMES)
    assert slots() == {"erp_test_one": 9, "erp_test_two": listener.SLOTS}


def test_another_scheduler_that_was_quicker_is_no_error() -> None:
    """Between looking and writing it made the same pool."""
    make_missing_as_the_scheduler_does({"erp_test_one"})
    with create_session() as session, prohibit_commit(session) as guard:
        listener.make(session, "erp_test_one")
        guard.commit()
    assert slots() == {"erp_test_one": listener.SLOTS}
