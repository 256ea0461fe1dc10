"""What Immomio's extract hands to the shared one."""

from datetime import timedelta

import pytest

from immomio.operators import ImmomioExtractOperator


@pytest.fixture
def extract(immomio):
    operator = ImmomioExtractOperator(
        task_id="extract",
        partner_conn_id="immomio",
        separator=".",
        selection="partner",
        clients=None,
        overlap=timedelta(minutes=5),
        schedule="@daily",
    )
    yield operator
    operator.close()


def test_only_accepted_tenants_are_read(extract, immomio, add, window):
    accepted = add(2)
    for status in ("NEW", "APPLIED", "REJECTED", "SOMETHING_NEW"):
        add(1, status=status)

    assert sorted(record["id"] for record in extract.read(*window)) == sorted(accepted)


def test_of_the_withdrawn_only_ids_come_along(extract, add, window):
    add(2)
    gone = add(1, status="WITHDRAWN") + add(1, status="REJECTED")

    assert sorted(extract.read_withdrawn(*window)) == sorted(gone)


def test_records_are_found_by_id_whatever_their_time(extract, add, window):
    (early,) = add(1, window[0] - timedelta(days=300))
    (late,) = add(1, window[1] + timedelta(days=3))

    assert [record["id"] for record in extract.read_by_id([late, "unknown", early])] == [late, early]
