"""From an incident to a message: pure functions, and nothing personal in what they return.

A message is made of the run's names and times, counts, reason codes and fixed sentences. The only free text is
what our own exceptions say, which is written for this purpose (:mod:`letting_sync.errors`); of any other
exception only the class is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from airflow.sdk.configuration import conf

from letting_sync.config import Language
from letting_sync.errors import StopRun, UnexpectedError, WaitAndRepeat
from letting_sync.locales import reasons as reason_words
from letting_sync.locales.errors import message as error_message
from letting_sync.locales.texts import number, text, texts
from letting_sync.reasons import Reason
from letting_sync.window import local_text, window_from_outside

_LONGEST_REASON = 400
_QUESTIONS = ("approval", "reminder")
_ABOUT_OFFERS = ("waiting", *_QUESTIONS)
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")


@dataclass(frozen=True)
class RunFacts:
    """What an alert needs to know of a run.

    :param run_id: empty where it is about no run but about the DAG, or about all of them.
    :param start: start of its window; ``None`` for a run without one, see ``window.window_from_outside``.
    :param end: end of its window; of a run without one the time it was started for. Orders the runs.
    """

    dag_id: str
    run_id: str
    end: datetime
    start: datetime | None = None
    scheduled: bool = False
    backfill: bool = False
    state: str | None = None

    @property
    def end_text(self) -> str:
        """The end such that texts sort as times do."""
        return self.end.astimezone(UTC).isoformat(timespec="microseconds")


def facts_of(dag_run: Any, schedule: str | None = None) -> RunFacts:
    """Read a run, be it the object that tasks get or the mapping that deadlines get.

    :param schedule: the pair's cron expression, as far as it is known, for the window of a run started by hand.
    """

    def get(name: str) -> Any:
        return dag_run.get(name) if isinstance(dag_run, Mapping) else getattr(dag_run, name, None)

    interval = _time(get("data_interval_start")), _time(get("data_interval_end"))
    run_after, kind = _time(get("run_after")), _word(get("run_type"))
    window = window_from_outside(get("conf"), interval, run_after, schedule)
    return RunFacts(
        dag_id=get("dag_id"),
        run_id=get("run_id") or get("dag_run_id"),
        start=window.start if window else None,
        end=window.end if window else run_after or datetime.now(UTC),
        scheduled=kind == "scheduled",
        backfill=kind == "backfill",
        state=_word(get("state")),
    )


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo else None


def _word(value: Any) -> str | None:
    return str(getattr(value, "value", value)) if value is not None else None


@dataclass(frozen=True)
class Message:
    """What is sent: a headline, labelled lines, and links, each with its text.

    :param resolved: whether it says that an incident is over.
    """

    headline: str
    lines: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...] = ()
    resolved: bool = False

    def plain(self) -> str:
        """As plain text."""
        return f"{self.headline}\n\n{self.text()}"

    def text(self) -> str:
        """As plain text without the headline."""
        lines = [f"{label}: {text}" for label, text in self.lines]
        return "\n".join([*lines, "", *(f"{text}: {address}" for text, address in self.links)]).rstrip()

    def html(self) -> str:
        """As the body of a mail."""
        rows = "".join(
            f'<tr><td style="padding:2px 12px 2px 0;vertical-align:top"><b>{escape(label)}</b></td>'
            f"<td>{escape(text)}</td></tr>"
            for label, text in self.lines
        )
        links = "".join(
            f'<p><a href="{escape(address)}">{escape(text)}</a></p>' for text, address in self.links
        )
        return f"<html><body><h3>{escape(self.headline)}</h3><table>{rows}</table>{links}</body></html>"


def opened_message(kind: str, run: RunFacts, language: Language, **numbers: Any) -> Message:
    """The message that an incident has begun.

    :param numbers: values of the placeholders in the kind's text ``what``; for ``failed`` and ``retrying``: ``task``,
        ``exception``.
    """
    meaning = text(f"alerts.kinds.{kind}.meaning", language)
    next_step = text(f"alerts.kinds.{kind}.next_step", language)
    task, exception = numbers.get("task"), numbers.get("exception")
    said = {"reasons": reasons(numbers.get("reasons", {}), language)}
    if kind == "failed":
        of_task = texts(language).get(f"alerts.failed_task.{task}")
        meaning = _of_error(exception, "meaning", language) or of_task or meaning
        next_step = _of_error(exception, "next_step", language) or next_step
        what = failure(task, exception, language)
    else:
        if kind == "retrying":
            next_step = _of_error(exception, "while_retrying", language) or next_step
            said["failure"] = failure(task, exception, language)
        what = text(f"alerts.kinds.{kind}.what", language, **numbers | said)
    headline = text(f"alerts.kinds.{kind}.headline", language)
    message = _message(run, language, headline, what=what, meaning=meaning, next_step=next_step)
    return replace(message, links=(*message.links, *_links_to_console(kind, run, language)))


def closed_message(kind: str, run: RunFacts, language: Language, left: tuple[str, ...] = ()) -> Message:
    """The message that an incident is resolved.

    :param left: runs that failed and that nobody has made up for.
    """
    shown = ", ".join(left[:10]) + (" …" if len(left) > 10 else "")
    has_text = left and f"alerts.left.{kind}" in texts(language)
    more = {"next_step": text(f"alerts.left.{kind}", language, runs=shown)} if has_text else {}
    well_again = text("alerts.labels.resolved", language)
    headline = f"{well_again} ({text(f'alerts.kinds.{kind}.headline', language)})"
    message = _message(run, language, headline, what=text(f"alerts.kinds.{kind}.closed", language), **more)
    return replace(message, resolved=True)


def test_message(language: Language) -> Message:
    """To try the channels out."""
    line = (text("alerts.labels.what", language), text("alerts.what.test", language))
    headline = f"prospects: {text('alerts.labels.test', language)}"
    return Message(headline, (line,))


def _of_error(exception: Any, part: str, language: Language) -> str | None:
    """A text of an error's class, or of the nearest base class that has one."""
    keys = (f"alerts.errors.{kind.__name__}.{part}" for kind in type(exception).__mro__)
    return next((known for key in keys if (known := texts(language).get(key))), None)


