"""What the tests of the gateway's log-in call, and what must never be said by it."""

from __future__ import annotations

import re
from typing import Any

from include.sandbox.yuneo_gateway import Gateway
from letting_sync.systems.yuneo.hook import YuneoHook

UNIT = "1/2/3/4"
SECRET = re.compile(rf"{Gateway.client_secret}|{Gateway.scope}|eyJ[\w-]+\.")
"""The client secret, the scope, and whatever looks like an assertion: its head in base64 starts with ``eyJ``."""


def read(hook: YuneoHook) -> list[dict[str, Any]]:
    """A call that needs a token."""
    return list(hook.offers_on_unit(UNIT))
