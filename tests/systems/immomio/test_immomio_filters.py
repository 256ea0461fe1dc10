"""What Immomio's filters mean is assumed: a run proves it, or does not end green with nothing."""

from datetime import timedelta

import pytest

from letting_sync.errors import StopRun
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Run
from letting_sync.settings import Timing
from letting_sync.systems.immomio import IMMOMIO
from letting_sync.systems.immomio.operators import ImmomioExtractOperator

APPLICATIONS = "/v1/applications"


@pytest.fixture
def extract(immomio):
    operator = ImmomioExtractOperator(
        task_id="extract",
        partner=IMMOMIO.at("immomio", separator="."),
        clients=None,
        timing=Timing(overlap=timedelta(0)),
    )
    yield operator
    operator.close()


def read(extract, window):
    return sorted(read.external_id for read in extract.read(*window))


def test_a_window_is_read_and_the_newest_of_all_is_asked_for(immomio, extract, add, window):
    ids = add(3)

    assert read(extract, window) == sorted(ids)
    assert extract.findings == {}


def test_a_newer_one_outside_of_the_window_proves_nothing_and_is_no_fault(immomio, extract, add, window):
    ids = add(2)
    immomio.update(add(1)[0], updatedAt=window[1] + timedelta(days=3))

    assert read(extract, window) == sorted(ids)


def test_a_time_filter_that_means_something_else_stops_the_run(immomio, extract, add, window, monkeypatch):
    """Here ``updatedFrom`` looks at ``createdAt``: without the proof the run would be green with nothing."""
    ids = add(3)
    for application in ids:
        created = window[0] - timedelta(days=30)
        immomio.update(application, createdAt=created, updatedAt=window[0] + timedelta(hours=1))
    by_creation(immomio, monkeypatch)

    with pytest.raises(StopRun, match="filters do not mean what is assumed"):
        read(extract, window)


def by_creation(immomio, monkeypatch):
    records = immomio._applications
    select = type(records).select

    def by_created(self, fits, *args, **kwargs):
        from include.sandbox.partner import moment_of

        return select(self, lambda record, _: fits(record, moment_of(record["createdAt"])), *args, **kwargs)

    monkeypatch.setattr(type(records), "select", by_created)


def test_a_word_for_accepted_that_is_not_ours_is_reported(immomio, extract, add, window, monkeypatch):
    """Nobody is accepted, and yet there are applications whose status none of the known words finds."""
    add(4, status="TENANT_CHOSEN")

    assert read(extract, window) == []
    assert {(code, subject): count for (code, subject), count in extract.findings.items()} == {
        ("unknown_status_count", "application.status"): 4
    }


def test_a_quiet_day_is_no_finding(immomio, extract, add, window):
    add(4, status="APPLIED")

    assert read(extract, window) == []
    assert extract.findings == {}


def test_a_server_that_lists_nothing_without_a_filter_is_read_all_the_same(
    immomio, extract, add, window, monkeypatch
):
    ids = add(2)
    monkeypatch.setattr(extract.hook, "newest_application", refused)

    assert read(extract, window) == sorted(ids)


def refused(*_):
    raise StopRun("refused as malformed")


def test_one_that_leaves_the_window_while_it_is_read_is_not_missed(
    immomio, extract, add, window, monkeypatch
):
    """Asked for the newest, Immomio named it; then it changed, and belongs to the next window."""
    ids = add(3)
    ask = extract.hook.newest_application
    answers = [ask("ACCEPTED_AS_TENANT")]
    left = answers[0]["id"]
    immomio.update(left, updatedAt=window[1] + timedelta(hours=1))
    monkeypatch.setattr(
        extract.hook, "newest_application", lambda status: answers.pop() if answers else ask(status)
    )

    assert read(extract, window) == sorted(set(ids) - {left})


def test_whoever_is_not_accepted_is_counted_and_not_read(immomio, extract, add, window):
    """Applicants whom the landlord has not accepted are not ours to read, not even for a proof."""
    add(3, status="APPLIED")
    read(extract, window)

    for query in immomio.requests.queries(APPLICATIONS):
        if "status=ACCEPTED_AS_TENANT" not in query:
            assert "size=1" in query


def test_a_second_reading_that_is_refused_is_not_passed_over(immomio, extract, add, window, monkeypatch):
    """One is known to be missing: the run must not end green with the first, incomplete reading."""
    add(3)
    newest = {"id": "missed", "updatedAt": (window[0] + timedelta(hours=1)).isoformat()}

    monkeypatch.setattr(extract.hook, "newest_application", lambda _: newest)
    first_reading = [extract.hook._page] * 2  # the window's page, and the empty one behind it
    monkeypatch.setattr(
        type(extract.hook), "_page", lambda _, *asked: (first_reading or [refused]).pop()(*asked)
    )

    with pytest.raises(StopRun, match="refused as malformed"):
        read(extract, window)


# --- silence ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("own_ledger")
def test_a_silence_is_reported_with_what_the_partner_has_instead(immomio, extract, add, window):
    """Each of six days brought one; for eight days every application has stayed undecided."""
    end = window[1] + timedelta(days=8)
    ledger = Ledger()
    for day in range(6):
        brought = Run("immomio_yuneo", "yuneo", f"run {day}", window_end=window[1] - timedelta(days=day))
        ledger.claim(brought, [Intent(f"p{day}", "1/1/1/1", True, "content", None)])
    add(4, window[1], end, status="APPLIED")
    extract._report_silence("immomio_yuneo", end)

    assert extract.findings[("silence", "days")] == 8
    assert extract.findings[("status", "APPLIED")] == 4
    assert extract.findings[("status", "ACCEPTED_AS_TENANT")] == 0


@pytest.mark.usefixtures("own_ledger")
def test_a_pair_without_a_past_is_not_silent(immomio, extract, window):
    extract._report_silence("immomio_yuneo", window[1])

    assert extract.findings == {}
