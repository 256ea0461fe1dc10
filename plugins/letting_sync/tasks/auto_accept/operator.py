"""The task ``auto_accept``: Airflow's side of :mod:`letting_sync.tasks.auto_accept.acceptor`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from letting_sync.alerts import callbacks, messages
from letting_sync.dry_run import is_dry_run
from letting_sync.erp import ErpTarget
from letting_sync.ledger.records import AcceptanceState
from letting_sync.reasons import Reason
from letting_sync.settings import AcceptancePolicy
from letting_sync.staging import tables
from letting_sync.staging.chunks import Chunk
from letting_sync.tasks.auto_accept import question
from letting_sync.window import TIMEZONE

if TYPE_CHECKING:
    from airflow.sdk import Context

    from letting_sync.erp import Erp
    from letting_sync.ledger.records import Entry, Run
    from letting_sync.model import Offer
    from letting_sync.tasks.auto_accept.acceptor import Acceptor
    from letting_sync.tasks.auto_accept.policy import Decision
    from letting_sync.tasks.auto_accept.selection import RunEntries


class AcceptOffersOperator(HITLOperator):
    """
    Turn the offers of a chunk into leases where the policy allows it, once.

    May be run again at any time: every offer is read from the ERP just before it is accepted. With
    ``accept="approval"``, or above ``max_accepts_per_run``, the task asks a person (one question a chunk, which on
    an ordinary day is the run, under *Required Actions*) and holds no worker slot meanwhile.

    :param chunk: a chunk of the run, as ``load_offers`` handed it on (templated).
    :cvar system: name of the ERP that the operator is for; ``None``: any.
    :param erp: the ERP at this customer.
    :param policy: what may be accepted, and when a person is asked; the param ``accept`` of a run comes first.
    :return: the chunk; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("chunk", "subject", "body")
    ui_color = "#fdf3e1"
    system: ClassVar[str | None] = None

    def __init__(
        self,
        *,
        chunk: Any,
        erp: ErpTarget,
        policy: AcceptancePolicy,
        **kwargs: Any,
    ) -> None:
        words = question.words()
        super().__init__(
            subject=words.subject,
            options=[words.approve, words.reject],
            # No default answer, which the form would show as the one to choose: see _without_answer.
            assigned_users=[{"id": user, "name": user} for user in policy.approvers] or None,
            notifiers=[callbacks.ApprovalAsked()],
            response_timeout=policy.approval_timeout,
            **kwargs,
        )
        self.chunk: dict[str, Any] = chunk
        self.erp = erp.checked_for(self.system)
        self.policy = policy

    def execute(self, context: Context) -> dict[str, Any]:
        """Decide, then accept or ask."""
        from letting_sync.tasks.auto_accept.selection import RunEntries

        erp, acceptor = self._open(context)
        try:
            if is_dry_run(context["params"]):
                return self._preview(erp, acceptor, context)
            ledger, run = acceptor.ledger, acceptor.run
            known = RunEntries(ledger, run, Chunk.read(self.chunk))
            plan = acceptor.plan(known.to_decide(replay=bool(context["params"].get("external_ids"))))
            acceptable = acceptor.write(plan)
            approved = [d.entry for d in acceptable if _approved_in(d.entry, run)]
            others = [d for d in acceptable if d.entry not in approved]
            # Before a question is asked, which ends this try.
            acceptor.accept(approved)
            mode = context["params"].get("accept") or self.policy.accept
            if mode == "off":
                ledger.mark_held([d.entry.id for d in others], Reason.ACCEPT_OFF, run.run_id)
            elif others and (
                mode == "approval" or known.most_accepts(len(others)) > self.policy.max_accepts_per_run
            ):
                self._ask_about(others, acceptor, context)
            else:
                acceptor.accept([d.entry for d in others])
            return self._report_decided(known)
        finally:
            erp.close()

    def _preview(self, erp: Erp, acceptor: Acceptor, context: Context) -> dict[str, Any]:
        """Stage what would be decided if the load had taken place; nothing is written to the ERP or to the ledger."""
        from letting_sync.staging import dry_run as staged
        from letting_sync.tasks.auto_accept import dry_run
        from letting_sync.tasks.auto_accept.acceptor import Acceptor
        from letting_sync.tasks.auto_accept.policy import Verdict
        from letting_sync.tasks.auto_accept.selection import RunEntries

        chunk, params = Chunk.read(self.chunk), context["params"]
        ledger: Any = dry_run.LoadedLedger(acceptor.ledger, acceptor.run, chunk.folder)
        loaded_erp: Any = dry_run.LoadedErp(erp, ledger.offers)
        planner = Acceptor(ledger, loaded_erp, acceptor.run, acceptor.today)
        known = RunEntries(ledger, acceptor.run, chunk)
        decisions = planner.look_again(planner.plan(known.to_decide(replay=bool(params.get("external_ids")))))
        acceptable = sum(decision.verdict is Verdict.ACCEPT for decision in decisions)
        rows = dry_run.accepts(
            decisions,
            params.get("accept") or self.policy.accept,
            self.policy.max_accepts_per_run,
            known.most_accepts(acceptable),
        )
        staged.write(chunk.folder, chunk, staged.ACCEPTANCE, rows, staged.WouldAccept)
        self.log.info("dry run, nothing was accepted; offers looked at: %d", len(rows))
        return chunk.handed_on

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Go on with the answer: accept what was selected, hold the rest."""
        from letting_sync.tasks.auto_accept.selection import RunEntries

        # The language may be another one than when the question was put.
        self.options = question.options_in_all_languages()
        response = super().execute_complete(context, _without_answer(event))
        user = (response["responded_by_user"] or {}).get("name")
        selected = set(response["params_input"].get("offers") or [])
        erp, acceptor = self._open(context)
        try:
            ledger, run = acceptor.ledger, acceptor.run
            known = RunEntries(ledger, run, Chunk.read(self.chunk))
            awaiting = [entry for entry in known.decided() if entry.acceptance == AcceptanceState.AWAITING]
            is_yes = question.is_yes(response["chosen_options"])
            yes = [entry for entry in awaiting if is_yes and entry.offer_number in selected]
            no = [entry.id for entry in awaiting if entry not in yes]
            ledger.mark_held(
                no, Reason.REJECTED_BY_APPROVER if user else Reason.APPROVAL_TIMED_OUT, run.run_id, user
            )
            ledger.mark_approved([entry.id for entry in yes], run.run_id, user or "")
            acceptor.accept(yes)
            return self._report_decided(known)
        finally:
            erp.close()

    def _open(self, context: Context) -> tuple[Erp, Acceptor]:
        import pendulum

        from letting_sync.ledger.ledger import Ledger
        from letting_sync.ledger.records import Run
        from letting_sync.tasks.auto_accept.acceptor import Acceptor

        erp, dag_run = self.erp.open(), context["dag_run"]
        window = tables.extent(Chunk.read(self.chunk).folder).window or (None, None)
        run = Run(dag_run.dag_id, erp.scope, dag_run.run_id, *window)
        return erp, Acceptor(Ledger(scope=erp.scope), erp, run, pendulum.now(TIMEZONE).date())

    def _ask_about(self, planned: Sequence[Decision], acceptor: Acceptor, context: Context) -> None:
        """Ask a person, and only about what can be accepted; returns if nothing is left to be asked about."""
        acceptable = acceptor.write(acceptor.look_again(planned))
        if acceptable:
            acceptor.ledger.mark_awaiting([decision.entry.id for decision in acceptable], acceptor.run.run_id)
            self._ask(context, acceptable)

    def _ask(self, context: Context, acceptable: Sequence[Decision]) -> None:
        """Park the task until a person has answered; never returns."""
        offers = [decision.offer for decision in acceptable if decision.offer]
        self.body = self._question(offers)
        numbers, words = [offer.number for offer in offers], question.words()
        self.params = ParamsDict(
            {
                "offers": Param(
                    numbers,
                    type="array",
                    title=words.offers,
                    description=words.offers_hint,
                    examples=numbers,
                    items={"type": "string", "enum": numbers},
                )
            }
        )
        super().execute(context)

    def _question(self, offers: Sequence[Offer]) -> str:
        """The offers as a table, in Markdown; nothing personal."""
        words = question.words()
        end = question.end_of(datetime.now(UTC), self.policy.approval_timeout, self.policy.approval_ends)
        self.response_timeout = end - datetime.now(UTC)
        return "\n".join(
            [
                f"| {' | '.join(words.columns)} |",
                "| --- | --- | --- |",
                *(
                    f"| {self._linked(o)} | {self._unit(o)} | {question.written_day(o.lease_start)} |"
                    for o in offers
                ),
                "",
                words.without_response.format(end=question.written_moment(end)),
            ]
        )

    @staticmethod
    def _linked(offer: Offer) -> str:
        """The offer's number, as a link to its prospect on the page *Prospects*."""
        address = messages.console_address(find=offer.number)
        return f"[{offer.number}]({address})" if address else offer.number

    def _unit(self, offer: Offer) -> str:
        """The unit's number as people know it from the ERP."""
        return offer.unit.written(self.erp.separator) if offer.unit else ""

    def _report_decided(self, known: RunEntries) -> dict[str, Any]:
        return self._report([_row(e, e.acceptance, e.acceptance_reason) for e in known.decided()])

    def _report(self, rows: Sequence[dict[str, str | None]]) -> dict[str, Any]:
        import pandas as pd

        chunk = Chunk.read(self.chunk)
        frame = pd.DataFrame(rows, columns=list(tables.ACCEPTANCE_COLUMNS)).astype("string[pyarrow]")
        tables.write(chunk.folder, "acceptance", frame, chunk)
        self.log.info("offers by what became of them: %s", frame["acceptance"].value_counts().to_dict())
        return chunk.handed_on


def _without_answer(event: dict[str, Any]) -> dict[str, Any]:
    """The event of an answer; a question whose time has passed counts as answered by nobody, with nothing chosen."""
    if event.get("error_type") != "timeout":
        return event
    nothing: dict[str, Any] = {"chosen_options": [], "params_input": {}, "responded_by_user": None}
    return nothing | {"responded_at": datetime.now(UTC)}


def _row(entry: Entry, acceptance: str | None, reason: str | None) -> dict[str, str | None]:
    return {
        "external_id": entry.external_id,
        "unit": entry.unit,
        "offer_number": entry.offer_number,
        "acceptance": acceptance,
        "reason": reason,
        "lease_number": entry.lease_number,
    }


def _approved_in(entry: Entry, run: Run) -> bool:
    """Whether a person said yes in this run already, before a crash kept the task from accepting."""
    return (
        entry.acceptance_run == run.run_id
        and bool(entry.decided_by)
        and entry.acceptance in (None, AcceptanceState.ACCEPTING)
    )
