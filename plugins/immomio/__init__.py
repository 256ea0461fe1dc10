"""Immomio, a letting platform (partner): its hook, its mapping, its operator."""

from immomio.operators import ImmomioExtractOperator
from include.prospects.partner import PartnerSystem

IMMOMIO = PartnerSystem(name="immomio", extract=ImmomioExtractOperator)
