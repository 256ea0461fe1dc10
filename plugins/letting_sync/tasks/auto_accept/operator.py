"""The task ``auto_accept``: Airflow's side of :mod:`letting_sync.tasks.auto_accept.acceptor`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from letting_sync import assets, lineage, window
from letting_sync.alerts import callbacks, messages
from letting_sync.counts import leases_of
from letting_sync.dry_run import is_dry_run
from letting_sync.erp import ErpTarget
from letting_sync.ledger.records import REVIEW_AFTER, AcceptanceState
from letting_sync.lineage import LineageMixin
from letting_sync.locales.texts import text
from letting_sync.partner import PartnerTarget
from letting_sync.reasons import Reason
from letting_sync.settings import RETRYING_AFTER, AcceptancePolicy
from letting_sync.signatures import with_signature
from letting_sync.staging import tables
from letting_sync.staging.chunks import Chunk
from letting_sync.task_errors import ExpectedErrorsMixin
from letting_sync.tasks.auto_accept import question
from letting_sync.tasks.auto_accept.policy import Decision, strictest
from letting_sync.tasks.auto_accept.review import ENTRIES_PER_RUN, review

if TYPE_CHECKING:
    from airflow.sdk import Context

    from letting_sync.ledger.records import Entry, Run
    from letting_sync.model import Offer
    from letting_sync.tasks.auto_accept.acceptor import Acceptor
    from letting_sync.tasks.auto_accept.selection import RunEntries


_COLUMNS = ("offer", "unit", "lease_start")
_DOUBT_COLUMNS = ("why", "business_partner", "other_partner")


class AcceptOffersOperator(LineageMixin, ExpectedErrorsMixin, HITLOperator):
    """
    Turn the offers of a chunk into leases where the policy allows it, once.

    May be run again at any time: every offer is read from the ERP, and its prospect from the partner, just before it is
    accepted. With
    ``accept="approval"``, or above ``max_accepts_per_run``, the task asks a person (one question a chunk, which on
    an ordinary day is the run, under *Required Actions*) and holds no worker slot meanwhile.

    :param chunk: a chunk of the run, as ``load_offers`` handed it on (templated).
    :cvar system: name of the ERP that the operator is for; ``None``: any.
    :param erp: the ERP at this customer.
    :param partner: the partner at this customer, which is asked for each prospect just before the lease.
    :param policy: what may be accepted, and when a person is asked; the param ``accept`` of a run comes first.
    :param retrying_after: how long a system may fail to serve the run before that is reported.
    :return: the chunk; nothing personal leaves the task.
    """

    template_fields: Sequence[str] = ("chunk", "subject", "body")
    ui_color = "#fdf3e1"
    system: ClassVar[str | None] = None

    @with_signature
    def __init__(
        self,
        *,
        chunk: Any,
        erp: ErpTarget,
        partner: PartnerTarget,
        policy: AcceptancePolicy,
        retrying_after: timedelta = RETRYING_AFTER,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            subject=text("approval.subject"),
            options=[text("approval.approve"), text("approval.reject")],
            # No default answer, which the form would show as the one to choose: see _without_answer.
            assigned_users=[{"id": user, "name": user} for user in policy.approvers] or None,
            notifiers=[callbacks.ApprovalAsked()],
            response_timeout=policy.approval_timeout,
            **kwargs,
        )
        self.retrying_after = retrying_after
        self.chunk: dict[str, Any] = chunk
        self.erp = erp.checked_for(self.system)
        self.partner = partner
        self.policy = policy

    def execute(self, context: Context) -> Any:
        """Decide, then accept or ask."""
        return self.expecting_errors(context, "decide_and_accept")

    def decide_and_accept(self, context: Context) -> dict[str, Any]:
        """Do the task's work up to the end or to the question, from its beginning."""
        acceptor, known = self._open(context)
        try:
            if is_dry_run(context["params"]):
                return self._preview(acceptor, context)
            replay = bool(context["params"].get("external_ids"))
            plan = acceptor.plan(known.to_decide(replay))
            acceptable = acceptor.write(plan) + self._review(acceptor, known)
            # Before a question is asked, which ends this try.
            approved = [d.entry for d in acceptable if _approved_in(d.entry, acceptor.run)]
            acceptor.accept(approved)
            others = [d for d in acceptable if d.entry not in approved]
            self._accept_by_mode(others, acceptor, known, context)
            return self._report_decided(known, context)
        finally:
            self._close(acceptor)

    def _accept_by_mode(
        self, acceptable: Sequence[Decision], acceptor: Acceptor, known: RunEntries, context: Context
    ) -> None:
        """Accept, ask about, or hold each offer by its accept mode: its own or the run's, whichever is stricter.

        A person who replays prospects and says how they are to be accepted has decided that.
        """
        said = context["params"].get("accept")
        replay_decides = bool(said and context["params"].get("external_ids"))
        accept, ask, hold = list[Decision](), list[Decision](), list[int]()
        for decision in acceptable:
            own = None if replay_decides else decision.entry.accept_mode
            mode = strictest(own, said or self.policy.accept)
            if mode == "off":
                hold.append(decision.entry.id)
            elif mode == "approval" or decision.entry.ask_reason:
                ask.append(decision)
            else:
                accept.append(decision)
        if accept and known.most_accepts(len(accept)) > self.policy.max_accepts_per_run:
            accept, ask = [], [*ask, *accept]
        acceptor.ledger.mark_held(hold, Reason.ACCEPT_OFF, acceptor.run.run_id)
        acceptor.accept([decision.entry for decision in accept])
        if ask:
            self._ask_about(ask, acceptor, context)

    def _review(self, acceptor: Acceptor, known: RunEntries) -> list[Decision]:
        """Compare held offers that are due with partner and ERP; returns those that may be decided on anew."""
        due = known.due_for_review(acceptor.ledger.now() - REVIEW_AFTER, ENTRIES_PER_RUN)
        if not due:
            return []
        free, found = review(acceptor, due)
        tables.write_counts(Chunk.read(self.chunk).folder, "reviewed", found)
        self.log.info("%d offers on hold were compared with partner and ERP.", len(due))
        return free

    def _preview(self, acceptor: Acceptor, context: Context) -> dict[str, Any]:
        """Stage what would be decided if the load had taken place; nothing is written to the ERP or to the ledger."""
        from letting_sync.staging import dry_run as staged
        from letting_sync.tasks.auto_accept import dry_run
        from letting_sync.tasks.auto_accept.acceptor import Acceptor
        from letting_sync.tasks.auto_accept.policy import Verdict
        from letting_sync.tasks.auto_accept.selection import RunEntries

        chunk, params = Chunk.read(self.chunk), context["params"]
        ledger: Any = dry_run.LoadedLedger(acceptor.ledger, acceptor.run, chunk.folder)
        loaded_erp: Any = dry_run.LoadedErp(acceptor.erp, ledger.offers)
        planner = Acceptor(ledger, loaded_erp, acceptor.partner, acceptor.run, acceptor.today)
        known = RunEntries(ledger, acceptor.run, chunk, lambda run_id: _has_ended(context, run_id))
        decisions = planner.look_again(planner.plan(known.to_decide(replay=bool(params.get("external_ids")))))
        acceptable = sum(decision.verdict is Verdict.ACCEPT for decision in decisions)
        rows = dry_run.accepts(
            decisions,
            params.get("accept") or self.policy.accept,
            self.policy.max_accepts_per_run,
            known.most_accepts(acceptable),
        )
        staged.write(chunk.folder, chunk, staged.ACCEPTANCE, rows, staged.WouldAccept)
        self.outlets = []  # nothing was made that others wait for
        self.log.info("Dry run, nothing was accepted. Offers checked: %d.", len(rows))
        return chunk.handed_on

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on with the answer: accept what was selected, hold the rest."""
        return self.expecting_errors(context, "carry_out", event=event)

    def carry_out(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Do what the answer says, from its beginning."""
        # The language may be another one than when the question was put.
        self.options = question.options_in_all_languages()
        response = super().execute_complete(context, _without_answer(event))
        user = (response["responded_by_user"] or {}).get("name")
        selected = set(response["params_input"].get("offers") or [])
        acceptor, known = self._open(context)
        try:
            ledger, run = acceptor.ledger, acceptor.run
            awaiting = [entry for entry in known.decided() if entry.acceptance == AcceptanceState.AWAITING]
            is_yes = question.is_yes(response["chosen_options"])
            yes = [entry for entry in awaiting if is_yes and entry.offer_number in selected]
            no = [entry.id for entry in awaiting if entry not in yes]
            ledger.mark_held(
                no, Reason.REJECTED_BY_APPROVER if user else Reason.APPROVAL_TIMED_OUT, run.run_id, user
            )
            ledger.mark_approved([entry.id for entry in yes], run.run_id, user or "")
            acceptor.accept(yes)
            return self._report_decided(known, context)
        finally:
            self._close(acceptor)

    def _open(self, context: Context) -> tuple[Acceptor, RunEntries]:
        from letting_sync.ledger.ledger import Ledger
        from letting_sync.ledger.records import Run
        from letting_sync.tasks.auto_accept.acceptor import Acceptor
        from letting_sync.tasks.auto_accept.selection import RunEntries

        chunk, dag_run = Chunk.read(self.chunk), context["dag_run"]
        window_read = tables.extent(chunk.folder).window or (None, None)
        erp, partner = self.erp.open(), self.partner.open()
        ledger = Ledger(scope=erp.scope)
        run = Run(dag_run.dag_id, erp.scope, dag_run.run_id, *window_read)
        acceptor = Acceptor(ledger, erp, partner, run, window.today())
        return acceptor, RunEntries(ledger, run, chunk, lambda run_id: _has_ended(context, run_id))

    def _close(self, acceptor: Acceptor) -> None:
        acceptor.erp.close()
        acceptor.partner.close()

    def _ask_about(self, planned: Sequence[Decision], acceptor: Acceptor, context: Context) -> None:
        """Ask a person about the offers that can be accepted; return if there are none."""
        acceptable = acceptor.write(acceptor.look_again(planned))
        by_reason = defaultdict[Reason | None, list[int]](list)
        for decision in acceptable:
            by_reason[decision.entry.ask_reason].append(decision.entry.id)
        for reason, ids in by_reason.items():
            acceptor.ledger.mark_awaiting(ids, acceptor.run.run_id, reason)
        if acceptable:
            self._ask(context, acceptable)

    def _ask(self, context: Context, acceptable: Sequence[Decision]) -> None:
        """Defer the task until a person has responded; never returns."""
        offers = [decision.offer for decision in acceptable if decision.offer]
        self.body = self._question(acceptable)
        numbers = [offer.number for offer in offers]
        self.params = ParamsDict(
            {
                "offers": Param(
                    numbers,
                    type="array",
                    title=text("approval.offers"),
                    description=text("approval.offers_hint"),
                    examples=numbers,
                    items={"type": "string", "enum": numbers},
                )
            }
        )
        super().execute(context)

    def _question(self, acceptable: Sequence[Decision]) -> str:
        """Return the offers as a Markdown table without personal data."""
        end = question.end_of(datetime.now(UTC), self.policy.approval_timeout, self.policy.approval_ends)
        self.response_timeout = end - datetime.now(UTC)
        in_doubt = any(decision.entry.ask_reason for decision in acceptable)
        columns = [text(f"approval.columns.{name}") for name in _COLUMNS]
        columns += [text(f"approval.doubt_columns.{name}") for name in _DOUBT_COLUMNS if in_doubt]
        rows = [columns, ["---"] * len(columns)]
        for decision in acceptable:
            if o := decision.offer:
                row = [self._linked(o), question.cell(self._unit(o)), question.written_day(o.lease_start)]
                rows.append([*row, *(map(question.cell, question.doubts(decision)) if in_doubt else ())])
        table = [f"| {' | '.join(row)} |" for row in rows]
        until = window.local_text(end, text("formats.moment"))
        return "\n".join([*table, "", text("approval.without_response", end=until)])

    @staticmethod
    def _linked(offer: Offer) -> str:
        """The offer's number, as a link to its prospect on the page *Prospects*."""
        address = messages.console_address(find=offer.number)
        number = question.cell(offer.number)
        return f"[{number}]({address})" if address else number

    def _unit(self, offer: Offer) -> str:
        """The unit's number as people know it from the ERP."""
        return offer.unit.written(self.erp.separator) if offer.unit else ""

    def _report_decided(self, known: RunEntries, context: Context) -> dict[str, Any]:
        rows = [_row(e, e.acceptance, e.acceptance_reason) for e in known.decided()]
        window_read = tables.extent(Chunk.read(self.chunk).folder).window
        leases = leases_of(rows, known.run.run_id)
        assets.note(context, self.outlets, window_read, leases)
        made = leases["leases_created"] + leases["leases_for_other_runs"]
        self.lineage_inputs = [lineage.offers_of(self.erp, len(rows)), lineage.prospects_of(self.partner)]
        self.lineage_outputs = [lineage.leases_of(self.erp, made)]
        return self._report(rows)

    def _report(self, rows: Sequence[dict[str, str | None]]) -> dict[str, Any]:
        chunk = Chunk.read(self.chunk)
        tables.write_rows(
            chunk.folder, "acceptance", rows, dict.fromkeys(tables.ACCEPTANCE_COLUMNS, "text"), chunk
        )
        decided = Counter(row["acceptance"] for row in rows if row["acceptance"])
        self.log.info("Offers by outcome: %s.", tables.counted(dict(decided.most_common())))
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
        "offer_run": entry.run_id,
    }


def _approved_in(entry: Entry, run: Run) -> bool:
    """Return whether a person has approved the entry in this run already, before a crash of the task."""
    return (
        entry.acceptance_run == run.run_id
        and bool(entry.decided_by)
        and entry.acceptance in (None, AcceptanceState.ACCEPTING)
    )


def _has_ended(context: Context, run_id: str) -> bool:
    """Return whether a run of this DAG is neither queued nor running; a deleted one has ended too."""
    task_instance = context.get("ti")
    if task_instance is None:  # outside Airflow nothing runs beside us
        return True
    alive = task_instance.get_dr_count(
        dag_id=context["dag_run"].dag_id, run_ids=[run_id], states=["queued", "running"]
    )
    return not alive
