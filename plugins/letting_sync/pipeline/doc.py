"""The page of a DAG in the Airflow UI, in the language of the deployment."""

from __future__ import annotations

from functools import cache

from letting_sync import config
from letting_sync.alerts.settings import recipients
from letting_sync.config import Language
from letting_sync.locales.texts import group, text


def doc_of(dag: str) -> str:
    """Return the page of a DAG as Markdown: what it does, what to do when something is wrong, recipients of its alerts.

    :param dag: ``retention``, ``files`` or ``check``: the texts are below ``dags`` in the locales.
    """
    language = config.language()
    return _page(dag, text(f"dags.{dag}.title", language), text(f"dags.{dag}.about", language), language)


def doc_of_pair(partner: str, erp: str) -> str:
    """Return the page of a pair's DAG as Markdown.

    :param partner: the partner's name for people.
    :param erp: the ERP's name for people.
    """
    return _page_of_pair(partner, erp, config.language())


@cache  # a DAG file may contain thousands of pairs
def _page_of_pair(partner: str, erp: str, language: Language) -> str:
    about = text("dags.pair.about", language, partner=partner, erp=erp)
    return _page("pair", f"{partner} → {erp}", about, language)


def _page(dag: str, title: str, about: str, language: Language) -> str:
    points = [*group(f"dags.{dag}.points", language).values(), _recipients(language)]
    return "\n".join([f"### {title}", "", about, "", *(f"* {point}" for point in points), ""])


def _recipients(language: Language) -> str:
    return text("dags.recipients", language, recipients=recipients())
