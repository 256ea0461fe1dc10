"""Airflow asks for the signatures of constructors; those of mapped tasks are worked out once."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from letting_sync.signatures import with_signature
from letting_sync.systems.sigma import SIGMA
from letting_sync.systems.yuneo import YUNEO


def test_a_stored_signature_is_that_of_the_constructor() -> None:
    class Bare:
        def __init__(self, *, chunk: str, key: int = 1, **others: Any) -> None: ...

    class Stored:
        @with_signature
        def __init__(self, *, chunk: str, key: int = 1, **others: Any) -> None: ...

    assert inspect.signature(Stored.__init__) == inspect.signature(Bare.__init__)
    assert inspect.signature(Stored) == inspect.signature(Bare)


@pytest.mark.parametrize("operator", [SIGMA.load, SIGMA.accept, YUNEO.load, YUNEO.accept])
def test_no_mapped_task_of_ours_has_its_signature_worked_out_for_each_dag(
    operator: type[BaseOperator],
) -> None:
    """``partial`` looks at each constructor of the class and its base classes."""
    ours = [kind.__init__ for kind in operator.mro() if kind.__module__.startswith("letting_sync.")]
    own = [constructor for constructor in ours if constructor is not BaseOperator.__init__]

    assert own
    for constructor in own:
        assert inspect.signature(constructor) is inspect.signature(constructor)
