"""Mietblick, an invented letting platform (partner): its hook, its mapping, its operator."""

from letting_sync.partner import PartnerSystem
from mietblick.operators import MietblickExtractOperator

# guide: system
MIETBLICK = PartnerSystem(name="mietblick", extract=MietblickExtractOperator)
# guide: end
