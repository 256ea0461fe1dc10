"""Status words of EverReal's contracts.

Published: a contract exists as soon as it is started, before it is signed. The words themselves are assumed. A run
reports any other word in its counts (``unknown_words``); add it to :data:`STATUS_WORDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from letting_sync.parsing import records as fields
from letting_sync.reasons import Field


class ContractStage(StrEnum):
    """Stage of a contract; ``UNKNOWN`` for a word that is not in the table."""

    STARTED = "started"
    SIGNED = "signed"
    ENDED = "ended"
    UNKNOWN = "unknown"


STATUS_WORDS: Mapping[str, ContractStage] = {
    # assumed: the words in docs/contracts.md
    "DRAFT": ContractStage.STARTED,
    "SENT": ContractStage.STARTED,
    "SIGNED": ContractStage.SIGNED,
    "CANCELLED": ContractStage.ENDED,
    # not known to exist; listed so that a contract with one of them never becomes a lease
    "CANCELED": ContractStage.ENDED,
    "DECLINED": ContractStage.ENDED,
    "REJECTED": ContractStage.ENDED,
    "WITHDRAWN": ContractStage.ENDED,
    "EXPIRED": ContractStage.ENDED,
    "VOIDED": ContractStage.ENDED,
    "DELETED": ContractStage.ENDED,
}


def status_word(contract: Any) -> str:
    """Return the contract's status in upper case, without surrounding blanks.

    :raises RefuseRecord: ``status_missing``, or ``status_too_long`` above 64 characters.
    """
    status = fields.mapping(contract, Field.CONTRACT).get("status")
    return fields.required_text(status, Field.STATUS, 64).strip().upper()


def stage_of(contract: Any) -> ContractStage:
    """Return the stage of a contract.

    :raises RefuseRecord: as :func:`status_word`.
    """
    return STATUS_WORDS.get(status_word(contract), ContractStage.UNKNOWN)
