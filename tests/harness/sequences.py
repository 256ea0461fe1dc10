"""Random days of a pair: actions of partner, clerk and operator, crashes, and the invariants of every lease and of the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import strategies as st

from include.sandbox.common import Refused
from letting_sync.errors import WaitAndRepeat
from letting_sync.ledger.records import AcceptanceState, Entry
from letting_sync.reasons import Reason
from tests.harness.crash import Crash, crash
from tests.harness.days import FROM_ACCEPT, FROM_LOAD, TASKS, DayRun, Days
from tests.harness.platforms import EverRealPlatform

UNITS = 3


class Step(NamedTuple):
    """One action; ``who`` and ``where`` are taken modulo the number of existing applicants and units.

    :param what: the name of a method of :class:`Sequence`.
    """

    what: str
    who: int = 0
    where: int = 0


PEOPLE = ("applies", "withdraws", "is_taken_back", "is_deleted", "moves", "is_chosen_again")
CLERK = ("clerk_rejects", "clerk_accepts", "clerk_expires", "clerk_deletes")
OPERATOR = (
    "clears_load",
    "clears_accept",
    "replays",
    "answers_yes",
    "answers_no",
    "fails_run",
    "deletes_run",
)
WEATHER = ("fair", "fair", "erp_down", "partner_down_at_accept", "dies", "dies")

_numbers = st.integers(0, 3)


def _steps(names: Sequence[str], most: int) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.builds(Step, st.sampled_from(names), _numbers, _numbers), max_size=most)


@dataclass(frozen=True)
class Day:
    """Actions at noon, during the night's run, and in the morning after."""

    noon: list[Step]
    mode: str = "auto"
    weather: str = "fair"
    moment: int = 1
    morning: list[Step] = field(default_factory=list)


days_of_a_week: st.SearchStrategy[list[Day]] = st.lists(
    st.builds(
        Day,
        # Without applications nothing happens: applications are as frequent as all else together.
        noon=_steps(("applies",) * len(PEOPLE) + PEOPLE + CLERK, 4),
        mode=st.sampled_from(("auto", "auto", "approval", "off")),
        weather=st.sampled_from(WEATHER),
        moment=st.integers(1, 60),
        morning=_steps(OPERATOR + PEOPLE[1:], 3),
    ),
    min_size=2,
    max_size=5,
)


class Lease(NamedTuple):
    """What the partner said when a lease was made."""

    application: str
    unit: str
    chosen: bool


