"""The two operators of Wodis Yuneo; what they do for every ERP stands in their bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.prospects.accept_operator import AcceptOffersOperator
from include.prospects.load_operator import LoadOffersOperator

if TYPE_CHECKING:
    from yuneo.erp import Yuneo


class YuneoLoadOffersOperator(LoadOffersOperator):
    """
    Run Yuneo's prospect import (Interessenten Import) for each staged prospect, once.

    A work order carries up to 200 prospects; while it runs, the task is deferred.
    """

    erp_class = "yuneo.erp.Yuneo"
    erp_separator = "/"

    def erp(self) -> Yuneo:
        """Open Yuneo."""
        from yuneo.erp import Yuneo

        return Yuneo(**self.erp_settings)


class YuneoAcceptOffersOperator(AcceptOffersOperator):
    """Do the work of "Annehmen und Mietvertrag erstellen" for the offers that the policy lets through."""

    def erp(self) -> Yuneo:
        """Open Yuneo."""
        from yuneo.erp import Yuneo

        return Yuneo(**self.erp_settings)


LOAD = YuneoLoadOffersOperator
ACCEPT = YuneoAcceptOffersOperator
