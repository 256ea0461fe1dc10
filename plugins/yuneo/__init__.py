"""Wodis Yuneo, a housing ERP: its hook, its mapping, its client, its operators."""

from include.prospects.erp import ErpSystem
from yuneo.operators import YuneoAcceptOffersOperator, YuneoLoadOffersOperator

YUNEO = ErpSystem(
    name="yuneo",
    path="yuneo.YUNEO",
    client="yuneo.erp.Yuneo",
    load=YuneoLoadOffersOperator,
    accept=YuneoAcceptOffersOperator,
    separator="/",
)