class Week:
    """Runs some days, checks each lease when it is made, and checks the invariants at the end."""

    def __init__(self, days: Days) -> None:
        self.days = days
        self.leases: list[Lease] = []
        self._by_clerk = False
        self._accept = days.erp.accept
        days.erp.accept = self._watched

    def play(self, week: Sequence[Day]) -> None:
        """Let the days happen; then everything that failed is cleared in fair weather, and one more day ends."""
        try:
            for day in week:
                self._all(day.noon)
                self._night(day)
                self.days.clock.to_next(12)
                self._all(day.morning)
                self.days.clock.to_next(14)
            for run in self.days.runs:
                if run.state == "failed":
                    self.days.goes_on(run)
            self.days.next_day()
            self.days.next_day()
        finally:
            del self.days.erp.accept

    def _all(self, steps: Sequence[Step]) -> None:
        for step in steps:
            # What is gone at the partner or decided in the ERP cannot be acted on.
            with suppress(Refused):
                getattr(self, f"_{step.what}")(step)

    def _night(self, day: Day) -> None:
        run = self.days.night(accept=day.mode)
        if day.weather == "dies":
            with crash(Crash(day.moment)) as at:
                self.days.does(run)
            run.state = "failed" if at.happened else run.state
        elif day.weather == "erp_down":
            self.days.does(run, TASKS[:2])
            with self.days.erp.down():
                self._may_fail(run, FROM_LOAD)
        elif day.weather == "partner_down_at_accept":
            self.days.does(run, TASKS[:3])
            with self.days.platform.system.down():
                self._may_fail(run, FROM_ACCEPT)
        else:
            self.days.does(run)

    def _may_fail(self, run: DayRun, tasks: Sequence[str]) -> None:
        try:
            self.days.does(run, tasks)
        except WaitAndRepeat:
            run.state = "failed"

    # --- people at the partner ------------------------------------------------------------------------------

    def _on_somebody(self, step: Step, do: Callable[[str], Any]) -> None:
        ids = self.days.platform.ids
        if ids:
            do(ids[step.who % len(ids)])

    def _applies(self, step: Step) -> None:
        self.days.platform.apply(step.where % UNITS)

    def _withdraws(self, step: Step) -> None:
        self._on_somebody(step, self.days.platform.withdraw)

    def _is_taken_back(self, step: Step) -> None:
        self._on_somebody(step, self.days.platform.take_back)

    def _is_deleted(self, step: Step) -> None:
        self._on_somebody(step, self.days.platform.delete)

    def _moves(self, step: Step) -> None:
        self._on_somebody(step, lambda one: self.days.platform.move(one, step.where % UNITS))

    def _is_chosen_again(self, step: Step) -> None:
        def choose(one: str) -> None:
            if not self.days.platform.chosen_units(one):
                self.days.platform.choose_again(one)

        self._on_somebody(step, choose)

    # --- a clerk in the ERP ---------------------------------------------------------------------------------

    def _on_an_offer(self, step: Step, do: Callable[[int], Any]) -> None:
        ours = [one.number for one in self.days.erp.offers if one.external_id in self.days.platform.ids]
        if ours:
            do(ours[step.who % len(ours)])

    def _clerk_rejects(self, step: Step) -> None:
        self._on_an_offer(step, self.days.erp.clerk.reject)

    def _clerk_expires(self, step: Step) -> None:
        self._on_an_offer(step, self.days.erp.clerk.expire)

    def _clerk_deletes(self, step: Step) -> None:
        self._on_an_offer(step, self.days.erp.clerk.delete)

    def _clerk_accepts(self, step: Step) -> None:
        self._by_clerk = True
        try:
            self._on_an_offer(step, self.days.erp.clerk.accept)
        finally:
            self._by_clerk = False

    # --- an operator ----------------------------------------------------------------------------------------

    def _some_run(self, step: Step) -> DayRun | None:
        runs = [run for run in self.days.runs if run.state is not None and not run.params.get("external_ids")]
        return runs[step.who % len(runs)] if runs else None

    def _clears_load(self, step: Step) -> None:
        run = self._some_run(step)
        # A run whose first tasks failed has nothing to load yet: then all of it is cleared.
        if run:
            self.days.does(run, FROM_LOAD if {"extract", "dedup"} <= run.done else TASKS)

    def _clears_accept(self, step: Step) -> None:
        run = self._some_run(step)
        if run and "load_offers" in run.done:
            self.days.does(run, FROM_ACCEPT)

    def _replays(self, step: Step) -> None:
        params = ({}, {"accept": "approval"})[step.where % 2]
        self._on_somebody(step, lambda one: self.days.replay(one, **params))

    def _asked(self, step: Step) -> DayRun | None:
        asked = [run for run in self.days.runs if run.question]
        return asked[step.who % len(asked)] if asked else None

    def _answers_yes(self, step: Step) -> None:
        if run := self._asked(step):
            self.days.answers(run, yes=True)

    def _answers_no(self, step: Step) -> None:
        if run := self._asked(step):
            self.days.answers(run, yes=False, user=bool(step.where % 2))

    def _fails_run(self, step: Step) -> None:
        if run := self._asked(step):
            self.days.ends(run, "failed")

    def _deletes_run(self, step: Step) -> None:
        if run := self._asked(step):
            self.days.ends(run, None)

    # --- what must hold -------------------------------------------------------------------------------------

    def _watched(self, offer: Any, *how: Any) -> Any:
        """Each acceptance in the ERP, just before it is done: is the applicant chosen for this unit, now?"""
        lease = self._accept(offer, *how)
        unit = offer.unit.replace(self.days.erp.separator, "/")
        if not self._by_clerk:
            chosen = unit in self.days.platform.chosen_units(offer.external_id)
            self.leases.append(Lease(self._application(offer.external_id, unit), unit, chosen))
        return lease

    def _application(self, applicant: str, unit: str) -> str:
        """What may have one lease: an application, or the contract that the lease came from."""
        platform = self.days.platform
        return platform.contract_of(applicant, unit) if isinstance(platform, EverRealPlatform) else applicant

    def holds(self) -> None:
        """Raise unless all invariants hold."""
        assert [lease for lease in self.leases if not lease.chosen] == [], "a lease for somebody not chosen"
        for what in ("application", "unit"):
            values = [getattr(lease, what) for lease in self.leases]
            assert len(values) == len(set(values)), f"two leases for one {what}: {self.leases}"
        for applicant in self.days.platform.ids:
            for unit in self.days.platform.chosen_units(applicant):
                assert self._is_taken_care_of(applicant, unit), f"{applicant} on {unit} is lost"

    def _is_taken_care_of(self, applicant: str, unit: str) -> bool:
        """A lease, an open question, a reason that recipients are notified of, or what a person has decided."""
        if self.days.leases(applicant):
            return True
        found = [one for one in self.days.entries(applicant) if one.unit == unit]
        return any(map(self._waits_for_a_person, found)) or self._is_quarantined(applicant)

    def _waits_for_a_person(self, entry: Entry) -> bool:
        if entry.acceptance == AcceptanceState.AWAITING:
            return any(run.question for run in self.days.runs if run.run_id == entry.acceptance_run)
        reason = entry.acceptance_reason if entry.acceptance else entry.reason
        if reason is None or reason in CONTRADICTED:
            return False
        return reason.needs_a_person or reason in DECIDED_BY_A_PERSON

    def _is_quarantined(self, applicant: str) -> bool:
        for run in self.days.runs:
            with suppress(FileNotFoundError):
                if any(kind == "quarantined" for kind, _ in self.days.outcome(run, applicant)):
                    return True
        return False


CONTRADICTED = frozenset(
    {Reason.WITHDRAWN_AFTER_LOAD, Reason.NOT_CHOSEN, Reason.GONE_AT_PARTNER, Reason.MOVED}
)
"""Reasons that contradict the partner, where somebody is chosen for that unit and a run has read it."""
DECIDED_BY_A_PERSON = frozenset(
    {Reason.ACCEPT_OFF, Reason.OFFER_REJECTED, Reason.OFFER_IGNORED, Reason.REJECTED_BY_APPROVER}
)
