"""Customers: a pair each, from one YAML file each. ``python -m include.prospects.customers`` checks them.

A customer's file has the settings of :class:`~include.prospects.pair.Pair`. Its name is the DAG's, and instead of three
classes it names two packages under ``plugins/`` (:mod:`include.prospects.systems`): ``partner`` and ``erp``.
"""

from __future__ import annotations

import argparse
import difflib
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import get_parsing_context
from pydantic import ConfigDict, Field, create_model

from include.prospects import deployment
from include.prospects.dag import prospect_sync_dag
from include.prospects.pair import InvalidPair, Pair
from include.prospects.settings_file import Setting, WrongFile, read_settings
from include.prospects.systems import OFFERS, UnknownSystem, classes
from include.prospects.window import TIMEZONE

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
NOT_IN_FILES = frozenset({"dag_id", *(setting for offers in OFFERS.values() for setting in offers)})
"""Settings of a pair that the file's name and its two systems tell."""
SETTINGS = (*OFFERS, *(name for name in Pair.model_fields if name not in NOT_IN_FILES))
MOST_SENTENCES = 50
"""So many are shown in Airflow's banner at the most."""
_DAG_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class WrongCustomers(Exception):
    """Files of customers are wrong; the others run. The message has a sentence for each wrong line."""


# --- all customers ----------------------------------------------------------------------------------------


def customer_dags(doc_md: str) -> None:
    """Make a DAG for each customer whose file is right; a wrong one is left out, and :func:`refuse_wrong` names it.

    While a task runs, Airflow reads the DAG file for that task's DAG alone; then no other customer's file is read.

    :param doc_md: the page for the person on call, shown in the UI.
    """
    asked = get_parsing_context().dag_id
    for path in files(asked):
        try:
            pair = read_customer(path)
        except WrongFile as wrong:
            if asked:  # in the log of a task that cannot begin
                log.error("The customer's file is wrong, so there is no DAG: %s", wrong)
            continue
        prospect_sync_dag(pair, doc_md)


def refuse_wrong() -> None:
    """Raise if any customer's file is wrong, but not where Airflow reads the DAG file to start a task.

    :raises WrongCustomers: with a sentence for each wrong line.
    """
    if get_parsing_context().dag_id:
        return
    sentences = wrong_customers()
    if sentences:
        more = len(sentences) - MOST_SENTENCES
        told = [*sentences[:MOST_SENTENCES], f"... and {more} more"] if more > 0 else sentences
        raise WrongCustomers(
            "\n".join(["The other customers are not touched. Mend in the pairs folder:", *told])
        )


def wrong_customers() -> list[str]:
    """A sentence for each wrong line of all customers' files."""
    folder = deployment.pairs_folder()
    if not folder.is_dir():
        return [f"[prospects] pairs = {str(folder)!r}: there is no such folder"]
    misnamed = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".yml", ".yaml"))
    sentences = [
        f"{path.name}: is not read, as its name does not end in '.yaml'"
        for path in misnamed
        if path.suffix != ".yaml"
    ]
    return sentences + [sentence for path in files() for sentence in wrong_lines(path)]


def wrong_lines(path: Path) -> tuple[str, ...]:
    """A sentence for each wrong line of one file; none if it is right."""
    try:
        read_customer(path)
    except WrongFile as wrong:
        return wrong.sentences
    return ()


def files(dag_id: str | None = None) -> Iterator[Path]:
    """The customers' files in the order of their names, or that of one DAG alone."""
    folder = deployment.pairs_folder()
    if dag_id is None:
        # Hidden ones are an editor's.
        return (path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("."))
    path = folder / f"{dag_id}.yaml"
    return iter([path] if path.is_file() else [])


# --- one customer -----------------------------------------------------------------------------------------


