"""After a restore: which windows to read again, and a hash key that is another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from letting_sync.errors import StopRun
from letting_sync.ledger import restored
from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import UNKNOWN_HASH, Retraction
from letting_sync.ledger.schema import Store, properties
from letting_sync.reasons import Reason
from tests.harness.ledger_entries import OTHER_PAIRS_RUN, PAIR, RUN, entry, loaded

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_each_pair_reads_again_from_its_last_write(ledger: Ledger) -> None:
    written = loaded(ledger).updated_at
    ledger.mark_retracted(OTHER_PAIRS_RUN, [Retraction("bert", None, Reason.WITHDRAWN, NOW)])

    windows = restored.windows_to_read(ledger.engine, NOW)

    assert set(windows) == {PAIR, OTHER_PAIRS_RUN.pair}
    assert windows[PAIR] == (written - restored.MARGIN, NOW)


def test_another_hash_key_stops_the_run_before_anything_is_compared(tmp_path: Path) -> None:
    url = sa.URL.create("sqlite", database=str(tmp_path / "ledger.db"))
    loaded(Ledger(Store(url, b"the key")))

    Ledger(Store(url, b"the key"))
    with pytest.raises(StopRun, match="--new-hash-key"):
        Ledger(Store(url, b"another key"))


def test_the_hash_key_of_an_older_release_is_known_again(ledger: Ledger) -> None:
    """Its fingerprint is written down here: if a release computed another one, it would stop the runs of every ledger."""
    query = sa.select(properties.c.value).where(properties.c.name == "hash_key_fingerprint")
    with ledger.engine.connect() as connection:
        assert connection.execute(query).scalar_one().startswith("b00e4cab9b7703e6")


def test_a_lost_hash_key_is_replaced_and_nothing_counts_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ledger.db"
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", str(file))
    loaded(Ledger())
    file.with_suffix(".key").write_text("another key")

    assert restored.main(["--new-hash-key"]) == 0

    assert "1 entries" in capsys.readouterr().out
    assert entry(Ledger()).content_hash == UNKNOWN_HASH


def test_the_printed_commands_name_each_pair_and_its_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__PROSPECTS__LEDGER", str(tmp_path / "ledger.db"))
    assert restored.main([]) == 1
    loaded(Ledger(), run=replace(RUN, window_end=NOW + timedelta(days=1)))

    assert restored.main([]) == 0

    assert f"airflow dags trigger {PAIR} --conf" in capsys.readouterr().out
