"""No application is missed and none is doubled, whatever moves while one reads."""

from collections import Counter
from datetime import timedelta

import pytest

ACCEPTED = "ACCEPTED_AS_TENANT"


def read(hook, window):
    found = list(hook.applications(ACCEPTED).read(*window))
    assert max(Counter(application["id"] for application in found).values(), default=1) == 1
    return {application["id"]: application for application in found}


def requests_for(asked):
    return asked("GET", "/v1/applications*")


@pytest.mark.parametrize(
    ("count", "most"), [(0, 1), (1, 2), (200, 2), (201, 3), (450, 4), (1500, 9), (3000, 19)]
)
def test_reading_costs_hardly_more_than_counting_pages(immomio, hook, add, window, count, most, asked):
    """Beyond eight pages most of it goes side by side; finding out where to begin and to end costs some calls more."""
    ids = add(count) if count else []

    assert sorted(read(hook, window)) == sorted(ids)
    assert requests_for(asked) <= most


def test_a_bulk_update_of_more_than_a_page_is_read_whole(immomio, hook, add, window, between_pages):
    """450 records carry one and the same time, and some of them leave while that instant is read."""
    start, end = window
    noon = start + timedelta(hours=12)
    early, bulk, late = add(10, start, noon), [], add(10, noon + timedelta(hours=1), end)
    for _ in range(450):
        bulk += add(1, noon, noon)
    leaving = iter(bulk)
    between_pages(lambda page: immomio.update(next(leaving)) if page in (2, 3, 4) else None)
    found = read(hook, window)

    assert set(found) >= {*early, *late, *bulk[3:]}
