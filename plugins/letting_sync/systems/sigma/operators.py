"""The two operators of Wodis Sigma; what they do for every ERP is in their bases."""

from __future__ import annotations

from letting_sync.tasks.auto_accept.operator import AcceptOffersOperator
from letting_sync.tasks.load_offers.operator import LoadOffersOperator


class SigmaLoadOffersOperator(LoadOffersOperator):
    """
    Deliver each staged prospect to the portal's inbox and run the portal's import, once.

    A long import goes on by itself; while it does, the task is deferred.
    """

    system = "sigma"


class SigmaAcceptOffersOperator(AcceptOffersOperator):
    """Set the offers that the policy lets through to "angenommen" and save, which makes the lease."""

    system = "sigma"
