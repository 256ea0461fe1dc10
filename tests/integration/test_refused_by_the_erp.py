"""What an ERP says of a prospect that it refuses, and an e-mail address that it would refuse one for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from include.sandbox import Sandbox

NO_ADDRESSES = ("a@b@c", "@", "eva@", "@example.org", "eva kern@example.org", "a@example.org; b@example.org")


def staged(home: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of all staged tables by the table's name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in (home / "staging").rglob("*.parquet"):
        found.setdefault(path.stem, []).extend(pyarrow.parquet.read_table(path).to_pylist())
    return found


@pytest.mark.parametrize("pair", ["immomio_yuneo", "immomio_sigma"])
def test_the_erps_words_are_in_quarantine_and_nowhere_else(
    box: Sandbox,
    run_pair: Callable[..., Any],
    own_ledger: Path,
    all_logs: Callable[[], str],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    pair: str,
) -> None:
    """They quote the person, so neither ledger nor log nor XCom may have them, nor what outlives an erasure."""
    erp = getattr(box, pair.split("_")[1])
    monkeypatch.setattr(
        erp, "_objection", lambda one: ("invalid_field", f"Die Adresse\n{one.person.email} ist ungültig")
    )

    run = run_pair.bag.dags[pair].test(run_conf={"external_ids": None})

    tables = staged(own_ledger)
    texts = {row["erp_text"] for row in tables["quarantine_load_offers"]}
    addresses = {row["email"] for row in tables["prospects"]}
    assert len(addresses) > 10
    assert texts == {f"Die Adresse {address} ist ungültig" for address in addresses}
    assert "ungültig" not in str(tables["outcomes_load_offers"])
    published = json.dumps(run_pair.xcoms(run), default=str)
    ledger = b"".join(path.read_bytes() for path in own_ledger.glob("ledger.db*")).decode("latin-1")
    told = capfd.readouterr()
    for place in (published, ledger, all_logs(), told.out, told.err):
        assert not [address for address in addresses if address in place]
        assert "Die Adresse" not in place


@pytest.mark.parametrize("pair", ["immomio_yuneo", "immomio_sigma"])
def test_an_address_that_no_mail_server_takes_costs_nobody_the_offer(
    box: Sandbox, run_pair: Callable[..., Any], pair: str
) -> None:
    """The ERP refuses a whole prospect for it, so it is left out."""
    erp = getattr(box, pair.split("_")[1])
    before = {offer.number for offer in erp.offers}
    accepted = [a for a in box.immomio.applications if a["status"] == "ACCEPTED_AS_TENANT"]
    several = 3 * len(NO_ADDRESSES)
    applications = [a for a in accepted if isinstance(a["mainTenant"], dict)][:several]
    for number, application in enumerate(applications):
        email = NO_ADDRESSES[number % len(NO_ADDRESSES)]
        box.immomio.update(application["id"], mainTenant=application["mainTenant"] | {"email": email})
    ids = sorted(application["id"] for application in applications)

    counts = run_pair(pair, external_ids=ids)

    new = [offer for offer in erp.offers if offer.number not in before]
    assert len(new) == counts["offers_created"] >= len(NO_ADDRESSES)
    assert "invalid_field" not in counts["quarantine_reasons"]