def read_customer(path: Path) -> Pair:
    """The pair of one file.

    :raises WrongFile: with a sentence for each wrong line, whatever the file holds.
    """
    settings = read_settings(path)
    problems = _about_the_name(path.stem)
    problems += [(name, _unknown(name)) for name in settings if name not in SETTINGS]
    values: dict[str, Any] = {"dag_id": path.stem}
    values |= {name: setting.value for name, setting in settings.items() if name in SETTINGS}
    values |= {"start_date": _in_berlin(str(values["start_date"]))} if "start_date" in values else {}
    for kind in OFFERS:
        try:
            values |= classes(kind, values.pop(kind, None))
        except UnknownSystem as error:
            problems.append((kind, str(error)))
    try:
        pair = Pair(**values)
    except InvalidPair as error:
        problems += [(name, sentence) for name, sentence in error.problems if name not in NOT_IN_FILES]
    if problems:
        raise WrongFile(*(_sentence(path, settings, *problem) for problem in problems))
    return pair


def _about_the_name(name: str) -> list[tuple[str, str]]:
    problems = []
    if not _DAG_ID.fullmatch(name):
        problems.append("the file's name is the DAG's: only letters, digits, '.', '_' and '-' may be in it")
    if name in _dag_files():
        problems.append(f"dags/{name}.py has the same name, and that is the DAG's: rename this file")
    return [("", problem) for problem in problems]


def _sentence(path: Path, settings: dict[str, Setting], name: str, rule: str) -> str:
    """A problem with file and line: that of its setting or, without one, of the first setting that the rule names."""
    if name not in settings:
        said = {
            found.start(): other
            for other in settings
            if (found := re.search(rf"\b{re.escape(other)}\b", rule))
        }
        name = said[min(said)] if said else ""
    line = settings[name].line if name else 1
    return f"{path.name}, line {line}: {rule}"


def _unknown(name: str) -> str:
    if name in NOT_IN_FILES:
        return f"{name}: is told by the file's name, by partner and by erp; leave it out"
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    # Never the value: a secret may have been written here that belongs into a connection.
    return f"{name:.80}: there is no such setting; " + (
        f"is {near[0]} meant?" if near else f"there are {', '.join(SETTINGS)}"
    )


@cache  # of thousands of customers most have the same
def _in_berlin(start: Any) -> Any:
    """A day or a time without an offset is Berlin's; what is neither is left as it is, to be refused."""
    try:
        return pendulum.instance(datetime.fromisoformat(start), tz=TIMEZONE)
    except (TypeError, ValueError):
        return start


@cache
def _dag_files() -> frozenset[str]:
    """Names of the DAG files of pairs; by the rule of the house these are also the names of their DAGs."""
    return frozenset(path.stem for path in (ROOT / "dags").glob("*.py"))


# --- for editors and CI -----------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """The JSON Schema of a customer's file, for editors; what :func:`read_customer` says counts."""
    settings: dict[str, Any] = {
        "partner": (
            str,
            Field(
                description="the letting platform: a package under plugins/ whose operators.py has EXTRACT"
            ),
        ),
        "erp": (
            str,
            Field(description="the ERP: a package under plugins/ whose operators.py has LOAD and ACCEPT"),
        ),
    }
    fields = Pair.model_fields
    settings |= {
        name: (field.annotation, field) for name, field in fields.items() if name not in NOT_IN_FILES
    }
    made = create_model("Customer", __config__=ConfigDict(extra="forbid"), **settings).model_json_schema()
    made["description"] = "One customer: one partner, one ERP, and how prospects go from one to the other."
    made["properties"]["start_date"] = {
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}(T\S+)?$",
        "description": fields["start_date"].description,
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **made}


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the named files, or all; prints a sentence for each wrong line. Returns the exit code."""
    parser = argparse.ArgumentParser("python -m include.prospects.customers", description=main.__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="by default all of the pairs folder"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema for editors instead")
    given = parser.parse_args(arguments)
    if given.schema:
        print(json.dumps(schema(), indent=2))
        return 0
    sentences = (
        [line for path in given.files for line in wrong_lines(path)] if given.files else wrong_customers()
    )
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
