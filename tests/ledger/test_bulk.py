"""Rows that a statement gets as one JSON text arrive as they were given, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from letting_sync.ledger.bulk import as_json, given_rows
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Entry, Intent, Made
from letting_sync.ledger.schema import Store, entries
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import ANNA, BERT, OFFER, PAIR, RUN, claim, claimed, entry, history, sent

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
IN_TOKYO = timezone(timedelta(hours=9))
WITH_ALL_FIELDS = Intent(
    external_id='Anna "Ännchen" \\ \U0001f511 {"id": 1}',
    unit="1/02/003/O'Hara",
    chosen=False,
    content_hash="null",
    person_hash="0123",
    bundle="[1, 2]",
    bundle_size=3,
    source_id="\t\N{LINE SEPARATOR}",
    source_hash="true",
    partner_updated_at=datetime(2026, 3, 2, 4, 5, 6, tzinfo=IN_TOKYO),
)


def of_intent(found: Entry) -> Intent:
    return Intent(**{name: getattr(found, name) for name in asdict(WITH_ALL_FIELDS)})


@pytest.fixture(scope="module")
def scratch() -> Iterator[sa.Engine]:
    with TemporaryDirectory() as folder:
        yield sa.create_engine(sa.URL.create("sqlite", database=str(Path(folder) / "any.db")))


@given(
    rows=st.lists(
        st.fixed_dictionaries({"text": st.none() | TEXTS, "whole": st.none() | st.integers(0, 2**31)})
    )
)
def test_any_text_arrives(scratch: sa.Engine, rows: list[dict[str, str | int | None]]) -> None:
    table = given_rows("sqlite", {"text": sa.String(), "whole": sa.Integer()})
    with scratch.connect() as connection, closing(connection):
        found = connection.execute(sa.select(*table.c), {"rows": as_json("sqlite", rows)}).all()
    assert [row._asdict() for row in found] == rows


def test_every_field_of_an_intent_is_stored(store: Store) -> None:
    ledger = Ledger(store)
    ledger.claim(RUN, [WITH_ALL_FIELDS, BERT])
    assert of_intent(entry(ledger, WITH_ALL_FIELDS)) == WITH_ALL_FIELDS
    assert of_intent(entry(ledger, BERT)) == BERT


def test_every_field_is_stored_anew_by_a_later_claim(store: Store) -> None:
    ledger, later = Ledger(store), replace(WITH_ALL_FIELDS, external_id=BERT.external_id, unit=BERT.unit)
    first = claimed(ledger, BERT)
    ledger.claim(RUN, [later])
    again = entry(ledger, BERT)
    assert of_intent(again) == later
    assert (again.id, again.created_at) == (first.id, first.created_at)


@pytest.fixture
def worker_in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("microsecond", [0, 1, 500_000])
def test_a_time_of_a_claim_is_found_by_the_same_time(
    store: Store, worker_in_berlin: None, microsecond: int
) -> None:
    """SQLite compares times as texts."""
    ledger = Ledger(store)
    read_at = datetime(2026, 3, 2, 4, 5, 6, microsecond, tzinfo=UTC)
    ledger.claim(RUN, [replace(ANNA, partner_updated_at=read_at.astimezone(IN_TOKYO))])
    with ledger.engine.connect() as connection:
        same = sa.select(entries.c.external_id).where(entries.c.partner_updated_at == read_at)
        assert connection.execute(same).scalars().all() == [ANNA.external_id]


def test_what_is_not_text_is_refused_and_not_stored_as_something_else(store: Store) -> None:
    """Half of a pair of surrogates, as JSON from outside may hold it: no database gives it back as it was."""
    ledger = Ledger(store)
    with pytest.raises(UnicodeEncodeError):
        ledger.claim(RUN, [BERT, replace(ANNA, external_id="\ud800")])
    assert ledger.find(PAIR, [BERT.external_id]) == {}


def test_an_offer_is_stored_with_what_is_known_of_it(store: Store) -> None:
    ledger = Ledger(store)
    new, found = sent(ledger, ANNA), sent(ledger, BERT)
    ledger.mark_loaded(
        [
            Made(new.id, new.claim, **OFFER),
            Made(found.id, found.claim, "9", None, None, None, Reason.FOUND_IN_ERP),
        ]
    )
    anna, bert = entry(ledger, ANNA), entry(ledger, BERT)
    assert {name: getattr(anna, name) for name in OFFER} == OFFER
    assert (anna.state, anna.reason) == ("loaded", None)
    assert (bert.offer_id, bert.offer_number, bert.business_partner_created) == ("9", None, None)
    assert (bert.state, bert.reason) == ("loaded", Reason.FOUND_IN_ERP)


def test_only_offers_read_under_the_present_claim_are_stored(store: Store) -> None:
    """Of one call, whatever is next to them."""
    ledger = Ledger(store)
    mine, taken_over = sent(ledger, ANNA), sent(ledger, BERT)
    token = ledger.claim_again(RUN, [one for one in ledger.find_sent(PAIR) if one.id == taken_over.id])
    before = entry(ledger, BERT), history(ledger, taken_over)

    ledger.mark_loaded([Made(one.id, one.claim, **OFFER) for one in (taken_over, mine)])

    assert entry(ledger, ANNA).state == "loaded"
    assert (entry(ledger, BERT), history(ledger, taken_over)) == before
    assert before[0].claim == token


def test_a_claim_takes_only_what_is_free(store: Store) -> None:
    """Of one call, whatever is next to it."""
    ledger = Ledger(store)
    sent(ledger, ANNA)
    before = entry(ledger, ANNA)
    _, won = claim(ledger, RUN, [ANNA, BERT])
    assert set(won) == {BERT.key}
    assert entry(ledger, ANNA) == before
