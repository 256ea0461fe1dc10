"""No record is missed and none is doubled, whatever moves while one reads: by a model of the list."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from letting_sync.errors import WaitAndRepeat
from letting_sync.http.pagination.by_time import ListByTime, Page
from letting_sync.http.pagination.versions import Versions
from tests.harness.side_by_side import in_any_order, noted_in

START = datetime(2024, 11, 10, tzinfo=UTC)
END = START + timedelta(hours=1)


def read(fetch, start, end, side_by_side=map):
    return ListByTime("a partner", fetch, Versions("id", "updatedAt"), side_by_side).read(start, end)


class Moving:
    """A list of records that is cut into pages as the contract says, and moves before each page.

    :param moves: for each request the records (by number) that are updated or deleted before it is answered.
    """

    def __init__(self, times, moves, page_size, sort=True, filtered=True):
        self.times = {f"r{number}": START + timedelta(seconds=second) for number, second in enumerate(times)}
        self.moves = iter(moves)
        self.clock = max([START, *self.times.values()])
        self.page_size, self.sort, self.filtered = page_size, sort, filtered
        self.asked = 0

    def move(self):
        for kind, number in next(self.moves, ()):
            key = f"r{number}"
            if self.times.get(key, END) < END:  # times of updates grow: who left does not come back
                self.clock += timedelta(milliseconds=700)
                self.times[key] = self.clock if kind == "inside" else END + timedelta(days=1)
                if kind == "delete":
                    del self.times[key]

    def __call__(self, since, until, number):
        self.move()
        self.asked += 1
        size = self.page_size
        rows = [(time, key) for key, time in self.times.items() if not self.filtered or since <= time < until]
        if self.sort:
            rows.sort(key=lambda row: row[0])
        page = [{"id": key, "updatedAt": time.isoformat()} for time, key in rows[number * size :][:size]]
        return Page(page, len(rows))


moves_of_a_reading = st.lists(
    st.lists(st.tuples(st.sampled_from(["inside", "leave", "delete"]), st.integers(0, 40)), max_size=3),
    max_size=12,
)


@given(
    times=st.lists(st.integers(0, 1800), max_size=40),
    moves=moves_of_a_reading,
    page_size=st.integers(2, 12),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=500, deadline=None)
def test_whatever_moves_what_stays_is_met_once(times, moves, page_size, random):
    """Times collide, records are updated inside the window, leave it, are deleted, between any two requests."""
    moving = Moving(times, moves, page_size)
    before = dict(moving.times)
    try:
        found = read(moving, START, END, in_any_order(random))
    except WaitAndRepeat:
        return  # says so, and Airflow repeats: nothing is lost
    ids = [record["id"] for record in found]

    assert len(ids) == len(set(ids))
    assert set(ids) >= {key for key in before if START <= moving.times.get(key, END) < END}


@given(
    times=st.lists(st.integers(-600, 4200), max_size=40),
    page_size=st.integers(2, 12),
    filtered=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_without_the_order_asked_for_everything_is_read(times, page_size, filtered):
    """The sort is assumed. Where it is not honoured, nor the window, the result is the same at a higher price."""
    moving = Moving(times, [], page_size, sort=False, filtered=filtered)
    found = {record["id"] for record in read(moving, START, END)}

    assert found == {key for key, time in moving.times.items() if START <= time < END}


@given(
    moved=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 39)), max_size=3),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None)
def test_a_long_window_that_moves_while_it_is_read_side_by_side(moved, random):
    """Twenty pages of two, one record a minute; so nearly all of it is past, and some of it moves meanwhile."""
    moves = [[("inside" if number % 2 else "leave", number) for at, number in moved if at == request]
             for request in range(31)]  # fmt: skip
    moving = Moving([60 * number for number in range(40)], moves, page_size=2)
    found = [record["id"] for record in read(moving, START, END, in_any_order(random))]

    assert len(found) == len(set(found))
    assert set(found) >= {key for key, time in moving.times.items() if START <= time < END}


def test_a_long_window_is_read_side_by_side():
    """All but the first three pages and the last: those tell where the past begins and ends."""
    moving, together = Moving(range(0, 3600, 90), [], page_size=2), []

    assert len(read(moving, START, END, noted_in(together))) == 40
    assert [len(some) for some in together] == [18]
    assert moving.asked == 3 + 18 + 1


def test_records_without_id_or_time_are_not_dropped():
    """They belong into quarantine, once each."""
    odd = [{"updatedAt": START.isoformat()}, {"id": "a", "updatedAt": None}, "text", None]
    found = read(lambda *_: Page(odd, len(odd)), START, END)

    assert found == odd
