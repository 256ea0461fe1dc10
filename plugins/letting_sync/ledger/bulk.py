"""Statements for hundreds of entries at once: their rows and ids are one parameter, which the database takes apart.

Two hundred rows of ten values would otherwise be two thousand parameters, each converted and bound by itself, and on
PostgreSQL a request for each row. SQLite and PostgreSQL name the functions differently (:func:`given_rows`,
:func:`among`); the rest of a statement is the same for both.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from letting_sync.ledger.records import EntryState, Intent, Made, Run
from letting_sync.ledger.schema import entries

_ROWS = sa.bindparam("rows", type_=sa.Text)
_OF_A_CLAIM = (
    "pair", "erp", "state", "claim", "claimed_at", "run_id", "window_start", "window_end", "accept_mode", "created_at",
    "updated_at",
)  # fmt: skip
"""Columns that have one value for all entries of a claim."""
_NOT_TAKEN_OVER = ("pair", "external_id", "unit", "created_at")
"""Columns that stay if a claim takes an entry over."""
_OF_AN_OFFER = (
    "offer_id",
    "offer_number",
    "business_partner_number",
    "business_partner_created",
    "reason",
)


def claim(
    connection: sa.Connection,
    run: Run,
    intents: Iterable[Intent],
    *,
    token: str,
    at: datetime,
    free_before: datetime,
    free_runs: Collection[str],
) -> Sequence[sa.Row[Any]]:
    """Insert an entry for each intent, or take over an entry that is free; return those that were claimed.

    :param intents: each key once, since PostgreSQL refuses to write a row twice in one statement.
    :param free_before: claims that were made before this time are free.
    :param free_runs: runs whose claims are free.
    :return: ``id``, ``external_id`` and ``unit`` of the entries.
    """
    of_all = (
        run.pair, run.erp, EntryState.CLAIMED, token, at, run.run_id, run.window_start, run.window_end, run.accept, at,
        at,
    )  # fmt: skip
    values = dict(zip(map(_of_all, _OF_A_CLAIM), of_all, strict=True)) | {
        "rows": as_json(connection.dialect.name, map(vars, intents)),
        "free_before": free_before,
        "free_runs": list(free_runs),
    }
    return connection.execute(_claiming(connection.dialect.name), values).all()


def mark_loaded(connection: sa.Connection, offers: Iterable[Made], at: datetime) -> Sequence[int]:
    """Store offers in the entries whose claim is still the one they were read with; return the entries' ids."""
    dialect = connection.dialect.name
    values = {"at": at, "rows": as_json(dialect, map(vars, offers))}
    return connection.execute(_marking_loaded(dialect), values).scalars().all()


@cache
def _claiming(dialect: str) -> sa.Insert:
    given = given_rows(dialect, {field.name: entries.c[field.name].type for field in fields(Intent)})
    of_all = [sa.bindparam(_of_all(name), type_=entries.c[name].type) for name in _OF_A_CLAIM]
    columns = [*given.c.keys(), *_OF_A_CLAIM]
    # Without a condition SQLite would take ON CONFLICT for the condition of a join.
    rows = sa.select(*given.c, *of_all).where(sa.true())
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(entries).from_select(columns, rows)
    taken_over = {name: insert.excluded[name] for name in columns if name not in _NOT_TAKEN_OVER}
    claimed = entries.c.state == EntryState.CLAIMED
    free = sa.or_(
        entries.c.state == EntryState.REFUSED,
        sa.and_(claimed, entries.c.run_id.in_(sa.bindparam("free_runs"))),
        sa.and_(claimed, entries.c.claimed_at < sa.bindparam("free_before")),
    )
    upsert = insert.on_conflict_do_update(
        index_elements=["pair", "external_id", "unit"],
        set_=taken_over | {"reason": None, "job": None, "sent_at": None},
        where=free,
    )
    returned = [entries.c[name] for name in ("id", "external_id", "unit")]
    statement: sa.Insert = upsert.returning(*returned)
    return statement


def _of_all(column: str) -> str:
    """Return the parameter for a column's value in all rows; SQLAlchemy reserves the column's own name."""
    return f"all_{column}"


@cache
def _marking_loaded(dialect: str) -> sa.Update:
    of_an_offer = {name: entries.c[name].type for name in _OF_AN_OFFER}
    made = given_rows(dialect, {"entry": entries.c.id.type, "claim": entries.c.claim.type, **of_an_offer})
    still_ours = sa.or_(made.c.claim.is_(None), made.c.claim == entries.c.claim)
    return (
        sa.update(entries)
        .where(entries.c.id == made.c.entry, still_ours)
        .values(
            state=EntryState.LOADED,
            updated_at=sa.bindparam("at"),
            **{name: made.c[name] for name in _OF_AN_OFFER},
        )
        .returning(entries.c.id)
    )


def given_rows(dialect: str, columns: Mapping[str, sa.types.TypeEngine[Any]]) -> sa.FromClause:
    """Return the rows of the parameter ``rows`` as a table for a statement.

    :param dialect: name of the database's dialect.
    :param columns: what the columns hold, by name.
    """
    if dialect == "postgresql":
        typed = (sa.column(name, kind) for name, kind in columns.items())
        records = sa.func.json_to_recordset(sa.cast(_ROWS, postgresql.JSON)).table_valued(
            *typed, name="given"
        )
        return records.render_derived(with_types=True)
    row = sa.func.json_each(_ROWS).table_valued("value", name="row").c.value
    values = (
        sa.func.json_extract(row, f"$.{name}", type_=kind).label(name) for name, kind in columns.items()
    )
    return sa.select(*values).subquery("given")


def as_json(dialect: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the value of the parameter ``rows``, with times as the database compares them."""

    def written(value: Any) -> str:
        if not isinstance(value, datetime):
            raise TypeError(f"{type(value).__name__} cannot be given in JSON")
        text = value.astimezone(UTC).isoformat(" ", "microseconds")
        return text if dialect == "postgresql" else text.removesuffix("+00:00")

    # Not escaped: what cannot be encoded as UTF-8 is refused by the driver, as in any other parameter.
    return json.dumps(list(rows), ensure_ascii=False, default=written)


def among(dialect: str, column: sa.ColumnElement[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
    """Return the condition that a column has one of these values, as ``IN`` with one parameter.

    :param values: texts or whole numbers, not empty.
    """
    if dialect == "postgresql":
        return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(column.type)))
    value = (
        sa.func.json_each(sa.literal(json.dumps(list(values), ensure_ascii=False)))
        .table_valued("value")
        .c.value
    )
    return column.in_(sa.select(value))
