"""How a task ends that meets an expected error: deferred, to be tried again, or failed.

Expected are the errors of :mod:`letting_sync.errors`, whose messages say all there is to know; where in our code they were
raised helps nobody on call. Any other error keeps its traceback; the text of one about a value is left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Never

from airflow.sdk import BaseOperator

from letting_sync.alerts import callbacks
from letting_sync.errors import AskedToWait, StopRun, WaitAndRepeat
from letting_sync.settings import RETRYING_AFTER
from letting_sync.storage_errors import storage_errors
from letting_sync.value_errors import value_errors
from letting_sync.window import local_text

if TYPE_CHECKING:
    from airflow.sdk import Context

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=5)
"""Between two tries of a deferred task, doubled each time; a system that asks for longer gets what it asks for …"""
MOST_ASKED_FOR = timedelta(hours=1)
"""… up to this."""
LONGEST_WAIT = timedelta(hours=12)
"""After so long the task fails. Assumed: an outage that lasts a working day needs a person."""


class ExpectedErrorsMixin(BaseOperator):
    """
    A task whose expected errors end without a traceback, and which is deferred while a system asks to be called later.

    Deferred, it holds neither a worker slot nor a slot of the ERP's pool, and uses up none of its tries.

    It has no constructor: Airflow looks up default arguments once for each constructor of an operator's class and its base classes,
    for each task of thousands of DAGs.

    :ivar retrying_after: how long a system may fail to serve the run before that is reported; set by the tasks that call systems.
    """

    retrying_after: timedelta = RETRYING_AFTER

    def expecting_errors(
        self, context: Context, method: str, since: str | None = None, waits: int = 0, **arguments: Any
    ) -> Any:
        """Call one of the task's methods.

        :param method: its name; it must be able to begin anew after any error.
        :param since: when the system first asked to wait, if it has.
        :param waits: how often it has in a row.
        :param arguments: of the method, besides the context; JSON values.
        :raises StopRun, WaitAndRepeat: as the method, without its traceback.
        :raises UnexpectedError: the method has met an error about a value.
        """
        try:
            # An error of an object store may be a ValueError too.
            with value_errors(), storage_errors():
                return getattr(self, method)(context, **arguments)
        except AskedToWait as error:
            asked, began = error, since or datetime.now(UTC).isoformat()
        except (StopRun, WaitAndRepeat) as error:
            raise error.with_traceback(None) from None
        return self._begin_anew_later(
            context, asked, {"method": method, "since": began, "waits": waits + 1, **arguments}
        )

    def wait_is_over(self, context: Context, event: Any, again: dict[str, Any]) -> Any:
        """Begin anew after a wait, perhaps in another process.

        :param again: arguments of :meth:`expecting_errors`.
        """
        del event
        return self.expecting_errors(context, **again)

    def _begin_anew_later(self, context: Context, asked: AskedToWait, again: dict[str, Any]) -> Never:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        now = datetime.now(UTC)
        if now - datetime.fromisoformat(again["since"]) > LONGEST_WAIT:
            raise StopRun(
                f"{asked} This has lasted for {LONGEST_WAIT / timedelta(hours=1):g} hours. Clear the task once the system responds again."
            )
        pause = max(
            min(FIRST_PAUSE * 2 ** min(again["waits"] - 1, 10), LONGEST_PAUSE),
            min(timedelta(seconds=asked.seconds), MOST_ASKED_FOR),
        )
        callbacks.still_failing(context, asked, self.retrying_after, pause)
        until = now + pause
        self.log.warning(
            "%s The task waits without a worker slot and starts again at %s.",
            asked,
            local_text(until, "%H:%M:%S"),
        )
        self.defer(trigger=DateTimeTrigger(moment=until), method_name="wait_is_over", kwargs={"again": again})
        raise AssertionError  # defer() never returns
