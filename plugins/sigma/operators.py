"""The two operators of Wodis Sigma; what they do for every ERP is in their bases."""

from __future__ import annotations

from include.prospects.accept_operator import AcceptOffersOperator
from include.prospects.load_operator import LoadOffersOperator


class SigmaLoadOffersOperator(LoadOffersOperator):
    """
    Deliver each staged prospect to the portal's inbox and run the portal's import, once.

    A long import goes on by itself; while it does, the task is deferred.
    """

    system = "sigma"


class SigmaAcceptOffersOperator(AcceptOffersOperator):
    """Set the offers that the policy lets through to "angenommen" and save, which makes the lease."""

    system = "sigma"
