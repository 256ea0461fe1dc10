"""What every partner's mapping must do: a prospect or a refusal with a reason, whatever the record holds."""

import copy
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letting_sync.errors import RefuseRecord
from letting_sync.locales import reasons as reason_words
from letting_sync.model import Prospect
from tests.systems.partners.cases import END, NOT_OURS, PERSON, START, PartnerCase

TODAY = date(2024, 11, 12)
NOON = START + timedelta(hours=12)


def test_a_person_arrives(partner: PartnerCase, run: Any) -> None:
    external_id = partner.add(NOON, unit="1/02/3/004")
    (row,) = run().rows("extracted")

    assert (row["external_id"], row["unit"], row["updated_at"]) == (external_id, "1/02/3/004", NOON)
    assert (row["first_name"], row["last_name"]) == (PERSON["first"], PERSON["last"])
    assert (str(row["birth_date"]), row["email"]) == (PERSON["born"], PERSON["mail"])
    assert row["chosen"] is (partner.selection == "partner")
    assert row["withdrawn"] is False


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=80)
    | st.sampled_from(["", "\x00", "\ud800", "\u200f", "\u200b", "👩‍👩‍👧", "x" * 5000, "0000-01-01", "9999-12-31T23:59:59-23:59"])
    | st.sampled_from(["[1]", '"a"', "null", '{"address": 1}', '{"lastName": {}}', "NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all places of a record."""
    yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield from places(below, (*way, step))


def changed(record: Any, way: tuple[Any, ...], value: Any) -> Any:
    """The record with something else at one place."""
    if not way:
        return value
    record = copy.deepcopy(record)
    place = record
    for step in way[:-1]:
        place = place[step]
    place[way[-1]] = value
    return record


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_json_gives_a_prospect_or_a_refusal(partner: PartnerCase, extract: Any, data: Any) -> None:
    """Anything at any place of a real record, up to the record itself; the record is read once and not changed."""
    if not hasattr(extract, "sample"):
        partner.add(NOON)
        ((extract.sample, *_),) = extract.read(START, END)
    way = data.draw(st.sampled_from(list(places(extract.sample))))
    record = changed(extract.sample, way, data.draw(ANYTHING))

    with suppress(RefuseRecord):
        assert isinstance(extract.to_prospect(record, TODAY), Prospect)
    json.loads(extract.raw(record))
    assert all(isinstance(name, str) for name in extract.lacking_fields(record))
    external_id = extract.external_id_of(record)
    assert external_id is None or (isinstance(external_id, str) and external_id)


def test_every_refusal_has_words(partner: PartnerCase, extract: Any) -> None:
    """Whatever stands at whatever place, the console and the alerts can say in words why the record is refused."""
    partner.add(NOON)
    extract.keeps_records = True
    (sample,) = [read.record for read in extract.read(START, END)]
    reasons = set()
    for way, odd in itertools.product(
        places(sample), (None, [], [7], 7, {"x": []}, "x" * 3000, "\ud800", " ")
    ):
        try:
            extract.to_prospect(changed(sample, way, odd), TODAY)
        except RefuseRecord as refusal:
            reasons.add(refusal.reason)

    assert len(reasons) > 10
    assert reasons - reason_words.of("en").keys() == set()


def test_a_refused_record_holds_up_no_other(partner: PartnerCase, run: Any) -> None:
    good = partner.add(NOON)
    bad = partner.add(NOON, unit="1/2/3")
    staged = run()

    assert staged.ids == [good]
    assert staged.reasons == {bad: "unit_not_four_parts"}
    (row,) = staged.rows("quarantine_extract")
    assert PERSON["last"] in json.loads(row["raw"]).__str__(), "a person can see whom it is about"


def test_what_is_not_ours_is_staged_nowhere(partner: PartnerCase, run: Any) -> None:
    """Self-disclosure and other people are dropped on input, from quarantine too."""
    partner.add(NOON)
    partner.add(NOON, unit="1/2/3")
    partner.add(NOON, person=PERSON | {"born": "unreadable"})
    partner.add(NOON, stage="withdrawn")

    assert NOT_OURS not in run().everything


def test_a_refusal_does_not_quote_the_record(partner: PartnerCase, run: Any) -> None:
    partner.add(NOON, person=PERSON | {"born": "Ottokar 1990"})
    (row,) = run().rows("quarantine_extract")

    assert row["reason"] == "unreadable_birth_date"
    assert "Ottokar" not in row["detail"]
