"""The operators of Wodis Yuneo; their base classes contain the logic shared by all ERPs."""

from __future__ import annotations

from letting_sync.tasks.auto_accept.operator import AcceptOffersOperator
from letting_sync.tasks.load_offers.operator import LoadOffersOperator


class YuneoLoadOffersOperator(LoadOffersOperator):
    """
    Run Yuneo's prospect import (Interessenten Import) for each staged prospect, once.

    A work order contains up to 200 prospects; the task is deferred while it is running.
    """

    system = "yuneo"


class YuneoAcceptOffersOperator(AcceptOffersOperator):
    """Run "Annehmen und Mietvertrag erstellen" for the offers that the policy permits."""

    system = "yuneo"
