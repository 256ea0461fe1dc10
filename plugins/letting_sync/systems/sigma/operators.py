"""The operators of Wodis Sigma; their base classes contain the logic shared by all ERPs."""

from __future__ import annotations

from letting_sync.tasks.auto_accept.operator import AcceptOffersOperator
from letting_sync.tasks.load_offers.operator import LoadOffersOperator


class SigmaLoadOffersOperator(LoadOffersOperator):
    """
    Deliver each staged prospect to the portal's inbox and run the portal's import, once.

    The task is deferred while a long import is running.
    """

    system = "sigma"


class SigmaAcceptOffersOperator(AcceptOffersOperator):
    """Set the offers that the policy permits to "angenommen" and save them, which creates the lease."""

    system = "sigma"
