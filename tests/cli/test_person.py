"""``letting-sync person export`` also says what the partners have about the person now."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from include.sandbox import Sandbox
from letting_sync.cli.main import main
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Run
from tests.harness.platforms import PLATFORMS, Platform

PAIRS = {"immomio": "immomio_yuneo", "everreal": "everreal_sigma"}


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch, own_ledger: Path) -> Any:
    with Sandbox(populate=False) as box:
        for system in box.systems:
            connection = system.connection()
            extra = connection.get("extra", {}) | {"connect_timeout": 1, "timeout": 1}
            connection = json.dumps(connection | {"extra": extra | {"settle_seconds": 60}})
            monkeypatch.setenv(f"AIRFLOW_CONN_{system.name.upper()}", connection)
        yield box


@pytest.fixture(params=PAIRS)
def platform(request: pytest.FixtureRequest, box: Sandbox) -> Platform:
    return PLATFORMS[request.param](box)


def known_to_the_ledger(platform: Platform, applicant: str) -> str:
    """A run has claimed the applicant; returns the pair."""
    pair = PAIRS[platform.name]
    Ledger().claim(Run(pair, "erp", "r1"), [Intent(applicant, "1/1/1/1", True, "content", "person")])
    return pair


def export(*words: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    code = main(["person", "export", *words], out)
    return code, json.loads(out.getvalue())


def test_the_record_at_the_partner_is_in_the_export(platform: Platform) -> None:
    applicant, other = platform.apply(0), platform.apply(1)
    pair = known_to_the_ledger(platform, applicant)

    code, told = export(applicant)

    ((at_partner),) = told["partners"]
    (record,) = at_partner["records"]
    assert (code, at_partner["pair"], record["external_id"]) == (0, pair, applicant)
    assert record["last_name"]
    assert record["birth_date"]
    assert other not in json.dumps(told)
    assert not any("partner" in place for place in told["not_searched"])


def test_a_person_that_only_the_partner_knows_is_found_in_a_named_pair(platform: Platform) -> None:
    applicant = platform.apply(0)

    assert export(applicant)[0] == 1
    code, told = export(applicant, "--pair", PAIRS[platform.name])

    assert (code, told["ledger"], told["staged"]) == (0, [], [])
    assert [record["external_id"] for record in told["partners"][0]["records"]] == [applicant]


def test_a_record_that_the_partner_no_longer_has_is_no_record(platform: Platform) -> None:
    applicant = platform.apply(0)
    pair = known_to_the_ledger(platform, applicant)
    platform.delete(applicant)

    assert export(applicant)[1]["partners"] == [{"pair": pair, "records": []}]


def test_a_partner_that_cannot_be_asked_is_named_and_the_rest_is_given_out(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Half an export must not look like a whole one: exit code 1."""
    applicant = platform.apply(0)
    known_to_the_ledger(platform, applicant)
    platform.system.faults.set(1, ["500"])

    code, told = export(applicant)

    assert code == 1
    assert len(told["ledger"]) == 1
    assert "records" not in told["partners"][0]
    assert platform.name in told["partners"][0]["not_asked"].lower()


def test_a_pair_that_is_gone_is_named(own_ledger: Path) -> None:
    Ledger().claim(Run("gone_pair", "erp", "r1"), [Intent("A-1", "1/1/1/1", True, "content", "person")])

    code, told = export("A-1")

    assert code == 1
    assert "there is no pair 'gone_pair'" in told["partners"][0]["not_asked"]
