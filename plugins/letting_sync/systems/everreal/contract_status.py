"""The words of a contract's ``status``, in one table.

That a contract exists from the moment it is started, long before anybody has signed it, is published; the words are
not. When a customer's EverReal uses another word, the run's counts name it (``unknown_words``), and it is added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from letting_sync.parsing import records as fields
from letting_sync.reasons import Field


class ContractStage(StrEnum):
    """How far a contract is; ``UNKNOWN`` for a word that is not in the table."""

    STARTED = "started"
    SIGNED = "signed"
    ENDED = "ended"
    UNKNOWN = "unknown"


STATUS_WORDS: Mapping[str, ContractStage] = {
    # assumed: the words of the contract
    "DRAFT": ContractStage.STARTED,
    "SENT": ContractStage.STARTED,
    "SIGNED": ContractStage.SIGNED,
    "CANCELLED": ContractStage.ENDED,
    # not known to exist; if they do, a contract in one of them must never become a lease
    "CANCELED": ContractStage.ENDED,
    "DECLINED": ContractStage.ENDED,
    "REJECTED": ContractStage.ENDED,
    "WITHDRAWN": ContractStage.ENDED,
    "EXPIRED": ContractStage.ENDED,
    "VOIDED": ContractStage.ENDED,
    "DELETED": ContractStage.ENDED,
}


def status_word(contract: Any) -> str:
    """The contract's status in capitals, without blanks around it.

    :raises RefuseRecord: ``status_missing``: nobody could say what it means.
    """
    status = fields.mapping(contract, Field.CONTRACT).get("status")
    return fields.required_text(status, Field.STATUS, 64).strip().upper()


def stage_of(contract: Any) -> ContractStage:
    """How far the contract is.

    :raises RefuseRecord: as :func:`status_word`.
    """
    return STATUS_WORDS.get(status_word(contract), ContractStage.UNKNOWN)