def failure(task: str | None, exception: Any, language: Language) -> str:
    """What failed: the task, and what our own exceptions say of it."""
    part = "task" if task else "run"
    if isinstance(exception, StopRun | WaitAndRepeat):
        error = _without_addresses(error_message(exception, language))
        if exception.said is None:
            error = text("alerts.what.untranslated", language, error=error)
        if len(error) > _LONGEST_REASON:
            error = f"{error[:_LONGEST_REASON].rsplit(' ', 1)[0]} …"
        return text(f"alerts.what.{part}_error", language, task=task, error=error)
    what = text(f"alerts.what.{part}", language, task=task)
    if isinstance(exception, UnexpectedError):
        return f"{what} ({exception.kind})"
    return f"{what} ({type(exception).__name__})" if isinstance(exception, BaseException) else what


def text_of(exception: StopRun | WaitAndRepeat) -> str:
    """What one of our own exceptions says in English, without an address that it may quote by mistake."""
    return _without_addresses(str(exception))


def _without_addresses(said: str) -> str:
    return _ADDRESS.sub("…", said)


def reasons(counts: Mapping[str, int], language: Language) -> str:
    """Reasons in words, with their numbers and codes, the most frequent first."""
    words = reason_words.of(language)
    most_first = sorted(counts.items(), key=lambda reason: (-reason[1], reason[0]))
    return "; ".join(
        f"{number(count, language)} × {words[reason]} ({reason})"
        if reason in words
        else f"{number(count, language)} × {reason}"
        for reason, count in ((Reason.stored(code), count) for code, count in most_first)
    )


def findings(counts: Mapping[str, int], language: Language) -> str:
    """What differs from the partner's contract, in words.

    :param counts: by code and name (``status ACCEPTED``), as ``counts.of`` returns them.
    """
    return "; ".join(_finding(key, count, language) for key, count in sorted(counts.items()))


def _finding(key: str, count: int, language: Language) -> str:
    code, _, name = key.partition(" ")
    if f"alerts.findings.{code}" not in texts(language):  # of a partner that others have added
        return f"{key} ({count} ×)"
    return text(f"alerts.findings.{code}", language, name=name, count=count)


def written(time: datetime, language: Language) -> str:
    """A time in the customers' zone, as one writes it in the language."""
    return local_text(time, text("formats.moment_in_zone", language))


def _message(run: RunFacts, language: Language, headline: str, **parts: str) -> Message:
    lines = parts
    if run.run_id:
        lines = {"pair": run.dag_id, "window": _window(run, language), **parts, "run": run.run_id}
    return Message(
        f"{run.dag_id}: {headline}",
        tuple((text(f"alerts.labels.{name}", language), value) for name, value in lines.items()),
        _links((("run", link_to(run) if run.run_id else None),), language),
    )


def _window(run: RunFacts, language: Language) -> str:
    if run.start:
        to = text("alerts.labels.to", language)
        return f"{written(run.start, language)} {to} {written(run.end, language)}"
    return written(run.end, language) if run.scheduled else text("alerts.labels.by_hand", language)


def _links_to_console(kind: str, run: RunFacts, language: Language) -> tuple[tuple[str, str], ...]:
    """Where a person decides: the question, the list of offers on hold and open questions, or the quarantine of the run."""
    run_page = link_to(run)
    addresses = {
        "question": f"{run_page}/required_actions" if kind in _QUESTIONS and run_page else None,
        "held": console_address(held=run.dag_id) if kind in _ABOUT_OFFERS else None,
        "quarantine": console_address(pair=run.dag_id, run=run.run_id) if kind == "quarantine" else None,
    }
    return _links(addresses.items(), language)


def _links(addresses: Iterable[tuple[str, str | None]], language: Language) -> tuple[tuple[str, str], ...]:
    return tuple((text(f"alerts.links.{name}", language), address) for name, address in addresses if address)


def console_address(**query: str) -> str | None:
    """Address of the page *Prospects* in the Airflow UI, if ``[api] base_url`` says where that is."""
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    # The UI's address of a plugin's page ends with the page's own path, which starts where Airflow itself is served.
    own = f"{urlsplit(base).path}/prospects/?{urlencode(query)}"
    return f"{base}/plugin/prospects{own}" if base else None


def link_to(run: RunFacts) -> str | None:
    """Address of the run in the Airflow UI, if ``[api] base_url`` says where that is."""
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return f"{base}/dags/{quote(run.dag_id, safe='')}/runs/{quote(run.run_id, safe='')}" if base else None
