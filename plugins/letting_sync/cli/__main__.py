"""``python -m letting_sync.cli``: as ``letting-sync``, where the package is in the plugins folder."""

from __future__ import annotations

import sys

from letting_sync.cli.main import run

sys.exit(run())
