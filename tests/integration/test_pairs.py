"""Each pair from end to end; what counts is what is in the ERP, not what our counters say."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from include.sandbox import Sandbox
from include.sandbox.world import midnight

PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
BERLIN = ZoneInfo("Europe/Berlin")
RunPair = Callable[..., dict[str, Any]]


def _erp(box: Sandbox, pair: str) -> Any:
    return getattr(box, pair.split("_")[1])


def _fed_words(box: Sandbox) -> set[str]:
    """Every name, e-mail address and telephone number that the partners hold, as written and trimmed."""
    people = [person for a in box.immomio.applications for person in (a["mainTenant"], *a["coTenants"])]
    fields = [
        person.get(f) for person in people for f in ("firstname", "lastname", "email", "phone", "mobile")
    ]
    for candidate in box.everreal.candidates:
        fields += [candidate.get(name) for name in ("firstName", "lastName", "email", "fullName")]
    words = {str(value).strip() for value in fields if value}
    return {word for word in words if len(word) > 3}


@pytest.mark.parametrize("pair", PAIRS)
def test_chosen_prospects_become_offers_and_leases(
    box: Sandbox, run_pair: RunPair, capfd: pytest.CaptureFixture[str], pair: str
) -> None:
    """One offer for each prospect, one lease for each unit that just one of them was chosen for, and quiet logs."""
    erp = _erp(box, pair)
    offers_before = {offer.number for offer in erp.offers}

    counts = run_pair(pair)

    new = [offer for offer in erp.offers if offer.number not in offers_before]
    assert len(new) == counts["offers_created"] >= 12
    assert max(Counter((offer.external_id, offer.unit) for offer in new).values()) == 1
    leases = [lease for lease in erp.leases if lease.offer_number in {offer.number for offer in new}]
    assert len(leases) == counts["leases_created"] > 0
    assert max(Counter(lease.unit for lease in leases).values()) == 1
    contested = {unit for unit, number in Counter(offer.unit for offer in new).items() if number > 1}
    assert contested.isdisjoint(lease.unit for lease in leases)
    told = capfd.readouterr()
    assert not {word for word in _fed_words(box) if word in told.out + told.err}


@pytest.mark.parametrize("pair", PAIRS)
def test_a_second_run_finds_everything_there(box: Sandbox, run_pair: RunPair, pair: str) -> None:
    """The same window again: no second offer, no second lease."""
    erp = _erp(box, pair)
    first = run_pair(pair)
    offers, leases = len(erp.offers), len(erp.leases)

    second = run_pair(pair)

    assert (len(erp.offers), len(erp.leases)) == (offers, leases)
    assert (second["offers_created"], second["leases_created"]) == (0, 0)
    assert second["already_there"] == first["offers_created"]


def test_the_logs_say_sentences_and_the_window_in_the_customers_time(
    box: Sandbox, run_pair: RunPair, all_logs: Callable[[], str], capfd: pytest.CaptureFixture[str]
) -> None:
    """With the overlap; no Python dictionaries, and nothing of the ledger's migrations, on a new ledger too."""
    yesterday = box.world.anchor - timedelta(days=1)
    start, end = (
        f"{midnight(day).astimezone(BERLIN):%Y-%m-%d %H:%M %z}" for day in (yesterday, box.world.anchor)
    )

    run_pair("immomio_yuneo")

    told = capfd.readouterr()
    said = told.out + told.err + all_logs()
    assert f"Reading what changed from {start} to {end}, and 5 minutes before." in said
    assert "Every record has exactly one outcome: " in said
    assert re.findall(r"\{'\w+'.*", said) == []
    assert re.findall(r"(?i).*(?:alembic|Context impl|Will assume \w+ DDL).*", said) == []


def test_only_counts_and_an_address_stand_in_xcom(box: Sandbox, run_pair: Any, own_ledger: Path) -> None:
    run = run_pair.bag.dags["immomio_yuneo"].test()
    published = json.dumps(run_pair.xcoms(run), default=str)

    assert not {word for word in _fed_words(box) if word in published}


def test_the_ledger_knows_nobody_by_name(box: Sandbox, run_pair: RunPair, own_ledger: Path) -> None:
    run_pair("everreal_yuneo")
    held = b"".join(path.read_bytes() for path in own_ledger.glob("ledger.db*"))

    assert not {word for word in _fed_words(box) if word.encode() in held}


def test_no_self_disclosure_beyond_the_contract_is_staged(
    box: Sandbox, run_pair: RunPair, own_ledger: Path
) -> None:
    """Income, profession and the like are dropped on input, from quarantine too."""
    import pandas as pd

    run_pair("immomio_yuneo")
    tables = [pd.read_parquet(path).to_csv() for path in (own_ledger / "staging").rglob("*.parquet")]

    assert tables
    assert not {word for word in ("income", "profession", "creditReport") if any(word in t for t in tables)}


@pytest.mark.parametrize("param", ["dry_run", "rehearse"])
def test_a_dry_run_writes_nothing_into_the_erp(box: Sandbox, run_pair: RunPair, param: str) -> None:
    """Also under the param's former name."""
    offers, partners = len(box.yuneo.offers), len(box.yuneo.business_partners)

    counts = run_pair("immomio_yuneo", **{param: True})

    assert (len(box.yuneo.offers), len(box.yuneo.business_partners)) == (offers, partners)
    assert counts["offers_created"] == 0
    assert counts["skipped"] >= 12
    assert box.yuneo.requests.count("POST", path="/api/v1/prospect-imports") == 0


def test_what_was_quarantined_is_sent_after_the_cause_is_fixed(box: Sandbox, run_pair: RunPair) -> None:
    """Param ``external_ids`` runs just those, whatever their window."""
    first = run_pair("immomio_yuneo")
    assert first["quarantine_reasons"] == {"unit_not_four_parts": 1}
    fixed = [a for a in box.immomio.applications if box.world.notes.get(a["id"]) == "three_part_unit"]
    spare = next(
        unit for unit in box.yuneo.units if not box.yuneo.leases_for(unit) and not _offered(box, unit)
    )
    for application in fixed:
        box.immomio.update(
            application["id"],
            property=application["property"] | {"externalId": spare.replace("/", ".")},
            updatedAt="2020-01-01T00:00:00Z",
        )

    second = run_pair("immomio_yuneo", external_ids=[application["id"] for application in fixed])

    assert second["extracted"] == len(fixed)
    assert (
        sum(len(box.yuneo.offers_for(application["id"])) for application in fixed)
        == second["offers_created"]
        > 0
    )


def _offered(box: Sandbox, unit: str) -> bool:
    return any(offer.unit == unit for offer in box.yuneo.offers)
