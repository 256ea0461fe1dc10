"""Customer files: one YAML file for each pair. ``letting-sync pairs validate`` checks them.

A file contains the settings of a :class:`~letting_sync.pipeline.pair.Pair` and of its two targets. The settings of a group are
below the group's name or, all of them, on the first level.

The name of the file is the id of the DAG; ``partner`` and ``erp`` name two systems (:mod:`letting_sync.customers.systems`).
"""

from __future__ import annotations

import argparse
import difflib
import gc
import hashlib
import json
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Literal, TextIO

import pendulum
from airflow.sdk import get_parsing_context
from pydantic import ConfigDict, Field, create_model

from letting_sync import config
from letting_sync.alerts import callbacks
from letting_sync.customers.setting import Setting, Value
from letting_sync.customers.systems import UnknownSystem, erp_named, partner_named, partner_names
from letting_sync.customers.yaml_settings import WrongFile, read_settings
from letting_sync.errors import InvalidSettings
from letting_sync.model import PARTNER_SEPARATORS
from letting_sync.partner import Selection
from letting_sync.pipeline.dag import letting_dag
from letting_sync.pipeline.pair import InvalidPair, Pair
from letting_sync.settings import GROUPS, SettingsGroup
from letting_sync.window import TIMEZONE

log = logging.getLogger(__name__)

PARTNER = {"partner_conn_id": "conn_id", "partner_separator": "separator", "selection": "selection"}
"""Setting in a file -> argument of :meth:`PartnerSystem.at`, in addition to the partner's own options."""
ERP = {"erp_conn_id": "conn_id", "exchange": "exchange", "erp_separator": "separator", "erp_pool": "pool"}
"""Setting in a file -> argument of :meth:`ErpSystem.at`."""
OF_THE_PAIR = ("start_date", "clients", "owner", "tags")
SETTINGS = (
    "partner", "erp", *PARTNER, *ERP, *OF_THE_PAIR, *(name for group in GROUPS for name in group.model_fields)
)  # fmt: skip
GROUPED = {group.group: tuple(group.model_fields) for group in GROUPS}
MOST_SENTENCES = 50
"""Largest number of lines shown in Airflow's banner."""
_FILE_OF = re.compile(r", line \d+: |: ")
"""Text after a file's name in a sentence about it."""
_DAG_ID = re.compile(r"[A-Za-z0-9_.-]{1,200}")


class WrongCustomers(Exception):
    """Customer files have errors; the other customers run. The message contains the number of wrong lines."""


# --- all customers ----------------------------------------------------------------------------------------


def customer_dags(dag_file: str | None = None) -> None:
    """Create a DAG for each valid customer file; :func:`refuse_wrong` reports the others.

    When Airflow reads the DAG file to run a task, only the file of that task's DAG is read.

    :param dag_file: see :func:`letting_sync.config.pairs_folder`, in all functions of this module.
    """
    with _no_garbage_collection():
        # All files first, then all DAGs: in turn, each would drive the other out of the processor's caches.
        for pair in list(_valid_pairs(get_parsing_context().dag_id, dag_file)):
            letting_dag(pair)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Pause garbage collection. All DAGs are kept, so with thousands of them it is a quarter of the time and finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _valid_pairs(asked: str | None, dag_file: str | None) -> Iterator[Pair]:
    """Yield the pair of each valid file, or only that of the DAG that is asked for."""
    for path in files(asked, dag_file):
        try:
            yield read_customer(path)
        except WrongFile as wrong:
            if asked:  # in the log of a task that cannot begin
                log.error("The customer's file has an error, so there is no DAG: %s", wrong)


def refuse_wrong(dag_file: str | None = None) -> None:
    """Raise if any customer file has errors, unless Airflow reads the DAG file to start a task.

    Airflow shows the error to everybody who may read import errors, even to a role that may see only one customer. It
    therefore names no customer. The lines are in the DAG processor's log, and the command lists them.

    :raises WrongCustomers: with the number of wrong lines.
    """
    if get_parsing_context().dag_id:
        return
    sentences = wrong_customers(dag_file)
    if sentences:
        more = len(sentences) - MOST_SENTENCES
        shown = [*sentences[:MOST_SENTENCES], f"... and {more} more"] if more > 0 else sentences
        log.error("Customer files have errors:\n%s", "\n".join(shown))
        raise WrongCustomers(
            f"{len(sentences)} lines of customer files have errors. These customers have no DAG; the others are not "
            "affected. `letting-sync pairs validate` lists the lines; so does the DAG processor's log."
        )


