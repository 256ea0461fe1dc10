"""EverReal, a letting platform (partner): its hook, its mapping, its client, its operator."""

from letting_sync.partner import PartnerSystem
from letting_sync.systems.everreal.operators import EverRealExtractOperator

EVERREAL = PartnerSystem(
    name="everreal",
    title="EverReal",
    client="letting_sync.systems.everreal.client.EverReal",
    extract=EverRealExtractOperator,
    selections=("partner", "erp"),
    options={"chosen_when": ("signed", "started"), "several_units": ("offer_each", "quarantine")},
)
