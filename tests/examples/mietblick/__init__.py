"""Mietblick, an invented letting platform (partner): its hook, its mapping, its client, its operator."""

from letting_sync.partner import PartnerSystem
from mietblick.operators import MietblickExtractOperator

# guide: system
MIETBLICK = PartnerSystem(
    name="mietblick",
    title="Mietblick",
    client="mietblick.client.Mietblick",
    extract=MietblickExtractOperator,
)
# guide: end