def wrong_customers(dag_file: str | None = None) -> list[str]:
    """Return a sentence for each wrong line of all customer files."""
    folder = config.pairs_folder(dag_file)
    if not folder.is_dir():
        gone = f"[prospects] pairs = {str(folder)!r}: there is no such folder"
        return [gone] if config.pairs_folder_is_set() else []
    misnamed = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".yml", ".yaml"))
    sentences = [
        f"{path.name}: is not read, as its name does not end in '.yaml'"
        for path in misnamed
        if path.suffix != ".yaml"
    ]
    return sentences + [sentence for path in files(dag_file=dag_file) for sentence in wrong_lines(path)]


def report_wrong_files(dag_file: str | None = None) -> int:
    """Send an alert when a file has become invalid, and when all files are valid again; return the number of invalid files."""
    by_file: dict[str, list[str]] = {}
    for sentence in wrong_customers(dag_file):
        by_file.setdefault(_FILE_OF.split(sentence, maxsplit=1)[0], []).append(sentence)
    for sentence in [sentence for sentences in by_file.values() for sentence in sentences]:
        log.warning(sentence)
    callbacks.customer_files({name: "; ".join(sentences) for name, sentences in by_file.items()})
    return len(by_file)


def wrong_lines(path: Path) -> tuple[str, ...]:
    """Return a sentence for each wrong line of one file; none if it is valid."""
    try:
        read_customer(path)
    except WrongFile as wrong:
        return wrong.sentences
    return ()


def files(dag_id: str | None = None, dag_file: str | None = None) -> Iterator[Path]:
    """Return the customer files in the order of their names, or only that of one DAG.

    :param dag_id: also a name that somebody typed; one that no DAG can have has no file, so it leads to none outside the folder.
    """
    folder = config.pairs_folder(dag_file)
    if dag_id is None:
        # Editors create hidden files.
        return (path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("."))
    if not _DAG_ID.fullmatch(dag_id):
        return iter(())
    path = folder / f"{dag_id}.yaml"
    return iter([path] if path.is_file() else [])


# --- one customer -----------------------------------------------------------------------------------------


def read_customer(path: Path) -> Pair:
    """Return the pair of one file.

    :raises WrongFile: with a sentence for each wrong line, whatever the file contains.
    """
    settings = read_settings(path, GROUPED)
    values: dict[str, Any] = {name: setting.value for name, setting in settings.items()}
    if "schedule" not in values:
        values["schedule"] = daily_schedule(path.stem)
    problems = _about_the_name(path.stem)
    parts: dict[str, Any] = {"dag_id": path.stem, "partner": None, "erp": None}
    parts |= {name: values[name] for name in OF_THE_PAIR if name in values}
    parts |= {"start_date": _in_berlin(str(values["start_date"]))} if "start_date" in values else {}
    options = frozenset[str]()
    try:
        partner = partner_named(values.get("partner"))
        options = frozenset(partner.options)
        parts["partner"] = partner.at(**_arguments(values, PARTNER | {name: name for name in options}))
    except UnknownSystem as error:
        problems.append(("partner", str(error)))
    except InvalidSettings as error:
        problems += error.problems
    try:
        parts["erp"] = erp_named(values.get("erp")).at(**_arguments(values, ERP))
    except UnknownSystem as error:
        problems.append(("erp", str(error)))
    except InvalidSettings as error:
        problems += error.problems
    for group in GROUPS:
        own = [(name, _hashable(values[name])) for name in GROUPED[group.group] if name in values]
        try:
            parts |= {group.group: _group(group, *own)} if own else {}
        except InvalidSettings as error:
            problems += error.problems
    problems += [(name, _unknown(name)) for name in values if name not in SETTINGS and name not in options]
    try:
        pair = Pair(**parts)
    except InvalidPair as error:
        problems += [(name, sentence) for name, sentence in error.problems if name not in ("partner", "erp")]
    if problems:
        found = [_sentence(path, settings, *problem) for problem in problems]
        raise WrongFile(*(sentence for _, sentence in sorted(found)))
    return pair


@cache  # of thousands of customers most have the same
def _group(kind: type[SettingsGroup], *settings: tuple[str, Any]) -> SettingsGroup:
    """Return the group with these settings.

    :param settings: name and value of each, a list as a tuple.
    :raises InvalidSettings: naming each wrong setting, its value as it is in the file, and the rule.
    """
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in settings}
    return kind(**values)


def _hashable(value: Value) -> str | tuple[str | None, ...] | None:
    return tuple(value) if isinstance(value, list) else value


def daily_schedule(customer: str) -> str:
    """Return the schedule of a file without one: once a day, in the hour after midnight in Berlin.

    The minute (1 to 59) is derived from the customer's name: it is stable, and thousands of customers do not all start at once.
    """
    number = int.from_bytes(hashlib.sha256(customer.encode()).digest()[:4])
    return f"{1 + number % 59} 0 * * *"


