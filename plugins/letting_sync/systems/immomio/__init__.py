"""Immomio, a letting platform (partner): its hook, its mapping, its client, its operator."""

from letting_sync.partner import PartnerSystem
from letting_sync.systems.immomio.operators import ImmomioExtractOperator

IMMOMIO = PartnerSystem(
    name="immomio",
    title="Immomio",
    client="letting_sync.systems.immomio.client.Immomio",
    extract=ImmomioExtractOperator,
)
