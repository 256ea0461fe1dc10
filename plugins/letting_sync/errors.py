"""The three kinds of errors, named after what to do next.

The outcome of a *record* is never an exception but an :class:`~letting_sync.model.Outcome`; these exceptions concern a
call or a whole run. Their messages are written for the person on call and contain no personal data: no name, no body of
a response, no query of a URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow.sdk.exceptions import AirflowFailException

from letting_sync.reasons import Reason


class InvalidSettings(ValueError):
    """Settings are wrong; the message names each wrong setting, its value and the rule.

    :param problems: (name of the setting, or nothing where a rule is about several; sentence) of each.
    """

    def __init__(self, what: str, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(f"{what}: " + "; ".join(sentence for _, sentence in problems))
        self.problems = problems


def about_text(name: str, value: object) -> tuple[str, str] | None:
    """Return the problem of a setting that must be a non-empty string: its name and a sentence; ``None`` if valid."""
    if value is None:
        return name, f"{name} is missing"
    if not isinstance(value, str) or not value.strip():
        return name, f"{name} = {value!r:.80}: must be a text that is not empty"
    return None


Said = tuple[str, Mapping[str, object]]
"""The key and the values of the text that a message was made of (:mod:`letting_sync.locales.errors`)."""


class WaitAndRepeat(Exception):
    """The system is not available; the same call may succeed later. Airflow retries the task."""

    said: Said | None = None


class AskedToWait(WaitAndRepeat):
    """The system answers, and asks to be called later: the task is deferred, which uses up none of its tries.

    :param seconds: how long it asked to wait.
    """

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class ResponseLost(WaitAndRepeat):
    """The request may have taken effect, but no readable response arrived.

    Repeating a call that is not idempotent after this error creates duplicates: read back first.
    """


class StorageUnavailable(WaitAndRepeat):
    """The ledger's database or the staging folder cannot be used (:mod:`letting_sync.storage_errors`)."""


class RefuseRecord(Exception):
    """One record cannot be read, mapped or loaded: it goes to quarantine and the run continues.

    :param reason: reason code in the quarantine table.
    :param detail: one sentence for a person, without personal data.
    :param system_text: the system's own words, which may quote the person: for staging only, and not in the message.
    """

    def __init__(self, reason: Reason, detail: str, system_text: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.system_text = system_text


class StopRun(AirflowFailException):
    """A retry cannot succeed (wrong credentials, a request that the system refuses as a whole).

    Airflow fails the task at once, without using its retries.
    """

    said: Said | None = None


class UnexpectedError(Exception):
    """An error that nobody expects, without its text (:mod:`letting_sync.value_errors`).

    :param kind: the name of its class.
    """

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"An unexpected {kind}. Its text may quote a person's record and is therefore left out; the traceback shows where it "
            "was raised."
        )
        self.kind = kind


def outside_a_task(error: Exception) -> str:
    """Return an error's message for who has called a command: there is no task to clear."""
    return str(error).replace(", then clear the task", "")


class IdsNotFound(StopRun):
    """A replay was asked for external ids that the partner does not know; the others have been handed over."""
