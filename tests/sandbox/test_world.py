"""The world that a seed makes: the same again, with every defect that it promises."""

import time
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.sandbox import world as worlds
from include.sandbox.dirt import TEXT_DIRT
from include.sandbox.world import World, make_world, midnight

ANCHOR = date(2026, 3, 30)  # the night before, the clocks went forward


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(7, ANCHOR)


def noted(world: World, note: str) -> list[dict[str, Any]]:
    """Immomio's applications that were made for this."""
    wanted = set(world.noted(note))
    return [one for one in world.immomio_applications if one["id"] in wanted]


def name(application: dict[str, Any]) -> tuple[str, str]:
    return application["mainTenant"]["firstname"], application["mainTenant"]["lastname"]


def test_a_seed_gives_the_same_world_again(world: World) -> None:
    assert make_world(7, ANCHOR) == world
    assert make_world(8, ANCHOR).immomio_applications != world.immomio_applications


def test_every_kind_is_there_for_each_partner(world: World) -> None:
    for records in (world.immomio_applications, world.everreal_candidates):
        assert {world.notes[record["id"]] for record in records} >= set(worlds.SHOWCASE)
    assert set(world.notes.values()) >= set(TEXT_DIRT)


def test_yesterday_has_enough_chosen_ones_and_no_data_is_after_midnight(world: World) -> None:
    start, end = (midnight(ANCHOR - timedelta(days=back)) for back in (1, 0))
    accepted = [one for one in world.immomio_applications if one["status"] == "ACCEPTED_AS_TENANT"]
    signed = [one for one in world.everreal_contracts if one["status"] == "SIGNED"]

    for records in (accepted, signed):
        moments = [datetime.fromisoformat(record["updatedAt"]) for record in records]
        assert sum(start <= moment < end for moment in moments) >= 12
        assert max(moments) < end
        assert min(moments) >= midnight(ANCHOR - timedelta(days=14))
    assert start == datetime(2026, 3, 28, 23, tzinfo=UTC)  # the short day begins in winter time …
    assert end == datetime(2026, 3, 29, 22, tzinfo=UTC)  # … and ends in summer time
    first = noted(world, "first_of_the_day")[0]["updatedAt"]
    assert datetime.fromisoformat(first) == start


def test_some_contracts_wait_for_a_signature(world: World) -> None:
    """Only plain records, so that each other kind reaches the ERP; never those made in bulk."""
    waiting = [one for one in world.everreal_contracts if one["status"] in ("DRAFT", "SENT")]
    _, bulk = worlds.candidates(50, seed=1, anchor=ANCHOR)

    assert {world.notes[one["id"]] for one in waiting} == {"clean"}
    assert len(waiting) > 5
    assert {one["status"] for one in bulk} == {"SIGNED"}


def test_dirt_is_what_it_is_called(world: World) -> None:
    assert name(noted(world, "blank_before")[0])[0].startswith(" ")
    assert name(noted(world, "blank_after")[0])[1].endswith(" ")
    assert "  " in name(noted(world, "blank_doubled")[0])[0]
    assert "\u00a0" in name(noted(world, "nbsp")[0])[0]
    assert "\u200b" in name(noted(world, "zero_width")[0])[1]
    assert not unicodedata.is_normalized("NFC", name(noted(world, "nfd")[0])[1])
    assert name(noted(world, "capitals")[0])[1].isupper()
    assert noted(world, "german_date")[0]["mainTenant"]["dateOfBirth"][2] == "."
    assert noted(world, "empty_strings")[0]["mainTenant"]["phone"] == ""
    assert noted(world, "no_birth_date")[0]["mainTenant"]["dateOfBirth"] is None
    assert "income" in noted(world, "self_disclosure")[0]["mainTenant"]
    assert noted(world, "three_part_unit")[0]["property"]["externalId"].count(".") == 2
    assert noted(world, "no_unit")[0]["property"]["externalId"] is None
    assert noted(world, "unknown_status")[0]["status"] == "RESERVED_BY_LANDLORD"
    assert noted(world, "co_tenants")[0]["coTenants"]


