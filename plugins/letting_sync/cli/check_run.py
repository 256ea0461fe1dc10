"""``letting-sync check`` as a run of the DAG ``pair_check``: with the connections and the network of a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from letting_sync import run_conf
from letting_sync.errors import StopRun

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

PARAM = "pair"
"""The param that names the pair."""


def check_pair(context: Context, dag_file: str) -> None:
    """Log the table of a pair's check, and publish its rows as XCom ``return_value``, as the command prints them.

    :param dag_file: see :func:`letting_sync.cli.pairs.dag_of_pair`.
    :raises StopRun: something differs or could not be reached, or there is no such pair.
    """
    # The DAG file imports this module: what talks to systems is not loaded while it is parsed.
    from letting_sync.cli.check import as_json, compare, table
    from letting_sync.cli.check_rows import findings
    from letting_sync.cli.pairs import UnknownPair
    from letting_sync.customers.yaml_settings import WrongFile

    run_conf.check(context["dag_run"].conf, (PARAM,))
    pair = context["params"][PARAM]
    try:
        rows = compare(pair, dag_file)
    except (UnknownPair, WrongFile) as error:
        raise StopRun(f"Nothing was checked: {error}.") from None
    for line in table(rows).splitlines():
        log.info("%s", line)
    # Published before the task fails: what differs is what one wants to read.
    context["ti"].xcom_push("return_value", as_json(pair, rows))
    found = len(list(findings(rows)))
    if found:
        raise StopRun(
            f"{found} of {len(rows)} rows need somebody to look at them: see the table above. Nothing was written anywhere."
        )
