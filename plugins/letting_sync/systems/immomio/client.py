"""Immomio's implementation of :class:`letting_sync.partner.Partner`, used by the acceptance."""

from __future__ import annotations

from datetime import date
from typing import Any

from letting_sync.http.partner_client import PartnerClient
from letting_sync.model import Prospect
from letting_sync.partner import Reference
from letting_sync.systems.immomio import mapping
from letting_sync.systems.immomio.hook import ImmomioHook


class Immomio(PartnerClient[ImmomioHook]):
    """Client of one customer's Immomio. It fetches one application per call (assumed: there is no call for several)."""

    hook_type = ImmomioHook

    def find(self, reference: Reference) -> list[Any]:
        application = self.hook.application(reference.external_id)
        return [] if application is None else [application]

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.target.separator, today)
