"""Wodis Sigma, a housing ERP: its hook, its mapping, its client, its operators."""

from letting_sync.erp import ErpSystem
from letting_sync.systems.sigma.operators import SigmaAcceptOffersOperator, SigmaLoadOffersOperator

SIGMA = ErpSystem(
    name="sigma",
    title="Wodis Sigma",
    path="letting_sync.systems.sigma.SIGMA",
    client="letting_sync.systems.sigma.client.Sigma",
    load=SigmaLoadOffersOperator,
    accept=SigmaAcceptOffersOperator,
    pool_slots=4,  # Sigma serves four concurrent requests, and one task makes four (assumed contract)
)
