"""Signatures of the operators' constructors, which Airflow asks for again and again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Constructor = TypeVar("Constructor", bound=Callable[..., None])


def with_signature(constructor: Constructor) -> Constructor:
    """Decorate the constructor of an operator that is mapped (``partial``): its signature is worked out once.

    Airflow calls ``inspect.signature`` for each such task of each DAG, and there may be thousands of DAGs. A signature that is
    stored at the function is taken as it is (PEP 362).
    """
    stored: Any = constructor
    stored.__signature__ = inspect.signature(constructor)
    return constructor
