"""What a run may be started with: its ``conf`` is checked by the first task, before anything is read, sent or deleted.

Airflow checks the values of a DAG's params, but accepts any other key: a misspelt ``dry_run`` would start a real run.
A run may be started in the UI, by REST, by CLI and as a backfill; all of them end here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from letting_sync import dry_run
from letting_sync.errors import StopRun

WINDOW = ("window_start", "window_end")
IDS = "external_ids"
OF_A_PAIR = (*WINDOW, IDS, dry_run.PARAM, dry_run.FORMER_PARAM, "accept")
"""The params of a pair's DAG."""
OF_A_DELETION = (dry_run.PARAM, dry_run.FORMER_PARAM)
"""The params of a DAG that deletes data."""
_OF_AIRFLOW = "airflow/"
"""Airflow's own keys of a ``conf`` begin so."""
_CLOCKS_DIFFER = timedelta(minutes=1)
NOTHING_DONE = "Nothing was done. Start a new run."


def check(conf: Any, known: Collection[str], now: datetime | None = None) -> None:
    """Refuse a run that was started with something that would be ignored, or that contradicts itself.

    :param conf: the run's ``conf``.
    :param known: the keys that it may have.
    :param now: by default the present moment.
    :raises StopRun: with a sentence for each wrong thing.
    """
    if conf is not None and not isinstance(conf, Mapping):
        raise StopRun(f"The run's conf is no JSON object. {NOTHING_DONE}")
    asked = {key: value for key, value in (conf or {}).items() if not str(key).startswith(_OF_AIRFLOW)}
    problems = [_unknown(str(key), known) for key in asked if key not in known]
    problems += _about_dry_run(asked) + _about_ids(asked) + _about_window(asked, now or datetime.now(UTC))
    if problems:
        raise StopRun(" ".join([*problems, NOTHING_DONE]))


def ids_asked_for(params: Mapping[str, Any]) -> list[str]:
    """The external ids that a run is restricted to, each once; none: its window counts."""
    return list(dict.fromkeys(params.get(IDS) or ()))


def _unknown(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key.lower(), known, n=1)
    # Not the value, and of the key no more than a name is long: anything may have been pasted here.
    meant = f"is {near[0]!r} meant?" if near else f"there are {', '.join(known)}."
    return f"The run was started with {key:.40}, which is no param of this DAG; {meant}"


def _about_dry_run(asked: Mapping[str, Any]) -> list[str]:
    return [
        f"The param {name} must be true or false."
        for name in (dry_run.PARAM, dry_run.FORMER_PARAM)
        if name in asked and not isinstance(asked[name], bool | None)
    ]


def _about_ids(asked: Mapping[str, Any]) -> list[str]:
    ids = asked.get(IDS)
    if ids is None:
        return []
    if not isinstance(ids, Sequence) or isinstance(ids, str) or not all(_is_id(one) for one in ids):
        return [f"The param {IDS} must be a list of texts that are not empty."]
    if not ids:
        return [f"The param {IDS} is an empty list. Leave it out to read a window."]
    if any(asked.get(name) for name in WINDOW):
        return [f"The params {IDS} and window_start/window_end exclude each other. Give one of them."]
    return []


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _about_window(asked: Mapping[str, Any], now: datetime) -> list[str]:
    """What is wrong with times that can be read; :mod:`letting_sync.window` refuses the others."""
    return [
        f"The param {name} is in the future: nothing can have changed then, and the run would count as having read it."
        for name in WINDOW
        if (moment := _moment(asked.get(name))) and moment > now + _CLOCKS_DIFFER
    ]


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
