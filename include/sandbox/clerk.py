"""
Actions of a clerk on an offer in the ERP's masks, with names that are the same for both ERPs. Each change increments the offer's version.

Assumed, for both ERPs: only an open offer can be rejected, accepted or deleted; one that became a lease stays. A deleted offer is
in no list any more, and its number is not given again.
"""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from include.sandbox.common import Refused, today
from include.sandbox.erp_records import Lease, Offer

if TYPE_CHECKING:
    from include.sandbox.erp import Erp

NAME = "MEIER"


class Clerk:
    """A clerk at one ERP. Offers are named by their number."""

    def __init__(self, erp: "Erp") -> None:
        self.erp = erp

    def reject(self, number: int) -> Offer:
        """Set an open offer to rejected."""
        with self.erp.lock:
            self._open(number)
            return self.erp.clerk_edits(number, NAME, status=self.erp.rejected)

    def accept(self, number: int) -> Lease:
        """Accept an open offer, which creates the lease."""
        with self.erp.lock:
            return replace(
                self.erp.accept(replace(self._open(number), clerk=NAME), None, ("expired", "unit_let"))
            )

    def expire(self, number: int) -> Offer:
        """Let an open offer expire yesterday."""
        with self.erp.lock:
            return self.erp.clerk_edits(self._open(number), NAME, valid_until=today() - timedelta(days=1))

    def delete(self, number: int) -> None:
        """Delete an open offer."""
        with self.erp.lock:
            self.erp.remove_offer(self._open(number))

    def _open(self, number: int) -> Offer:
        offer = self.erp.stored(number)
        if offer.status != self.erp.offered:
            raise Refused(409, "not_open", f"offer {number} is {offer.status}")
        return offer
