"""No record is missed and none is doubled, whatever moves while one reads: by a model of the list."""

import re
from datetime import UTC, datetime, timedelta

import pytest
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
    """All but the first three pages and the last two: those tell where the past begins and where all ends."""
    moving, together = Moving(range(0, 3600, 90), [], page_size=2), []

    assert len(read(moving, START, END, noted_in(together))) == 40
    assert [len(some) for some in together] == [18]
    assert moving.asked == 3 + 18 + 2


def test_records_without_id_or_time_are_not_dropped():
    """They belong into quarantine, once each."""
    odd = [{"updatedAt": START.isoformat()}, {"id": "a", "updatedAt": None}, "text", None]
    found = read(lambda *_: Page(odd, len(odd)), START, END)

    assert found == odd


# --- what a partner counts and what it shows ----------------------------------------------------------------


class Counting(Moving):
    """A list that does not move; its answers are twisted.

    :param shown: which page is shown in place of the one with that number.
    :param counted: makes of the true number of records the one that is reported.
    """

    def __init__(self, count, shown=int, counted=int, page_size=5):
        super().__init__([10 * number for number in range(count)], [], page_size)
        self.shown, self.counted = shown, counted

    def __call__(self, since, until, number):
        page = super().__call__(since, until, self.shown(number))
        records = [one for one in page.records if not self.hidden(one)]
        return Page(records, self.counted(page.total))

    def hidden(self, record):
        return False


class Hiding(Counting):
    """Every second record is counted and on no page."""

    def hidden(self, record):
        return int(record["id"][1:]) % 2 == 1


class ShowingNothing(Counting):
    def hidden(self, record):
        return True


def from_one(number):
    """The page numbered 1 is the first one; the one numbered 0 is the same."""
    return max(0, number - 1)


def without_content(number):
    """Past the end."""
    return number + 1000


@pytest.mark.parametrize("count", [1, 3, 12, 60, 250])
@pytest.mark.parametrize(
    "partner",
    [
        ShowingNothing,
        lambda count: Hiding(count + 1),
        lambda count: Counting(count, shown=without_content),
        lambda count: Counting(count, counted=lambda total: total + 1),
        lambda count: Counting(count, counted=lambda total: 10**9),
    ],
)
def test_what_is_counted_and_not_shown_is_an_error_with_both_numbers(partner, count):
    """Never a green run without them."""
    moving = partner(count)
    with pytest.raises(WaitAndRepeat, match=r"counts (\d+) records, but its pages show (\d+)") as error:
        read(moving, START, END)

    assert moving.asked < 20 + 5 * count, "an error costs little more than the reading"
    counted, shown = (int(number) for number in re.findall(r"\d+", str(error.value))[:2])
    assert shown < counted


@pytest.mark.parametrize("count", [1, 3, 5, 12, 60, 250])
@pytest.mark.parametrize(
    "partner",
    [
        lambda count: Counting(count, shown=from_one),
        lambda count: Counting(count, counted=lambda total: min(total, 5)),
        lambda count: Counting(count, counted=lambda total: total // 2),
        lambda count: Counting(count, counted=lambda total: max(0, total - 1)),
        lambda count: Counting(count, page_size=1),
    ],
)
def test_a_count_that_is_too_low_or_pages_of_another_kind_hide_nothing(partner, count):
    """Pages numbered from 1, pages cut shorter than asked for, a count of the page instead of the list."""
    assert len(read(partner(count), START, END)) == count


def test_a_record_that_one_page_shows_twice_is_no_missing_one():
    """A partner's list may hold an entry twice; all that it counts was shown."""
    twice = [{"id": "a", "updatedAt": START.isoformat()}] * 2
    found = read(lambda since, until, number: Page([] if number else twice, 2), START, END)

    assert found == twice[:1]
