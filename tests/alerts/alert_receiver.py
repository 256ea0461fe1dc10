"""Both ends of the ways that alerts take, and the runs that they are about."""

from __future__ import annotations

import email
import email.policy
import json
import re
import socket
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from letting_sync.ledger.ledger import Ledger
from letting_sync.ledger.records import Intent, Made, Run

PAIR = "immomio_yuneo"
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
SECRET = "services/T0/B0/verysecretpath"
PERSONAL = re.compile(r"Anna|Müller|anna@|1980|K-4711", re.IGNORECASE)


class Received:
    """What has arrived at both ends."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.posts: list[tuple[str, dict]] = []
        self.response = 200

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    @property
    def headlines(self) -> list[str]:
        return [mail["subject"] for mail in self.mails]

    @property
    def text(self) -> str:
        """Everything, for a search."""
        bodies = [
            part.get_content() for mail in self.mails for part in mail.walk() if not part.is_multipart()
        ]
        return "\n".join([*self.headlines, *bodies, *(json.dumps(p, ensure_ascii=False) for p in self.posts)])


def run(hours: int = 0, *, dag_id: str = PAIR, run_type: str = "scheduled", state: str = "running") -> dict:
    """A run whose window of an hour ends so many hours after noon, as deadlines get it."""
    end = NOON + timedelta(hours=hours)
    return {
        "dag_id": dag_id,
        "dag_run_id": f"{run_type}__{end.isoformat()}",
        "data_interval_start": (end - timedelta(hours=1)).isoformat(),
        "data_interval_end": end.isoformat(),
        "run_after": end.isoformat(),
        "run_type": run_type,
        "state": state,
        "conf": {},
    }


def context(dag_run: dict, task: str | None = None, exception: BaseException | None = None, **params) -> dict:
    ti = type("Ti", (), {"task_id": task})() if task else None
    return {"dag_run": dag_run, "ti": ti, "exception": exception, "params": params}


def counts(extracted: int = 40, quarantined: int = 0) -> dict:
    return {
        "extracted": extracted,
        "quarantined": quarantined,
        "quarantine_reasons": {"last_name_missing": quarantined} if quarantined else {},
    }


def waiting_offer(
    external_id: str, reason: str = "competing_offer", run_id: str = "r", awaiting: bool = False
) -> int:
    ledger, by = Ledger(), Run(PAIR, "yuneo", run_id)
    ledger.claim(by, [Intent(external_id, f"1/2/3/{external_id}", True, "hash", "person")])
    (entry,) = ledger.find(PAIR, [external_id]).values()
    ledger.mark_loaded([Made(entry.id, None, offer_id=external_id, offer_number=f"A{external_id}")])
    if awaiting:
        ledger.mark_awaiting([entry.id], run_id)
    else:
        ledger.mark_held([entry.id], reason, run_id)
    return entry.id


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
