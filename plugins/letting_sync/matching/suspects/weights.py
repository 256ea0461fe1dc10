"""How often a field differs between two records of one person, and how.

Made by ``benchmarks/train_suspects.py``, which says from which pairs; not edited by hand. Each share belongs to the level in
its place in :mod:`letting_sync.matching.suspects.comparison`.
"""

from __future__ import annotations

from typing import Final

FIRST: Final = (0.6921, 0.2510, 0.0034, 0.0286, 0.0095, 0.0095, 0.0000, 0.0059)
LAST: Final = (0.6706, 0.2689, 0.0083, 0.0291, 0.0000, 0.0000, 0.0000, 0.0231)
ORDER: Final = (0.9637, 0.0313, 0.0050)
DATE: Final = (0.7059, 0.0724, 0.0260, 0.0270, 0.0327, 0.0328, 0.0663, 0.0147, 0.0099, 0.0098, 0.0000, 0.0024)
STREET: Final = (0.7110, 0.2075, 0.0093, 0.0000, 0.0723)
HOUSE: Final = (0.8421, 0.0360, 0.0020, 0.0000, 0.1200)
POSTAL: Final = (0.8253, 0.1592, 0.0020, 0.0000, 0.0135)
CITY: Final = (0.7143, 0.2074, 0.0161, 0.0000, 0.0622)

# From here on assumed: no public set has contact data.
EMAIL: Final = (0.7, 0.05, 0.02, 0.0, 0.23)
HOUSEHOLD_EMAIL: Final = (0.2, 0.0, 0.0, 0.0, 0.8)
PHONE: Final = (0.7, 0.0, 0.0, 0.0, 0.3)
HOUSEHOLD_PHONE: Final = (0.3, 0.0, 0.0, 0.0, 0.7)
CONTACT: Final = (0.7, 0.0, 0.0, 0.0, 0.3)
HOUSEHOLD_CONTACT: Final = (0.1, 0.0, 0.0, 0.0, 0.9)
