"""Wodis Sigma, a housing ERP: its hook, its mapping, its client, its operators."""

from include.prospects.erp import ErpSystem
from sigma.operators import SigmaAcceptOffersOperator, SigmaLoadOffersOperator

SIGMA = ErpSystem(
    name="sigma",
    path="sigma.SIGMA",
    client="sigma.erp.Sigma",
    load=SigmaLoadOffersOperator,
    accept=SigmaAcceptOffersOperator,
    pool_slots=4,  # it serves four requests at a time, which one task makes (assumed contract)
)
