"""The two operators of Wodis Sigma; what they do for every ERP stands in their bases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from include.prospects.accept_operator import AcceptOffersOperator
from include.prospects.load_operator import LoadOffersOperator

if TYPE_CHECKING:
    from sigma.erp import Sigma


class SigmaLoadOffersOperator(LoadOffersOperator):
    """
    Deliver each staged prospect to the portal's inbox and run the portal's import, once.

    A long import goes on by itself; while it does, the task is deferred.
    """

    erp_class = "sigma.erp.Sigma"
    pool_slots_of_a_task = 4  # it serves four requests at a time, which one task makes (assumed contract)

    def erp(self) -> Sigma:
        """Open Sigma."""
        from sigma.erp import Sigma

        return Sigma(**self.erp_settings)


class SigmaAcceptOffersOperator(AcceptOffersOperator):
    """Set the offers that the policy lets through to "angenommen" and save, which makes the lease."""

    def erp(self) -> Sigma:
        """Open Sigma."""
        from sigma.erp import Sigma

        return Sigma(**self.erp_settings)


LOAD = SigmaLoadOffersOperator
ACCEPT = SigmaAcceptOffersOperator
