"""Immomio as the acceptance sees it: a :class:`letting_sync.partner.Partner`."""

from __future__ import annotations

from collections.abc import Sequence

from letting_sync import window
from letting_sync.errors import RefuseRecord
from letting_sync.partner import Current, PartnerTarget, Reference
from letting_sync.systems.immomio import mapping
from letting_sync.systems.immomio.hook import ImmomioHook


class Immomio:
    """One customer's Immomio."""

    def __init__(self, target: PartnerTarget) -> None:
        self.target = target
        self.hook = ImmomioHook(target.conn_id)

    def current(self, references: Sequence[Reference]) -> list[Current]:
        """What Immomio has for each application now: one call each (assumed: there is none for several)."""
        return list(self.hook.concurrently(self._current, references))

    def _current(self, reference: Reference) -> Current:
        application = self.hook.application(reference.external_id)
        if application is None:
            return []
        try:
            return [mapping.to_prospect(application, self.target.separator, window.today())]
        except RefuseRecord as refusal:
            return [refusal]

    def close(self) -> None:
        """Give the connections back."""
        self.hook.close()