def test_one_person_in_two_records(world: World) -> None:
    by_id = {one["id"]: one for one in world.everreal_candidates}
    two = [by_id[i] for i in world.noted("two_addresses") if i in by_id]
    twins = noted(world, "twins")
    again = noted(world, "two_listings")

    assert two[0]["listingId"] == two[1]["listingId"]
    assert two[0]["fullName"] == two[1]["fullName"]
    assert two[0]["email"] != two[1]["email"]
    assert name(twins[0])[1] == name(twins[1])[1]
    assert twins[0]["mainTenant"]["dateOfBirth"] == twins[1]["mainTenant"]["dateOfBirth"]
    assert name(again[0]) == name(again[1])
    assert again[0]["property"]["externalId"] != again[1]["property"]["externalId"]


def test_units_are_shared_only_where_it_is_meant(world: World) -> None:
    def units(partner: str) -> set[tuple[str, ...]]:
        if partner == "immomio":
            shown = [one["property"]["externalId"] for one in world.immomio_applications]
            return {tuple(number.split(".")) for number in shown if number}
        shown = [one["listing"]["unit"]["externalId"] for one in world.everreal_candidates]
        return {tuple(number.split("-")) for number in shown if number}

    across = noted(world, "competing_across")[0]["property"]["externalId"]
    both = {number for number in units("immomio") & units("everreal") if len(number) == 4}
    assert both == {tuple(across.split(".")), ("3", "9999", "9", "99")}
    competing = noted(world, "competing")
    assert competing[0]["property"]["externalId"] == competing[1]["property"]["externalId"]
    assert {number[0] for number in world.units} == {"1", "2", "3"}


def test_the_number_of_some_units_is_in_external_id_only(world: World) -> None:
    """EverReal shows its users another number for the units of client 2."""
    units = [one["listing"]["unit"] for one in world.everreal_candidates]
    hidden = [unit for unit in units if unit["objectId"] != unit["externalId"]]

    assert {unit["externalId"].split("-")[0] for unit in hidden} == {"2"}
    assert all(len(unit["externalId"].split("-")) == 4 for unit in hidden)
    assert 5 < len(hidden) < len(units) / 2


def test_one_email_address_is_one_contact(world: World) -> None:
    contacts: dict[str, set[str]] = {}
    for one in world.everreal_candidates:
        contacts.setdefault(one["email"].strip().lower(), set()).add(one["companyContactId"])

    assert {len(found) for found in contacts.values()} == {1}
    assert len({contact for found in contacts.values() for contact in found}) == len(contacts)
    assert len(contacts) < len(world.everreal_candidates)  # two listings, one person


def test_a_contract_for_a_flat_and_a_parking_space() -> None:
    flat, parking = worlds.unit(0), worlds.unit(1)

    candidate, contract = worlds.with_parking_space(1, flat, parking, ANCHOR)

    assert contract["candidate"] == candidate["id"]
    assert candidate["listing"]["unit"] == contract["units"][0]
    assert [unit["externalId"] for unit in contract["units"]] == ["-".join(flat), "-".join(parking)]
    assert [unit["type"] for unit in contract["units"]] == ["APARTMENT", "PARKING"]


def test_the_erps_know_some_of_them(world: World) -> None:
    stored = {(one["first_name"], one["last_name"], one["birth_date"]) for one in world.yuneo_partners}

    first, last = name(noted(world, "known_exactly")[0])
    birth = noted(world, "known_exactly")[0]["mainTenant"]["dateOfBirth"]
    assert (first, last, birth) in stored
    first, last = name(noted(world, "known_with_blank")[0])
    birth = noted(world, "known_with_blank")[0]["mainTenant"]["dateOfBirth"]
    assert (first, last, birth) not in stored
    assert (first, f"{last} ", birth) in stored
    assert world.yuneo_partners != world.sigma_partners


def test_big_volumes_are_quick() -> None:
    begin = time.process_time()
    applications = worlds.applications(5000, seed=1, anchor=ANCHOR, dirty=0.2)
    assert time.process_time() - begin < 3  # about one second of work

    assert len({one["id"] for one in applications}) == 5000
    assert len({one["property"]["externalId"] for one in applications}) == 5000
    candidates, contracts = worlds.candidates(10, seed=1, anchor=ANCHOR)
    assert [one["candidate"] for one in contracts] == [one["id"] for one in candidates]
