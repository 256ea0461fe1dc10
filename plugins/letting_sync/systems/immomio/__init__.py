"""Immomio, a letting platform (partner): its hook, its mapping, its operator."""

from letting_sync.partner import PartnerSystem
from letting_sync.systems.immomio.operators import ImmomioExtractOperator

IMMOMIO = PartnerSystem(name="immomio", extract=ImmomioExtractOperator)
