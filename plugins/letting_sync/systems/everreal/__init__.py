"""EverReal, a letting platform (partner): its hook, its mapping, its operator."""

from letting_sync.partner import PartnerSystem
from letting_sync.systems.everreal.operators import EverRealExtractOperator

EVERREAL = PartnerSystem(
    name="everreal",
    extract=EverRealExtractOperator,
    options={"chosen_when": ("signed", "started"), "several_units": ("offer_each", "quarantine")},
)
