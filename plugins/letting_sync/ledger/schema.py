"""The ledger's tables, and the location of its database.

The tables contain no names, e-mail addresses or dates of birth: only ids, numbers, times, reason codes, and keyed
hashes of content that must be compared.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from letting_sync import config
from letting_sync.connections import extra_of
from letting_sync.errors import StopRun
from letting_sync.ledger.records import AcceptanceState, EntryState
from letting_sync.reasons import Reason

CONNECTION_ID = "prospect_ledger"
MIGRATIONS = Path(__file__).parent / "migrations"
_SQLITE = b"SQLite format 3\0"
"""The first bytes of a database that is not empty."""
_TIMES_REMEMBERED = _CODES_REMEMBERED = 256

_Code = TypeVar("_Code", bound=str)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A time with zone on both databases; SQLite itself would drop the zone.

    Thousands of rows hold the same few times, a claim's, a batch's: the last ones are not converted again.
    """

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any] | None:
        convert = super().bind_processor(dialect)
        if convert is None:
            return None
        remembering = lru_cache(maxsize=_TIMES_REMEMBERED)(convert)
        # In UTC first: when the clocks go back, two times of one zone are equal and yet an hour apart.
        return lambda value: remembering(value.astimezone(UTC) if value else None)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any] | None:
        convert = super().result_processor(dialect, coltype)
        return lru_cache(maxsize=_TIMES_REMEMBERED)(convert) if convert else None

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Coded(sa.types.TypeDecorator[_Code]):
    """A string column that is an enum's member in Python.

    :param length: length of the column.
    :param member: returns the member of a stored string.
    """

    impl = sa.String
    cache_ok = True

    def __init__(self, length: int, member: Callable[[str], _Code]) -> None:
        super().__init__(length)
        self.member = member

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        del dialect
        return None if value is None else str(value)

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], _Code | None]:
        del dialect, coltype
        # Cached, since thousands of rows have the same few codes.
        remembering = lru_cache(maxsize=_CODES_REMEMBERED)(self.member)
        return lambda value: None if value is None else remembering(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> _Code | None:
        del dialect
        return None if value is None else self.member(value)


metadata = sa.MetaData()

entries = sa.Table(
    "prospect_ledger",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("pair", sa.String(250), nullable=False),
    sa.Column(
        "erp", sa.String(250), nullable=False, comment="which ERP, so that pairs that share it see each other"
    ),
    sa.Column("external_id", sa.String(64), nullable=False),
    sa.Column("unit", sa.String(250), nullable=False),
    sa.Column("state", Coded(20, EntryState), nullable=False),
    sa.Column("reason", Coded(60, Reason.stored)),
    sa.Column("chosen", sa.Boolean, nullable=False),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("person_hash", sa.String(64)),
    sa.Column("bundle", sa.String(64), comment="what the partner lets several units by together"),
    sa.Column("bundle_size", sa.Integer, nullable=False, server_default="1", comment="units of the bundle"),
    sa.Column("claim", sa.String(32), comment="fence: who may send; a takeover writes a new one"),
    sa.Column("claimed_at", UtcDateTime),
    sa.Column("sent_at", UtcDateTime),
    sa.Column("job", sa.String(64), comment="the ERP's number of the import that carries it"),
    sa.Column("offer_id", sa.String(64)),
    sa.Column("offer_number", sa.String(64)),
    sa.Column("business_partner_number", sa.String(64)),
    sa.Column("business_partner_created", sa.Boolean),
    sa.Column("lease_number", sa.String(64)),
    sa.Column("acceptance", Coded(20, AcceptanceState)),
    sa.Column("acceptance_reason", Coded(60, Reason.stored)),
    sa.Column("acceptance_run", sa.String(250)),
    sa.Column("accepting_since", UtcDateTime),
    sa.Column("decided_by", sa.String(250), comment="Airflow user who answered the approval"),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("changed_at", UtcDateTime, comment="content changed at the partner after loading"),
    sa.Column("withdrawn_at", UtcDateTime, comment="withdrawn, rejected or deleted at the partner"),
    sa.Column("moved_at", UtcDateTime, comment="the application is on another unit now"),
    sa.Column("source_id", sa.String(64), comment="the partner's id of the record that chose the prospect"),
    sa.Column("source_hash", sa.String(64), comment="keyed hash of the record as the partner wrote it"),
    sa.Column("partner_updated_at", UtcDateTime, comment="newest version of the record that was read"),
    sa.Column("accept_mode", sa.String(20), comment="accept mode of the run that loaded it"),
    sa.Column("ask_reason", Coded(60, Reason.stored), comment="why a person is asked, whatever the mode"),
    sa.Column("near_partner_number", sa.String(64), comment="business partner that may be the same person"),
    sa.Column("reviewed_at", UtcDateTime, comment="compared with partner and ERP outside its window"),
    sa.Column("run_id", sa.String(250), nullable=False, comment="the run that loaded it, or tried last"),
    sa.Column("window_start", UtcDateTime),
    sa.Column("window_end", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("pair", "external_id", "unit", name="uq_prospect_ledger_prospect"),
    sa.Index("ix_prospect_ledger_unit", "erp", "unit"),
    sa.Index("ix_prospect_ledger_state", "pair", "state"),
    sa.Index("ix_prospect_ledger_person", "pair", "person_hash"),
    sa.Index("ix_prospect_ledger_bundle", "pair", "bundle"),
    sa.Index("ix_prospect_ledger_acceptance_run", "pair", "acceptance_run"),
    sa.Index("ix_prospect_ledger_offer", "offer_number"),
    sa.Index("ix_prospect_ledger_lease", "lease_number"),
)
without_lease = sa.Index(
    "ix_prospect_ledger_without_lease",
    entries.c.pair,
    entries.c.state,
    sqlite_where=entries.c.lease_number.is_(None),
    postgresql_where=entries.c.lease_number.is_(None),
)
one_acceptance_per_unit = sa.Index(
    "uq_prospect_ledger_accepting",
    entries.c.erp,
    entries.c.unit,
    unique=True,
    sqlite_where=entries.c.acceptance == AcceptanceState.ACCEPTING,
    postgresql_where=entries.c.acceptance == AcceptanceState.ACCEPTING,
)

events = sa.Table(
    "prospect_ledger_event",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column(
        "entry_id", sa.Integer, sa.ForeignKey("prospect_ledger.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String(250)),
    sa.Column("what", Coded(40, str), nullable=False),
    sa.Column("reason", Coded(60, str)),
    sa.Column("reference", sa.String(250), comment="offer, lease or import number, or who decided"),
    sa.Index("ix_prospect_ledger_event_entry", "entry_id", "id"),
)

retractions = sa.Table(
    "prospect_ledger_retraction",
    metadata,
    sa.Column("pair", sa.String(250), primary_key=True),
    sa.Column("external_id", sa.String(64), primary_key=True),
    sa.Column("source_id", sa.String(64), primary_key=True, comment="empty: all records of the external id"),
    sa.Column("reason", Coded(60, Reason.stored), nullable=False),
    sa.Column(
        "partner_updated_at", UtcDateTime, nullable=False, comment="version at the partner that says so"
    ),
    sa.Column("noted_at", UtcDateTime, nullable=False),
    sa.Column("run_id", sa.String(250), nullable=False),
    sa.Index("ix_prospect_ledger_retraction_noted", "noted_at"),
)

properties = sa.Table(
    "prospect_ledger_property",
    metadata,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("value", sa.String(250), nullable=False),
)


@dataclass(frozen=True)
class Store:
    """Location of the ledger's database, and the key of its hashes."""

    url: sa.URL
    hash_key: bytes


def locate() -> Store:
    """Locate the ledger: connection ``prospect_ledger`` if it exists, else a SQLite file.

    The file is ``[prospects] ledger`` of the Airflow configuration, by default ``prospect_ledger.db`` in
    ``AIRFLOW_HOME``. Its hash key is stored next to it, readable by its owner only.

    :raises StopRun: the connection has no supported database or no hash key.
    """
    try:
        connection = BaseHook.get_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        return _local_store()
    return _store_of(connection)


def _store_of(connection: Any) -> Store:
    extra = extra_of(connection, CONNECTION_ID)
    key = extra.get("hash_key")
    if not key:
        raise StopRun(
            f"Connection {CONNECTION_ID!r} needs the extra 'hash_key': a long random text. Set it, then clear the task."
        )
    # Without its provider for PostgreSQL, Airflow's command and form know no such type: what they store is "generic".
    if connection.conn_type in ("postgres", "postgresql") or (
        connection.conn_type == "generic" and connection.schema
    ):
        url = sa.URL.create(
            "postgresql+psycopg2",
            username=connection.login,
            password=connection.password,
            host=connection.host,
            port=connection.port,
            database=connection.schema,
            query={k: str(v) for k, v in extra.items() if k.startswith("ssl")},
        )
    elif connection.conn_type == "sqlite":
        url = sa.URL.create("sqlite", database=connection.host)
    else:
        raise StopRun(
            f"Connection {CONNECTION_ID!r} has the type {connection.conn_type!r}; it must be 'postgres' (or "
            "'generic', with the name of the PostgreSQL database as its schema) or 'sqlite'. Correct it."
        )
    return Store(url, str(key).encode())


def _local_store() -> Store:
    path = config.ledger_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        key_file = path.with_suffix(".key")
        is_ledger = key_file.exists() and path.is_file()
        if not is_ledger:
            _refuse_other_files(path)
        _make_private(path)
        if not key_file.exists():
            _write_once(key_file, secrets.token_hex(32))
        key = key_file.read_text().encode()
    except OSError as error:
        raise StopRun(
            f"The ledger's file {path} cannot be used: {error.strerror}. Correct [prospects] ledger or the rights of its "
            "folder, then clear the task."
        ) from None
    return Store(sa.URL.create("sqlite", database=str(path)), key)


def _refuse_other_files(path: Path) -> None:
    """Refuse a path at which there is something else than a ledger: a wrong setting must not change somebody's own files.

    Not to be called for a ledger that may be open: closing any file that this process has opened there releases SQLite's locks on
    it, and another process would then remove the log in which the last writes are.
    """
    wrong = None
    if path.is_dir():
        wrong = "is a folder"
    elif path.exists():
        with path.open("rb") as file:
            start = file.read(len(_SQLITE))
        wrong = None if start in (b"", _SQLITE) else "is not a SQLite database"
    if wrong:
        raise StopRun(f"[prospects] ledger: {path} {wrong}. Correct the setting, then clear the task.")


def _make_private(path: Path) -> None:
    """Restrict the ledger's file to its owner, if this user owns it; SQLite copies the mode to its WAL files."""
    path.touch(mode=0o600)
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_uid == os.geteuid():
                file.chmod(0o600)


def _write_once(path: Path, text: str) -> None:
    """Write a file atomically, readable by its owner only; of two concurrent writers the first one wins."""
    own = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    own.touch(mode=0o600)
    own.write_text(text)
    with contextlib.suppress(FileExistsError):
        os.link(own, path)
    own.unlink()
