"""What to do about a held offer, by reason, in English and German; shown in the list of held offers."""

from __future__ import annotations

from letting_sync.config import Language
from letting_sync.reasons import Kind, Reason

QUESTION = "question"
_RIVAL = (
    "Decide at the partner, or reject one of the offers in the ERP; then re-process the other.",
    "Im Portal entscheiden oder eines der Angebote im ERP ablehnen; dann das andere erneut bearbeiten.",
)
_LOOK = (
    "Look at the offer in the ERP. When the cause is gone, re-process it, or accept it there.",
    "Das Angebot im ERP ansehen. Ist die Ursache behoben, erneut bearbeiten oder dort annehmen.",
)
_NOTHING = ("Nothing: somebody has decided.", "Nichts: Es ist entschieden.")
_STEPS: dict[str, tuple[str, str]] = {
    QUESTION: (
        "Answer the question: open it and choose the offers.",
        "Die Frage beantworten: öffnen und die Angebote auswählen.",
    ),
    Reason.WITHDRAWN_AFTER_LOAD: (
        "Reject the offer in the ERP. If the prospect was chosen again, re-process it.",
        "Das Angebot im ERP ablehnen. Wurde der Interessent erneut ausgewählt, erneut bearbeiten.",
    ),
    Reason.CHANGED_AFTER_LOAD: (
        "Compare offer and partner, correct the offer in the ERP, and accept it there.",
        "Angebot und Portal vergleichen, das Angebot im ERP berichtigen und dort annehmen.",
    ),
    Reason.AMBIGUOUS: (
        "Reject all but one of its offers in the ERP and accept the right one there.",
        "Im ERP alle Angebote bis auf eines ablehnen und das richtige dort annehmen.",
    ),
    Reason.OFFER_MISSING: (
        "Look whether somebody deleted the offer in the ERP. If by mistake, re-process it.",
        "Prüfen, ob das Angebot im ERP gelöscht wurde. Wenn versehentlich: erneut bearbeiten.",
    ),
    Reason.OFFER_REJECTED: _NOTHING,
    Reason.OFFER_IGNORED: _NOTHING,
    Reason.REJECTED_BY_APPROVER: (
        "Nothing: somebody said no. To be asked again, re-process it.",
        "Nichts: Die Freigabe wurde verweigert. Um erneut gefragt zu werden: erneut bearbeiten.",
    ),
    Reason.EXPIRED: (
        "Extend the offer in the ERP, then re-process it.",
        "Das Angebot im ERP verlängern, dann erneut bearbeiten.",
    ),
    Reason.NOT_YET_VALID: (
        "Wait until it is valid, then re-process it.",
        "Bis zum Beginn warten, dann erneut bearbeiten.",
    ),
    Reason.PERSON_CHANGED: (
        "Look why the offer is another person's now. If that is right, accept it in the ERP.",
        "Prüfen, warum das Angebot jetzt einer anderen Person gehört. Stimmt das, im ERP annehmen.",
    ),
    Reason.MOVED: (
        "Reject this offer in the ERP; the offer for the other unit goes on.",
        "Dieses Angebot im ERP ablehnen; das Angebot für die andere Einheit läuft weiter.",
    ),
    Reason.LEASE_ON_OTHER_UNIT: (
        "Decide which lease is right, and correct it in the ERP by hand.",
        "Entscheiden, welcher Mietvertrag richtig ist, und ihn im ERP von Hand berichtigen.",
    ),
    Reason.GONE_AT_PARTNER: (
        "Ask the landlord why the record was deleted, then reject the offer in the ERP.",
        "Klären, warum der Datensatz im Portal gelöscht wurde, dann das Angebot im ERP ablehnen.",
    ),
    Reason.CHOSEN_AGAIN: (
        "The old offer is dead: make a new one by hand in the ERP.",
        "Das alte Angebot ist hinfällig: im ERP von Hand ein neues erstellen.",
    ),
    Reason.UNREADABLE_AT_PARTNER: (
        "Correct the record at the partner, then re-process it.",
        "Den Datensatz im Portal berichtigen, dann erneut bearbeiten.",
    ),
    Reason.COMPETING_OFFER: _RIVAL,
    Reason.UNIT_LET: (
        "Look at the running lease in the ERP: wrong unit, or a lease that has to end first.",
        "Den laufenden Vertrag im ERP ansehen: falsche Einheit, oder er muss zuerst enden.",
    ),
    Reason.BUNDLE_INCOMPLETE: (
        "Have the cause of the missing unit fixed (often in quarantine), then re-process.",
        "Die Ursache bei der fehlenden Einheit beheben (oft in Quarantäne), dann erneut bearbeiten.",
    ),
    Reason.BUNDLE_HELD: (
        "Look at the reason of the other unit; when it can be accepted, re-process.",
        "Den Grund der anderen Einheit ansehen; wenn sie angenommen werden kann, erneut bearbeiten.",
    ),
    Reason.ACCEPT_OFF: (
        "Accept it in the ERP: this pair makes no leases by itself.",
        "Im ERP annehmen: Diese Strecke erstellt selbst keine Verträge.",
    ),
    Reason.TOO_MANY: (
        "Re-process the right ones; a person is asked.",
        "Die richtigen erneut bearbeiten; es wird gefragt.",
    ),
    Reason.APPROVAL_TIMED_OUT: (
        "Nobody answered in time. Re-process it to be asked again.",
        "Niemand hat rechtzeitig geantwortet. Erneut bearbeiten, um erneut gefragt zu werden.",
    ),
    Reason.NOT_CHOSEN: (
        "Nothing: the landlord has not chosen this person (any more).",
        "Nichts: Der Vermieter hat diese Person nicht (mehr) ausgewählt.",
    ),
}


def of(language: Language) -> dict[str, str]:
    """Return the next step by reason, for every reason of a held offer and for a question."""
    column = 1 if language == "de" else 0
    codes = {QUESTION, *_STEPS, *(str(reason) for reason in Reason if reason.kind is Kind.HELD)}
    return {code: _STEPS.get(code, _LOOK)[column] for code in sorted(codes)}
