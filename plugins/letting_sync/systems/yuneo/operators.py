"""The two operators of Wodis Yuneo; what they do for every ERP is in their bases."""

from __future__ import annotations

from letting_sync.tasks.auto_accept.operator import AcceptOffersOperator
from letting_sync.tasks.load_offers.operator import LoadOffersOperator


class YuneoLoadOffersOperator(LoadOffersOperator):
    """
    Run Yuneo's prospect import (Interessenten Import) for each staged prospect, once.

    A work order carries up to 200 prospects; while it runs, the task is deferred.
    """

    system = "yuneo"


class YuneoAcceptOffersOperator(AcceptOffersOperator):
    """Do the work of "Annehmen und Mietvertrag erstellen" for the offers that the policy lets through."""

    system = "yuneo"
