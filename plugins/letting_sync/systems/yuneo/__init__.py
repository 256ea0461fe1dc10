"""Wodis Yuneo, a housing ERP: its hook, its mapping, its client, its operators."""

from letting_sync.erp import ErpSystem
from letting_sync.systems.yuneo.operators import YuneoAcceptOffersOperator, YuneoLoadOffersOperator

YUNEO = ErpSystem(
    name="yuneo",
    title="Wodis Yuneo",
    path="letting_sync.systems.yuneo.YUNEO",
    client="letting_sync.systems.yuneo.client.Yuneo",
    load=YuneoLoadOffersOperator,
    accept=YuneoAcceptOffersOperator,
    separator="/",
)
