"""Python's search for garbage, left out where all that is made is kept."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Nothing is searched for cycles meanwhile: thousands of objects that are kept would be looked through in vain.

    What no name holds any more is given back at once all the same; only cycles wait until the end.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()