def _arguments(values: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of a system's ``at`` that the file contains; ``None`` for a missing connection."""
    given = {argument: values[name] for name, argument in names.items() if name in values}
    return {"conn_id": None} | ({"exchange": None} if "exchange" in names else {}) | given


def _about_the_name(name: str) -> list[tuple[str, str]]:
    problems = []
    if not _DAG_ID.fullmatch(name):
        problems.append("the file's name is the DAG's: only letters, digits, '.', '_' and '-' may be in it")
    if name in _dag_files():
        problems.append(f"dags/{name}.py has the same name, and that is the DAG's: rename this file")
    return [("", problem) for problem in problems]


def _sentence(path: Path, settings: dict[str, Setting], name: str, rule: str) -> tuple[int, str]:
    """Return a problem with file and line: the line of its setting or, without one, of the first setting in the rule."""
    if name not in settings:
        said = {
            found.start(): other
            for other in settings
            if (found := re.search(rf"\b{re.escape(other)}\b", rule))
        }
        name = said[min(said)] if said else ""
    line = settings[name].line if name else 1
    return line, f"{path.name}, line {line}: {rule}"


def _unknown(name: str) -> str:
    if name == "dag_id":
        return "dag_id: the file's name says it; leave it out"
    near = difflib.get_close_matches(name, [*SETTINGS, *GROUPED], n=1)
    # Never the value: it may be a secret that belongs in a connection.
    return f"{name:.80}: there is no such setting; " + (
        f"is {near[0]} meant?" if near else f"there are {', '.join(SETTINGS)}"
    )


@cache  # of thousands of customers most have the same
def _in_berlin(start: Any) -> Any:
    """Interpret a day or a time without an offset as local time in Berlin; other values stay unchanged and are rejected."""
    try:
        return pendulum.instance(datetime.fromisoformat(start), tz=TIMEZONE)
    except (TypeError, ValueError):
        return start


@cache
def _dag_files() -> frozenset[str]:
    """Return the names of the DAG files of pairs; by convention these are also the ids of their DAGs."""
    return frozenset(path.stem for path in (config.project_folder() / "dags").glob("*.py"))


# --- for editors and CI -----------------------------------------------------------------------------------


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a customer file, for editors; :func:`read_customer` is authoritative."""
    texts = {
        "partner": "the letting platform: a package of letting_sync/systems or of the plugins folder",
        "erp": "the ERP: a package of letting_sync/systems or of the plugins folder",
        "partner_conn_id": "Airflow connection of the letting platform",
        "erp_conn_id": "Airflow connection of the ERP",
        "exchange": "the ERP's name for the place prospects are imported from",
    }
    settings: dict[str, Any] = {name: (str, Field(description=text)) for name, text in texts.items()}
    optional: dict[str, tuple[Any, str]] = {
        "partner_separator": (Literal[PARTNER_SEPARATORS], "None: each unit number tells by itself"),
        "selection": (Selection, "where prospects are chosen"),
        "erp_separator": (str, "as the customer has set it, where the ERP does not prescribe its own"),
        "erp_pool": (str, "Airflow pool that all tasks at this ERP share; by default one of its own"),
    }
    settings |= {
        name: (kind | None, Field(None, description=text)) for name, (kind, text) in optional.items()
    }
    for name, values in _options_of_all_partners().items():
        settings[name] = (Literal[values] | None, Field(None, description="where the partner has it"))
    fields = {name: Pair.model_fields[name] for name in OF_THE_PAIR}
    for group in GROUPS:
        fields |= group.model_fields
    settings |= {name: (field.annotation, field) for name, field in fields.items()}
    for group in GROUPS:
        text = f"{group.__doc__} Its settings are here or, all of them, on the first level."
        settings[group.group] = (group, Field(default_factory=group, description=text))
    made = create_model("Customer", __config__=ConfigDict(extra="forbid"), **settings).model_json_schema()
    made["description"] = "One customer: one partner, one ERP, and how prospects go from one to the other."
    made["properties"]["start_date"] = {
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}(T\S+)?$",
        "description": fields["start_date"].description,
    }
    return {"$schema": "http://json-schema.org/draft-07/schema#", **made}


def _options_of_all_partners() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in partner_names():
        found |= partner_named(name).options
    return found


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Check the named files, or all. Print how many are valid, and a sentence for each wrong line.

    The exit code is 1 if a line is wrong.
    """
    parser = argparse.ArgumentParser(prog, description=main.__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="by default all of the pairs folder"
    )
    parser.add_argument("--schema", action="store_true", help="print the JSON Schema for editors instead")
    given = parser.parse_args(arguments)
    if given.schema:
        print(json.dumps(schema(), indent=2), file=out)
        return 0
    sentences = (
        [line for path in given.files for line in wrong_lines(path)] if given.files else wrong_customers()
    )
    for sentence in sentences:
        print(sentence, file=sys.stderr)
    if not sentences:
        where = "" if given.files else f" in {config.pairs_folder()}"
        print(f"Customer files{where}: {len(given.files or list(files()))}, all valid", file=out)
    return 1 if sentences else 0
