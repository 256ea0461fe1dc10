"""Base class of the partners' clients, which fetch and map single records (:class:`letting_sync.partner.Partner`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Generic, TypeVar

from letting_sync import window
from letting_sync.errors import RefuseRecord
from letting_sync.http.hook import ApiHook
from letting_sync.model import Prospect
from letting_sync.partner import Current, PartnerTarget, Reference

_Hook = TypeVar("_Hook", bound=ApiHook)


class PartnerClient(ABC, Generic[_Hook]):
    """Client of one customer's partner system that fetches the current state of single prospects.

    :cvar hook_type: the partner's hook.
    """

    hook_type: ClassVar[type[ApiHook]]

    def __init__(self, target: PartnerTarget) -> None:
        self.target = target
        self.hook: _Hook = self.hook_type(target.conn_id)  # type: ignore[assignment]

    @abstractmethod
    def find(self, reference: Reference) -> Sequence[Any]:
        """Return the partner's record for a reference, one element per unit; empty if it does not exist."""

    @abstractmethod
    def to_prospect(self, record: Any, today: date) -> Prospect:
        """Map a record with the same rules as the task ``extract``.

        :raises RefuseRecord: the record cannot be mapped.
        """

    def current(self, references: Sequence[Reference]) -> list[Current]:
        """Fetch the current state of each reference: one call each, with the hook's ``concurrency``."""
        return list(self.hook.concurrently(self._current, references))

    def _current(self, reference: Reference) -> Current:
        return [self._mapped(record) for record in self.find(reference)]

    def _mapped(self, record: Any) -> Prospect | RefuseRecord:
        try:
            return self.to_prospect(record, window.today())
        except RefuseRecord as refusal:
            return refusal

    def close(self) -> None:
        """Close the hook's session."""
        self.hook.close()
