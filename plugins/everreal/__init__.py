"""EverReal, a letting platform (partner): its hook, its mapping, its operator."""

from everreal.operators import EverRealExtractOperator
from include.prospects.partner import PartnerSystem

EVERREAL = PartnerSystem(
    name="everreal",
    extract=EverRealExtractOperator,
    options={"chosen_when": ("signed", "started"), "several_units": ("offer_each", "quarantine")},
)
