"""No record is missed and none is doubled, whatever moves while one reads."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from math import ceil
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.errors import WaitAndRepeat
from letting_sync.systems.everreal.pagination import MOST_AHEAD, OVERLAP, TAKE, ListByPlace
from tests.harness.side_by_side import InAnyOrder

DAY = timedelta(days=1)


def once_each(found):
    records = {record["id"]: record for record in found}
    assert max(Counter(record["id"] for record in found).values(), default=1) == 1
    return records


def requests_for(asked):
    return asked("POST", "/api/reporting/graphql")


# --- over HTTP -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "most"), [(0, 1), (1, 2), (90, 3), (200, 6), (3000, 37)])
def test_reading_costs_little_more_than_counting_pages(
    everreal, hook, add_candidates, window, count, most, asked
):
    ids = add_candidates(count) if count else []

    assert set(once_each(list(hook.candidates().read(*window)))) == set(ids)
    assert requests_for(asked) <= most


def test_what_is_older_than_the_window_is_not_read(everreal, hook, add_candidates, window, asked):
    start, end = window
    add_candidates(2000, start - 300 * DAY, start)
    add_candidates(30, end, end + DAY)
    ids = add_candidates(150)

    assert set(once_each(list(hook.candidates().read(*window)))) == set(ids)
    assert requests_for(asked) <= 5


def test_contracts_are_cut_by_the_window_and_not_by_days(everreal, hook, add_contracts, window, asked):
    """A day in Berlin touches two of EverReal's days; what lies around it there belongs to other windows."""
    start, end = window
    add_contracts(500, start - timedelta(hours=22), start)
    add_contracts(1, end, end + timedelta(minutes=10))
    ids = add_contracts(120)

    assert set(once_each(list(hook.contracts().read(*window)))) == set(ids)
    assert requests_for(asked) <= 4


@pytest.mark.parametrize("leaving", [1, OVERLAP, OVERLAP + 1, 60])
def test_records_that_leave_pull_none_out_of_sight(
    everreal, hook, add_contracts, window, between_pages, leaving, asked
):
    """Contracts already read are updated to today and leave the days asked for: all others move up."""
    ids = add_contracts(350)
    read_first = iter(reversed(ids))
    between_pages(
        lambda page: [everreal.update_contract(next(read_first)) for _ in range(leaving) if page <= 3]
    )

    assert set(once_each(list(hook.contracts().read(*window)))) >= set(ids[: -3 * leaving])


def test_without_the_order_asked_for_everything_is_read(
    everreal, hook, add_candidates, window, monkeypatch, asked
):
    """The sort is assumed. A list by ``createdAt`` looks sorted as long as nothing was updated."""
    start, _ = window
    add_candidates(150, start - 9 * DAY, start - 5 * DAY)
    late_update = everreal.add_candidate({"createdAt": start - 20 * DAY, "updatedAt": start + DAY / 2})
    select = type(everreal._candidates).select

    def by_creation(records, fits, by=None, descending=False):
        return select(records, fits, "createdAt", True)

    monkeypatch.setattr(type(everreal._candidates), "select", by_creation)

    assert set(once_each(list(hook.candidates().read(*window)))) == {late_update}


# --- by a model of the list, with whatever hypothesis thinks of -------------------------------------------

START = datetime(2024, 11, 10, tzinfo=UTC)
END = START + timedelta(hours=1)


class Moving:
    """A list of records that is cut into pages as the contract says, and moves before each page.

    :param moves: for each request the records (by number) that are updated or deleted before it is answered.
    :param most: records a page holds at most, however many are asked for.
    """

    def __init__(self, times, moves, most, sort=True):
        self.times = {f"r{number}": START + timedelta(seconds=second) for number, second in enumerate(times)}
        self.moves = iter(moves)
        self.clock = max([START, *self.times.values()])
        self.most, self.sort = most, sort
        self.asked = 0
        self.served = set()

    def move(self):
        for kind, number in next(self.moves, ()):
            key = f"r{number}"
            if self.times.get(key, END) < END:  # times of updates grow: who left does not come back
                self.clock += timedelta(milliseconds=700)
                self.times[key] = self.clock if kind == "inside" else END + timedelta(days=1)
                if kind == "delete":
                    del self.times[key]

    def __call__(self, skip, take, direction="DESC"):
        self.move()
        self.asked += 1
        rows = [(time, key) for key, time in self.times.items()]
        if self.sort:
            rows.sort(key=lambda row: row[0], reverse=direction == "DESC")
        page = rows[skip : skip + min(take, self.most)]
        self.served |= {key for time, key in page if START <= time < END} if direction == "DESC" else set()
        return [{"id": key, "updatedAt": time.isoformat()} for time, key in page]


moves_of_a_reading = st.lists(
    st.lists(st.tuples(st.sampled_from(["inside", "leave", "delete"]), st.integers(0, 60)), max_size=6),
    max_size=12,
)


@given(
    times=st.lists(st.integers(-1800, 1800), max_size=60),
    moves=moves_of_a_reading,
    most=st.integers(OVERLAP + 2, 20),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=500, deadline=None)
def test_whatever_moves_what_stays_is_met_once(times, moves, most, random):
    """Times collide, records are updated inside the window, leave it, are deleted, between any two requests."""
    moving = Moving(times, moves, most)
    before = dict(moving.times)
    try:
        found = ListByPlace(moving, lambda: InAnyOrder(random)).read(START, END)
    except WaitAndRepeat:
        return  # says so, and Airflow repeats: nothing is lost
    ids = [record["id"] for record in found]
    stayed = {key for key, time in before.items() if START <= time < END and moving.times.get(key) == time}

    assert len(ids) == len(set(ids))
    assert set(ids) >= stayed
    assert set(ids) == moving.served, "what was read is kept, whether or not its page was needed"


@given(times=st.lists(st.integers(-1800, 1800), max_size=60), most=st.integers(OVERLAP + 2, 20))
@settings(max_examples=200, deadline=None)
def test_an_unsorted_list_is_read_to_its_end(times, most):
    moving = Moving(times, [], most, sort=False)
    found = {record["id"] for record in ListByPlace(moving).read(START, END)}

    assert found == {key for key, time in moving.times.items() if START <= time < END}


def test_no_more_is_asked_for_ahead_than_was_read_before():
    """A day with few records must not cost more calls than it has pages, and a long one not many more."""
    executor = InAnyOrder(Random(1))
    moving = Moving([number / 2 for number in range(2000)], [], most=TAKE)

    assert len(ListByPlace(moving, lambda: executor).read(START, END)) == 2000
    assert all(under_way <= max(1, read) for read, under_way in executor.noted)
    assert max(under_way for _, under_way in executor.noted) == MOST_AHEAD
    assert moving.asked <= ceil(2000 / (TAKE - OVERLAP)) + MOST_AHEAD


def test_a_lower_limit_of_some_later_day_is_not_taken_for_the_end():
    """EverReal cuts ``take`` silently: a page of 50 need not be the last one."""
    moving = Moving(range(0, 3000, 10), [], most=TAKE // 2)

    assert len(ListByPlace(moving).read(START, END)) == 300


def test_records_without_id_or_time_are_not_dropped():
    """They belong into quarantine, once each."""
    odd = [{"updatedAt": START.isoformat()}, {"id": "a", "updatedAt": None}, "text", None]
    found = ListByPlace(lambda skip, *_: odd[skip:]).read(START, END)

    assert found == odd
