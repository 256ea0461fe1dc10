"""The rows of a check: what was compared, what came of it, and where the docs describe it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from letting_sync.errors import RefuseRecord, StopRun, WaitAndRepeat, outside_a_task
from letting_sync.http.clock import NORMAL_DIFFERENCE
from letting_sync.http.hook import ApiHook

_T = TypeVar("_T")

LOG_IN = "log-in"


class Verdict(StrEnum):
    """What came of a comparison."""

    OK = "ok"
    DIFFERS = "differs from the contract"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Row:
    """One comparison.

    :param system: its name, for people.
    :param detail: a sentence or counts; nothing personal.
    :param place: where the docs describe it.
    """

    system: str
    what: str
    verdict: Verdict
    detail: str
    place: str

    @property
    def is_finding(self) -> bool:
        """Whether somebody has to do something: a difference, or a system that could not be looked at."""
        return self.verdict is Verdict.DIFFERS or (self.what == LOG_IN and self.verdict is not Verdict.OK)


class Rows:
    """The rows about one system, as they come."""

    def __init__(self, hook: ApiHook) -> None:
        self.hook = hook
        self.rows: list[Row] = []

    def add(self, what: str, verdict: Verdict, detail: str) -> None:
        """Note what came of a comparison."""
        self.rows.append(Row(self.hook.system, what, verdict, detail, self.hook.documented_at))

    def ok_unless(self, what: str, differs: bool, detail: str) -> None:
        """Note a comparison whose result is known."""
        self.add(what, Verdict.DIFFERS if differs else Verdict.OK, detail)

    def ask(self, what: str, question: Callable[[], _T]) -> _T | None:
        """The system's answer; without one a row says why, and it is ``None``."""
        try:
            return question()
        except StopRun as stop:
            self.add(what, Verdict.DIFFERS, outside_a_task(stop))
        except (WaitAndRepeat, RefuseRecord) as error:
            self.add(what, Verdict.UNKNOWN, str(error))
        except Exception as error:  # whatever a system may answer; the text of the error may quote it
            self.add(what, Verdict.UNKNOWN, f"an answer cannot be read ({type(error).__name__})")
        return None

    def log_in(self) -> bool:
        """Log in, and say so; whether the system can be asked more."""
        attempt = self.hook.try_log_in()
        failed = Verdict.DIFFERS if attempt.reached else Verdict.UNKNOWN
        self.add(LOG_IN, Verdict.OK if attempt.accepted else failed, attempt.sentence)
        return attempt.accepted

    def add_clock_and_limit(self) -> None:
        """Compare what the headers of the responses so far contain."""
        ahead, told, written = (
            self.hook.clock_ahead,
            self.hook.limit_told,
            self.hook.requests_per_minute,
        )
        if ahead is None:
            self.add("clock", Verdict.UNKNOWN, "no response says what time it is there")
        else:
            self.ok_unless(
                "clock",
                abs(ahead) > NORMAL_DIFFERENCE,
                f"this machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's",
            )
        if told is None or written is None:
            self.add("limit of requests", Verdict.UNKNOWN, "no response names one")
        else:
            detail = f"{told:.0f} in the system's response, {written} a minute in the contract"
            self.ok_unless("limit of requests", told < written, detail)


def listed(counts: dict[str, int]) -> str:
    """Counts as ``a 1, b 2``."""
    return ", ".join(f"{name} {count}" for name, count in counts.items())


def findings(rows: list[Row]) -> Iterator[Row]:
    """Those that somebody has to look at."""
    return (row for row in rows if row.is_finding)
