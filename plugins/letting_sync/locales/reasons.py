"""Texts of the reason codes and what to do about each; a code without a text is shown as it is."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.locales.texts import group, text
from letting_sync.reasons import Field, Kind, Problem, Reason, field_reason

QUESTION = "question"
"""An offer that waits for an answer, beside the reasons of held offers."""


def of(language: Language) -> dict[Reason, str]:
    """Return the texts of a language by reason; those of one field are made of the field and the problem."""
    found = {
        field_reason(problem, field): text(
            f"problems.{problem.name.lower()}", language, field=text(f"fields.{field}", language)
        )
        for problem in Problem
        for field in Field
    }
    return found | {Reason.stored(code): said for code, said in group("reasons", language).items()}


def next_steps(language: Language) -> dict[str, str]:
    """Return what to do next, for every reason of a held offer and for a question."""
    known = group("next_steps", language)
    codes = [QUESTION, *(str(reason) for reason in Reason if reason.kind is Kind.HELD), *known]
    return {code: known.get(code, known["default"]) for code in sorted(set(codes) - {"default"})}
