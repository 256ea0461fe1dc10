"""Mietblick as the acceptance sees it."""

from __future__ import annotations

from datetime import date
from typing import Any

from letting_sync.http.partner_client import PartnerClient
from letting_sync.model import Prospect
from letting_sync.partner import Reference
from mietblick import mapping
from mietblick.hook import MietblickHook


# guide: client
class Mietblick(PartnerClient[MietblickHook]):
    """One customer's Mietblick, asked for single applications."""

    hook_type = MietblickHook

    def find(self, reference: Reference) -> list[Any]:
        application = self.hook.application(reference.external_id)
        return [] if application is None else [application]

    def to_prospect(self, record: Any, today: date) -> Prospect:
        return mapping.to_prospect(record, self.target.separator, today)


# guide: end
