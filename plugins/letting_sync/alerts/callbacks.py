"""Which alerts are sent when: the callbacks of a DAG. ``letting-sync alerts test`` sends a test alert.

==============  ==============================================  =========================================
what            reported when it begins by                      reported when it is over by
==============  ==============================================  =========================================
``failed``      the task (in the worker), else the run (in the  the next scheduled run that succeeds, or
                DAG processor)                                  the last failed run that was cleared
``late``        Airflow's deadline alert (in the triggerer)     the run's end
``retrying``    the task that tries again, after a while        the run's end
``quarantine``  ``reconcile``                                   ``reconcile``
``interface``   ``reconcile``                                   ``reconcile``, of a run that read something
``waiting``     ``reconcile``                                   ``reconcile``
``approval``    ``auto_accept``                                 the run's end
``retention``   ``reconcile`` of any pair                       ``reconcile`` of any pair
``files``       the DAG ``customer_files``                      the DAG ``customer_files``
==============  ==============================================  =========================================

Where the window is empty and nothing is open, ``extract`` ends the run and does the part of ``reconcile``.

A task that is killed may call nobody. Most often the scheduler finds out and fails the run; whatever happens,
the deadline passes. An error while alerting never fails a task: it is logged.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TextIO

import sqlalchemy as sa
from airflow.sdk import DAG
from airflow.sdk.bases.notifier import BaseNotifier

from letting_sync.alerts import channels
from letting_sync.alerts.deadlines import RunStart
from letting_sync.alerts.incidents import (
    Change,
    Incident,
    Incidents,
    ended,
    opened,
    over,
    persists,
    still_there,
    went_well,
)
from letting_sync.alerts.messages import (
    Message,
    RunFacts,
    closed_message,
    facts_of,
    findings,
    opened_message,
    test_message,
    text_of,
    written,
)
from letting_sync.alerts.settings import alert_settings
from letting_sync.compat import deadline_alert
from letting_sync.config import language
from letting_sync.dry_run import is_dry_run
from letting_sync.errors import StopRun, WaitAndRepeat
from letting_sync.locales.texts import text
from letting_sync.settings import RETRYING_AFTER, AlertLimits

if TYPE_CHECKING:
    from airflow.sdk.definitions.deadline import DeadlineAlert

log = logging.getLogger(__name__)

Transition = Callable[[Incident], Change]
RETENTION = "prospect_retention"
CUSTOMERS = "customers"
"""What alerts that are about no run are about."""
_NO_LEDGER = (sa.exc.SQLAlchemyError, StopRun, OSError)


# --- callbacks --------------------------------------------------------------------------------------------


def dag_callbacks(
    late_after: timedelta | None = None, schedule: str | None = None, remind_after: timedelta | None = None
) -> dict[str, Any]:
    """Keyword arguments of a DAG: its runs are watched; its last task needs ``on_success_callback=succeeded``.

    That a run succeeded is reported by its last task, in the worker: a callback of the DAG would make the DAG processor
    read the DAG file once more for each run that ends, with all customers in it.

    :param late_after: a run is late that has not started so long after it was created, or not ended so long after
        it started (for the last time, if it was cleared); ``None``: never.
    :param remind_after: so long after a run starts, approvers are reminded of a question that is still open.
    :param schedule: the pair's cron expression; the triggerer, where a run is found to be late, knows no DAG.
    """
    callbacks: dict[str, Any] = {"on_failure_callback": failed}
    alerts = _deadlines(late_after, schedule, remind_after)
    return callbacks | ({"deadline": list(alerts)} if alerts else {})


@cache  # of thousands of customers most have the same
def _deadlines(
    late_after: timedelta | None, schedule: str | None, remind_after: timedelta | None
) -> tuple[DeadlineAlert, ...]:
    deadlines = {"late": (late_after, late), "reminder": (remind_after, question_open)}
    return tuple(
        deadline_alert(name, RunStart(), interval, callback, schedule=schedule)
        for name, (interval, callback) in deadlines.items()
        if interval
    )


class WatchedDAG(DAG):
    """A DAG with a deadline that ``airflow dags test`` can run, and that is quickly built."""

    def __hash__(self) -> int:
        """That of its id. Airflow takes a hash for each arrow between two tasks; that of ``DAG`` looks at all tasks."""
        return hash(self.dag_id)

    def test(self, *args: Any, **kwargs: Any) -> Any:
        """Run it in this process, without its deadline, which plays no part: no scheduler looks at it.

        With one, Airflow 3.3.2 ends with an error although the run succeeded (apache/airflow#73428). To be dropped when
        that is fixed.
        """
        deadline, self.deadline = self.deadline, None
        try:
            return super().test(*args, **kwargs)
        finally:
            self.deadline = deadline


def failed(context: Mapping[str, Any]) -> None:
    """A task or a run has failed: callback of both, as only the task knows why and only the run is sure to."""
    with _never_failing("failed"):
        run = _run(context)
        task = getattr(context.get("ti"), "task_id", None)
        for kind in ("approval", "late", "retrying"):
            _apply(run, kind, partial(over, run_id=run.run_id))
        _open(run, "failed", task=task, exception=context.get("exception"))
    _last_line(context, "Airflow does not retry: fix the cause, then clear the task.")


def retrying(context: Mapping[str, Any], limit: timedelta = RETRYING_AFTER) -> None:
    """A task has failed and will be tried again: callback of the task."""
    pause = _pause_before_next_try(context.get("ti"))
    still_failing(context, context.get("exception"), limit, pause)
    _last_line(context, f"Airflow retries automatically, in {pause.total_seconds():.0f} seconds or later.")


def still_failing(
    context: Mapping[str, Any], exception: BaseException | None, limit: timedelta, pause: timedelta
) -> None:
    """Report a retryable error that lasts, whatever its kind; call it each time that a run meets one.

    :param limit: how long it may last unreported.
    :param pause: until the next try.
    """
    with _never_failing("retrying"):
        run, at = _run(context), datetime.now(UTC)
        transition = partial(
            persists, subject=run.run_id, window_end=run.end_text, at=at, limit=limit, pause=pause
        )
        task = getattr(context.get("ti"), "task_id", None)
        _apply(run, "retrying", transition, task=task, exception=exception)


def succeeded(context: Mapping[str, Any]) -> None:
    """A run has succeeded: callback of its last task."""
    with _never_failing("succeeded"), _one_ledger():
        run = _run(context)
        _apply(run, "approval", partial(ended, run_id=run.run_id))
        for kind in ("late", "failed", "retrying"):
            _apply(run, kind, partial(_well, run=run))


async def late(context: Mapping[str, Any], schedule: str | None = None, **_: Any) -> None:
    """A run has missed its deadline: callback in the triggerer."""
    await asyncio.to_thread(run_is_late, context, schedule)


def run_is_late(context: Mapping[str, Any], schedule: str | None = None) -> None:
    """Report that a run is late.

    Not if it has ended meanwhile, if it waits for a person, who has been notified, or if it is a day of a backfill
    whose turn has not come: its time begins anew when it starts.
    """
    with _never_failing("late"):
        run = facts_of(context["dag_run"], schedule)
        not_its_turn = run.backfill and run.state == "queued"
        if run.state in ("success", "failed") or not_its_turn or _awaiting(run):
            return
        deadline = context.get("deadline") or {}
        _open(run, "late", deadline=_deadline(deadline.get("deadline_time")))


async def question_open(context: Mapping[str, Any], schedule: str | None = None, **_: Any) -> None:
    """A question may still be open: callback in the triggerer."""
    await asyncio.to_thread(remind_of_question, context, schedule)


def remind_of_question(context: Mapping[str, Any], schedule: str | None = None) -> None:
    """Remind of a question that nobody has answered, if there is one; its time is not over yet."""
    with _never_failing("reminder"):
        run = facts_of(context["dag_run"], schedule)
        total = 0 if run.state in ("success", "failed") else _awaiting(run)
        if total:
            channels.send(opened_message("reminder", run, language(), total=total), alert_settings())


def reconciled(context: Mapping[str, Any], counts: Mapping[str, Any], limits: AlertLimits) -> None:
    """A run's counts are known: report much quarantine and offers that wait. Call it last in ``reconcile``."""
    if is_dry_run(context["params"]):
        return
    with _never_failing("reconciled"), _one_ledger():
        run = _run(context)
        if limits.quarantine_exceeded(counts["quarantined"], counts["extracted"]):
            _open(
                run,
                "quarantine",
                quarantined=counts["quarantined"],
                extracted=counts["extracted"],
                reasons=counts["quarantine_reasons"],
                share=text("formats.percent", percent=round(limits.quarantine_alert_share * 100)),
                count=limits.quarantine_alert_count,
            )
        else:
            _apply(run, "quarantine", partial(_well, run=run))
        _report_interface(run, counts)
        check_retention()
        with _incidents() as incidents:
            waiting = incidents.waiting(run.dag_id)
        _apply(
            run,
            "waiting",
            partial(still_there, subjects=waiting, at=datetime.now(UTC)),
            total=len(waiting),
            reasons=Counter(waiting.values()),
        )


def check_retention() -> None:
    """Report that personal data is not deleted any more, and that it is again; every run of a pair looks at it."""
    from letting_sync.ledger.retention_runs import find_state

    with _never_failing("retention"):
        at = datetime.now(UTC)
        with _incidents() as incidents:
            state = find_state(incidents.engine)
        subjects = [RETENTION] if state.overdue(at) else []
        last = written(state.last, language()) if state.last else text("alerts.what.never")
        transition = partial(still_there, subjects=subjects, at=at)
        _apply(RunFacts(RETENTION, "", at), "retention", transition, last=last)


def customer_files(sentences: Mapping[str, str]) -> None:
    """Report which files of customers are wrong: when one becomes so, and when all are right again.

    :param sentences: of each wrong file what is wrong, with its lines.
    """
    with _never_failing("files"):
        at = datetime.now(UTC)
        transition = partial(still_there, subjects=sentences, at=at)
        _apply(RunFacts(CUSTOMERS, "", at), "files", transition, sentences="; ".join(sentences.values()))


def _report_interface(run: RunFacts, counts: Mapping[str, Any]) -> None:
    """Report status words and fields that are not as assumed; a run that read nothing says nothing about them."""
    words = {f"unknown_word {name}": count for name, count in counts.get("unknown_words", {}).items()}
    found = words | counts.get("interface_findings", {})
    if found:
        _open(run, "interface", found=findings(found, language()))
    elif counts["extracted"]:
        _apply(run, "interface", partial(_well, run=run))


class ApprovalAsked(BaseNotifier):
    """Notifier of ``auto_accept``: a person is asked."""

    def notify(self, context: Any) -> None:
        """Tell, once per run, however often the task is tried."""
        with _never_failing("approval"):
            run = _run(context)
            _open(run, "approval", total=_awaiting(run))


def _pause_before_next_try(ti: Any) -> timedelta:
    """How long Airflow waits at the least before it tries a task again."""
    task: Any = getattr(ti, "task", None)
    tries = getattr(ti, "try_number", 1)
    delay = getattr(task, "retry_delay", None)
    if not isinstance(delay, timedelta):
        return timedelta(0)
    if task.retry_exponential_backoff:
        delay *= 2 ** min(tries - 1, 20)
    return min(delay, task.max_retry_delay or delay)


def _last_line(context: Mapping[str, Any], advice: str) -> None:
    """Repeat an expected error as the last line of the task's log, where the person on call looks first."""
    exception = context.get("exception")
    if context.get("ti") is not None and isinstance(exception, StopRun | WaitAndRepeat):
        log.error("%s", f"{text_of(exception)} {'' if isinstance(exception, StopRun) else advice}".strip())


# --- telling ----------------------------------------------------------------------------------------------


def _well(before: Incident, run: RunFacts) -> Change:
    return went_well(before, run.run_id, run.end_text, run.scheduled)


def _open(run: RunFacts, kind: str, **numbers: Any) -> None:
    transition = partial(opened, kind, subject=run.run_id, window_end=run.end_text, at=datetime.now(UTC))
    _apply(run, kind, transition, **numbers)


def _apply(run: RunFacts, kind: str, transition: Transition, **numbers: Any) -> None:
    """Change an incident and report it if necessary; without the ledger's memory rather twice than never."""
    with ExitStack() as stack:
        try:
            incidents = stack.enter_context(_incidents())
            before, change = incidents.apply(run.dag_id, kind, transition)
        except _NO_LEDGER as error:
            log.error(
                "The ledger cannot be used (%s), so this alert may be sent more than once.",
                type(error).__name__,
            )
            _notify(run, kind, transition(Incident()), numbers)
            return
        if not change.notify:
            return
        if not _notify(run, kind, change, numbers):
            incidents.mark_not_notified(run.dag_id, kind, before, change)
        elif change.notify == "opened":
            incidents.mark_notified(run.dag_id, kind, change.after.since)


_shared: ContextVar[Incidents | None] = ContextVar("incidents of a callback", default=None)


@contextmanager
def _one_ledger() -> Iterator[None]:
    """Open the ledger once for all incidents of a callback: each opening asks Airflow for its connection."""
    with ExitStack() as stack:
        try:
            incidents = stack.enter_context(closing(Incidents()))
        except _NO_LEDGER:
            yield  # each incident tries again, and says so
            return
        token = _shared.set(incidents)
        try:
            yield
        finally:
            _shared.reset(token)


@contextmanager
def _incidents() -> Iterator[Incidents]:
    """The callback's open ledger, or one of its own."""
    if shared := _shared.get():
        yield shared
        return
    with closing(Incidents()) as own:
        yield own


def _notify(run: RunFacts, kind: str, change: Change, numbers: Mapping[str, Any]) -> bool:
    settings = alert_settings()
    message: Message
    if change.notify == "opened":
        since = written(change.after.since, language()) if change.after.since else ""
        message = opened_message(kind, run, language(), **{"new": change.new, "since": since, **numbers})
    elif change.notify == "closed":
        message = closed_message(kind, run, language(), change.left)
    else:
        return False
    return any(channels.send(message, settings).values())


def _awaiting(run: RunFacts) -> int:
    try:
        with closing(Incidents()) as incidents:
            return incidents.awaiting_approval(run.dag_id, run.run_id)
    except _NO_LEDGER:
        return 0


def _run(context: Mapping[str, Any]) -> RunFacts:
    if context.get("dag_run"):
        return facts_of(context["dag_run"], _schedule(context.get("dag")))
    # A run that timed out as a whole: Airflow knows its names only.
    return facts_of({"dag_id": context["dag"].dag_id, "run_id": context["run_id"]})


def _schedule(dag: Any) -> str | None:
    """The cron expression of a DAG, be it the one of a task or the one that the DAG processor holds."""
    expression = getattr(getattr(dag, "timetable", None), "expression", None)
    return expression if isinstance(expression, str) else None


def _deadline(time: Any) -> str:
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return written(time, language()) if isinstance(time, datetime) else "?"


@contextmanager
def _never_failing(what: str) -> Iterator[None]:
    """Whatever goes wrong with an alert is logged and goes no further; Airflow's kill signals do."""
    try:
        yield
    except Exception as error:
        log.exception(
            "Alert %r could not be created (%s). The task is not affected.", what, type(error).__name__
        )


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, prog: str | None = None) -> int:
    """Send a test alert to every channel; returns the exit code: 1 if one of them did not take it, or there is none."""
    argparse.ArgumentParser(prog, description=main.__doc__).parse_args(arguments)
    settings = alert_settings()
    if not settings.channels:
        print(
            "Alerts are sent to nobody: neither alert_email_to nor alert_apprise_conn_id is set in [prospects].",
            file=out,
        )
        return 1
    accepted = channels.send(test_message(language()), settings)
    for channel, was_sent in accepted.items():
        print(f"{channel}: {'sent' if was_sent else 'NOT sent, see above'}", file=out)
    return 0 if all(accepted.values()) else 1
