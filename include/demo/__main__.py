"""``python -m include.demo``."""

from __future__ import annotations

import sys

from include.demo import main

sys.exit(main())
