"""How often a field differs between two records of one person, and how; by the levels of :mod:`.comparison`."""

from __future__ import annotations

from typing import Final

FIRST: Final = (0.72, 0.13, 0.02, 0.04, 0.01, 0.01, 0.0, 0.01)
LAST: Final = (0.72, 0.14, 0.02, 0.03, 0.0, 0.0, 0.0, 0.04)
ORDER: Final = (0.94, 0.05, 0.01)
DATE: Final = (0.70, 0.06, 0.02, 0.02, 0.03, 0.02, 0.05, 0.03, 0.01, 0.01, 0.0, 0.02)
STREET: Final = (0.65, 0.25, 0.04, 0.0, 0.07)
HOUSE: Final = (0.84, 0.06, 0.0, 0.0, 0.1)
POSTAL: Final = (0.83, 0.15, 0.01, 0.0, 0.01)
CITY: Final = (0.7, 0.2, 0.03, 0.0, 0.07)
EMAIL: Final = (0.7, 0.05, 0.02, 0.0, 0.23)
PHONE: Final = (0.7, 0.0, 0.0, 0.0, 0.3)
CONTACT: Final = (0.7, 0.0, 0.0, 0.0, 0.3)
HOUSEHOLD_EMAIL: Final = (0.2, 0.0, 0.0, 0.0, 0.8)
HOUSEHOLD_PHONE: Final = (0.3, 0.0, 0.0, 0.0, 0.7)
HOUSEHOLD_CONTACT: Final = (0.1, 0.0, 0.0, 0.0, 0.9)
