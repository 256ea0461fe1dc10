"""Prospects come back from their staged table as the mapping made them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from letting_sync.model import Prospect, Salutation, UnitNumber
from letting_sync.staging import tables

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IDS = TEXTS.filter(bool)
PROSPECTS = st.builds(
    Prospect,
    external_id=IDS,
    unit=st.tuples(*[st.from_regex(r"[\w. -]*\w", fullmatch=True)] * 4).map(UnitNumber),
    updated_at=st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC)),
    first_name=st.none() | TEXTS,
    last_name=TEXTS,
    birth_date=st.none() | st.dates(),
    lease_start=st.none() | st.dates(),
    message=st.none() | TEXTS,
)
FULL = Prospect(
    external_id="1",
    unit=UnitNumber(("1", "02", "003", "4 a")),
    chosen=True,
    withdrawn=True,
    updated_at=datetime(2026, 11, 9, 6, 16, 40, 347000, tzinfo=UTC),
    salutation=Salutation.MRS,
    first_name='Ann"a\n',
    last_name="Groß\\ \N{LINE SEPARATOR}",
    birth_date=date(1999, 8, 15),
    bundle="b",
    bundle_size=2,
    source_id="2026-11-09T06:16:40Z",
)


@given(st.lists(PROSPECTS, max_size=3))
@example([FULL, FULL])
def test_prospects_come_back_as_they_were_mapped(prospects: list[Prospect]) -> None:
    numbered = {7 * number: prospect for number, prospect in enumerate(prospects)}
    with TemporaryDirectory() as folder:
        tables.write_prospects(
            Path(folder).as_uri(), {number: one.model_dump_json() for number, one in numbered.items()}
        )
        staged = tables.rows(Path(folder).as_uri(), "extracted")

    assert staged == [{"record": number, **one.model_dump()} for number, one in numbered.items()]
