"""``letting-sync check PAIR``: whether a pair's two systems are as their contracts say, before the first run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from letting_sync.cli.check_erp import check_erp
from letting_sync.cli.check_partner import check_partner
from letting_sync.cli.check_rows import Row, findings
from letting_sync.cli.pairs import UnknownPair, argument_of, dag_of_pair
from letting_sync.customers.yaml_settings import WrongFile


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Log in to both systems of a pair and compare their responses with the contracts.

    Nothing is written, and nothing personal is shown. The exit code is 1 if something differs or if a system cannot be
    reached; "unknown" alone does not count.
    """
    parser = argparse.ArgumentParser(prog, description=main.__doc__)
    parser.add_argument("pair", metavar="PAIR", help="the DAG's id")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    try:
        rows = compare(options.pair)
    except (UnknownPair, WrongFile) as error:
        parser.error(str(error))
    found = list(findings(rows))
    if options.json:
        print(json.dumps(as_json(options.pair, rows), indent=2), file=out)
    else:
        print(table(rows), file=out)
        print(f"\n{len(found)} of {len(rows)} need somebody to look at them", file=out)
    return 1 if found else 0


def compare(pair: str, dag_file: str | None = None) -> list[Row]:
    """Compare both systems of a pair with their contracts.

    :param pair: the DAG's id.
    :param dag_file: see :func:`letting_sync.cli.pairs.dag_of_pair`.
    :raises UnknownPair: there is no such pair.
    :raises WrongFile: the customer's file is wrong.
    """
    dag = dag_of_pair(pair, dag_file)
    target = argument_of(dag, "load_offers", "erp")
    extract: Any = dag.get_task("extract")
    rows, external_ids = check_partner(extract)
    return rows + check_erp(target, external_ids)


def as_json(pair: str, rows: Sequence[Row]) -> dict[str, Any]:
    """The rows for programs; nothing personal."""
    return {"pair": pair, "rows": [asdict(row) for row in rows]}


def table(rows: Sequence[Row]) -> str:
    """The rows for people, with the place in the docs where something differs."""
    cells = [("SYSTEM", "WHAT", "RESULT", "DETAIL")]
    for row in rows:
        place = f" ({row.place})" if row.is_finding else ""
        cells.append((row.system, row.what, str(row.verdict), f"{row.detail}{place}"))
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[3]])
        for line in cells
    )
