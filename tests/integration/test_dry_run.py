"""A dry run shows what the real run would do, and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import tenacity

from include.sandbox import Sandbox
from letting_sync.http import retry
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.schema import entries
from letting_sync.staging import dry_run, folders, tables

PAIRS = ("immomio_yuneo", "immomio_sigma", "everreal_yuneo", "everreal_sigma")
RunPair = Callable[..., dict[str, Any]]
READS = {
    "/connect/token",
    "/api/v1/business-partners/search",
    "/wodis/rest/stammdaten/geschaeftspartner/suche",
}
"""Paths of the ERPs that are called by POST and change nothing."""


def erp_of(box: Sandbox, pair: str) -> Any:
    return getattr(box, pair.split("_")[1])


def staged(pair: str) -> str:
    """Folder of the pair's only run."""
    (folder,) = [path for path in (folders.base() / pair).iterdir() if path.is_dir()]
    return str(folder)


def written(erp: Any) -> Counter[tuple[str, str]]:
    return Counter(
        (entry.method, entry.path)
        for entry in erp.requests
        if entry.method != "GET" and entry.path not in READS
    )


def ledger_of(pair: str) -> list[Any]:
    """All that the ledger holds of a pair."""
    with Ledger().engine.connect() as connection:
        query = sa.select(entries).where(entries.c.pair == pair).order_by(entries.c.id)
        return list(connection.execute(query))


@pytest.mark.parametrize("pair", PAIRS)
def test_it_shows_what_the_real_run_then_does(
    box: Sandbox, run_pair: RunPair, own_ledger: Path, pair: str
) -> None:
    erp = erp_of(box, pair)
    offers, leases = len(erp.offers), len(erp.leases)

    dry = run_pair(pair, dry_run=True)

    folder = staged(pair)
    loads = dry_run.would_load(folder)
    accepts = tables.rows(folder, dry_run.ACCEPTANCE)
    assert (len(erp.offers), len(erp.leases), written(erp)) == (offers, leases, Counter())
    assert ledger_of(pair) == []
    assert len(erp.requests) > 3, "it has logged in and looked things up"

    real = run_pair(pair, dry_run=False)

    made = {(offer.external_id, offer.unit.replace(".", "/")) for offer in erp.offers[offers:]}
    assert {(load.external_id, load.unit) for load in loads if load.kind == "created"} == made
    assert dry["would_create"] == real["offers_created"] == len(made)
    known = {entry.key: entry for entry in Ledger().find(pair, {i for i, _ in made}).values()}
    would = {(row["external_id"], row["unit"]): (row["verdict"], row["reason"]) for row in accepts}
    done = {
        key: ("accept", None) if entry.lease_number else (str(entry.acceptance), entry.acceptance_reason)
        for key, entry in known.items()
    }
    differences = {key for key in would.keys() & done.keys() if would[key] != done[key]}
    # That a lease runs on a unit, the ERP says only when an offer is accepted.
    assert {done[key] for key in differences} <= {("held", "unit_let")}
    assert would.keys() == done.keys()
    assert dry["would_accept"] >= len(erp.leases[leases:]) > 0


@pytest.mark.parametrize("pair", PAIRS)
def test_after_the_real_run_it_finds_everything_there(box: Sandbox, run_pair: RunPair, pair: str) -> None:
    real = run_pair(pair, dry_run=False)
    erp = erp_of(box, pair)
    before = written(erp)
    rows = ledger_of(pair)

    dry = run_pair(pair, dry_run=True)

    assert (dry["would_create"], dry["already_there"]) == (0, real["offers_created"])
    assert dry["quarantined"] == real["quarantined"]
    assert written(erp) == before
    assert ledger_of(pair) == rows != []


def test_offers_that_the_ledger_does_not_know_are_found_in_the_erp(
    box: Sandbox, run_pair: RunPair, own_ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = run_pair("immomio_sigma", dry_run=False)
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", str(own_ledger / "another.db"))

    dry = run_pair("immomio_sigma", dry_run=True)

    assert (dry["would_create"], dry["already_there"]) == (0, real["offers_created"])
    assert dry["would_accept"] == 0


@pytest.mark.parametrize("pair", PAIRS)
def test_each_field_is_shown_as_sent_as_empty_or_as_cleaned(
    box: Sandbox, run_pair: RunPair, own_ledger: Path, pair: str
) -> None:
    """What the protocol shows is what the ERP then gets."""
    run_pair(pair, dry_run=True)
    fields = tables.rows(staged(pair), dry_run.FIELDS)
    erp = erp_of(box, pair)
    offers = len(erp.offers)

    run_pair(pair, dry_run=False)

    people = {partner.number: partner.person for partner in erp.business_partners}
    new = {offer.external_id: people[offer.business_partner] for offer in erp.offers[offers:]}
    sent = {(row["external_id"], row["field"]): row["sent"] for row in fields}
    emails = {i: (sent[i, "email"], person.email) for i, person in new.items()}
    assert {expected == there for expected, there in emails.values()} == {True}
    assert {row["field"] for row in fields if row["cleaned"]} >= {"last_name", "mobile"}
    assert any(row["sent"] is None and row["erp_field"] for row in fields)
    assert all(row["sent"] is None for row in fields if row["erp_field"] is None)


@pytest.fixture
def with_short_waits(run_pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No task is tried again, and no request waits."""
    monkeypatch.setattr(retry, "BACKOFF", tenacity.wait_fixed(0.005))
    for dag in run_pair.bag.dags.values():
        for task in dag.tasks:
            kwargs = getattr(task, "partial_kwargs", None)
            if kwargs is None:
                task.retries = 0
            else:
                kwargs["retries"] = 0


@pytest.mark.usefixtures("with_short_waits")
@pytest.mark.parametrize("pair", PAIRS)
def test_an_erp_that_cannot_be_reached_makes_it_fail(box: Sandbox, run_pair: Any, pair: str) -> None:
    with erp_of(box, pair).down():
        run = run_pair.bag.dags[pair].test(run_conf={"dry_run": True})

    assert run.state == "failed"


@pytest.mark.usefixtures("with_short_waits")
@pytest.mark.parametrize("pair", PAIRS)
def test_a_refused_log_in_fails_even_where_nothing_is_to_be_loaded(
    box: Sandbox, run_pair: Any, monkeypatch: pytest.MonkeyPatch, pair: str
) -> None:
    name = pair.split("_")[1]
    wrong = box.connections()[name].replace(erp_of(box, pair).password, "wrong")
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", wrong)
    window = {"window_start": "2020-01-01T00:00:00+01:00", "window_end": "2020-01-02T00:00:00+01:00"}

    run = run_pair.bag.dags[pair].test(run_conf={"dry_run": True} | window)

    assert run.state == "failed"


@pytest.mark.usefixtures("with_short_waits")
def test_sigma_says_that_its_portal_is_unknown(box: Sandbox, run_pair: Any) -> None:
    box.sigma.options.exchanges = ["Another"]

    run = run_pair.bag.dags["immomio_sigma"].test(run_conf={"dry_run": True})

    assert run.state == "failed"


@pytest.mark.parametrize(("mode", "verdict"), [("approval", "ask"), ("off", "held")])
def test_the_accept_mode_counts(
    box: Sandbox, run_pair: RunPair, own_ledger: Path, mode: str, verdict: str
) -> None:
    dry = run_pair("immomio_yuneo", dry_run=True, accept=mode)

    reasons = Counter(row["verdict"] for row in tables.rows(staged("immomio_yuneo"), dry_run.ACCEPTANCE))
    assert dry["would_accept"] == 0
    assert reasons[verdict] > 3
