"""The acceptance protocol of a dry run: a page for the meeting before go-live, field by field.

Made of the run's staged tables when it is fetched; nothing is stored beside them. It stands alone, without a script.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from letting_sync.config import Language
from letting_sync.console import words
from letting_sync.console.runs import RunRow
from letting_sync.locales.texts import text
from letting_sync.model import FIELDS_FOR_ERP
from letting_sync.window import local_text

MOST_PROSPECTS = 200
"""So many prospects are shown field by field."""
_NOTES = ("sent", "cleaned", "empty", "not_taken")
_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #18181b; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #ccc; padding: 3px 8px; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #f1f1f3; }
.empty, .not_taken { color: #5c5c66; }
.cleaned { background: #fdf3d8; }
section { break-inside: avoid; }
.sign td { height: 3rem; }
"""


class Protocol:
    """The page of one dry run.

    :param rows: what would become of each record, as :func:`staged.dry_run` returns it.
    :param fields: what would be sent, as :func:`staged.protocol_fields` returns it.
    """

    def __init__(
        self,
        run: RunRow,
        rows: Sequence[Mapping[str, Any]],
        fields: Sequence[Mapping[str, Any]],
        language: Language,
    ) -> None:
        self.run, self.rows, self.fields, self.language = run, rows, fields, language
        self.words = words.of(language)

    def page(self) -> str:
        """Return it as HTML."""
        title = self._said("title", pair=self.run.dag_id)
        return (
            f'<!doctype html><html lang="{self.language}"><head><meta charset="utf-8">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>{escape(title)}</h1>{self._head()}{self._summary()}{self._by_field()}"
            f"{self._decisions()}{self._prospects()}{self._signatures()}</body></html>"
        )

    def _said(self, name: str, **values: object) -> str:
        return text(f"protocol.{name}", self.language, **values)

    def _head(self) -> str:
        window = self._said("no_window")
        if self.run.window:
            start, end = map(self._moment, self.run.window)
            window = self._said("from_to", start=start, end=end)
        heads = ("run", "window", "started")
        paragraphs = "".join(
            f"<p>{escape(self._said(name))}</p>" for name in ("nothing_written", "not_checked")
        )
        return self._table(heads, [(self.run.run_id, window, self._moment(self.run.started))]) + paragraphs

    def _summary(self) -> str:
        loads = Counter(row["kind"] for row in self.rows if row["kind"])
        leases = Counter(row["verdict"] for row in self.rows if row["verdict"])
        counted = [(self.words[f"would.{kind}"], count) for kind, count in loads.most_common()]
        counted += [(self.words[f"verdict.{verdict}"], count) for verdict, count in leases.most_common()]
        return self._section("summary", self._table(("outcome", "count"), counted))

    def _by_field(self) -> str:
        counts = defaultdict[str, Counter[str]](Counter)
        names: dict[str, str] = {}
        for row in self.fields:
            counts[row["field"]][_note(row)] += 1
            names[row["field"]] = row["erp_field"] or "–"
        lines = [
            (self._label(field), names[field], *(counts[field][note] or "" for note in _NOTES))
            for field in FIELDS_FOR_ERP
            if field in counts
        ]
        heads = ("field", "erp_field", *(f"notes.{note}" for note in _NOTES))
        return self._section("by_field", self._table(heads, lines))

    def _decisions(self) -> str:
        def why(code: str | None) -> str:
            return self.words.get(f"reason.{code}", code or "")

        lines = [
            (
                row["external_id"] or "–",
                row["unit"] or "–",
                self.words[f"would.{row['kind'] or 'earlier'}"],
                why(row["load_reason"]),
                self.words[f"verdict.{row['verdict']}"] if row["verdict"] else "–",
                why(row["reason"]),
            )
            for row in self.rows
        ]
        heads = ("external_id", "unit", "load", "reason", "lease", "reason")
        return self._section("by_prospect", self._table(heads, lines))

    def _prospects(self) -> str:
        by_record = defaultdict[int, list[Mapping[str, Any]]](list)
        for row in self.fields:
            by_record[row["record"]].append(row)
        parts = [self._prospect(rows) for rows in list(by_record.values())[:MOST_PROSPECTS]]
        if len(by_record) > MOST_PROSPECTS:
            parts.append(f"<p>{escape(self._said('shown', shown=MOST_PROSPECTS, total=len(by_record)))}</p>")
        return self._section("would_be_sent", "".join(parts))

    def _prospect(self, rows: Sequence[Mapping[str, Any]]) -> str:
        lines = [
            (self._label(row["field"]), row["written"] or "", row["sent"] or "", _note(row)) for row in rows
        ]
        body = "".join(
            f'<tr>{"".join(map(_cell, line))}<td class="{note}">{escape(self._said(f"notes.{note}"))}</td></tr>'
            for *line, note in lines
        )
        head = escape(f"{rows[0]['external_id']} · {rows[0]['unit']}")
        heads = self._heads(("field", "at_partner", "to_erp", "note"))
        return f"<section><h3>{head}</h3><table>{heads}<tbody>{body}</tbody></table></section>"

    def _signatures(self) -> str:
        empty = f"<tr>{3 * '<td></td>'}</tr>"
        heads = self._heads(("date", "name", "signature"))
        return self._section(
            "acceptance", f'<table class="sign">{heads}<tbody>{empty}{empty}</tbody></table>'
        )

    def _label(self, field: str) -> str:
        label = text(f"fields.{field}", self.language)
        return label[:1].upper() + label[1:]

    def _section(self, name: str, content: str) -> str:
        return f"<h2>{escape(self._said(name))}</h2>{content}"

    def _heads(self, names: Iterable[str]) -> str:
        heads = "".join(f'<th scope="col">{escape(self._said(name))}</th>' for name in names)
        return f"<thead><tr>{heads}</tr></thead>"

    def _table(self, names: Iterable[str], lines: Iterable[Sequence[Any]]) -> str:
        body = "".join(f"<tr>{''.join(map(_cell, line))}</tr>" for line in lines)
        return f"<table>{self._heads(names)}<tbody>{body}</tbody></table>"

    def _moment(self, time: datetime | None) -> str:
        return local_text(time, text("formats.moment", self.language)) if time else "–"


def _note(row: Mapping[str, Any]) -> str:
    if row["erp_field"] is None:
        return "not_taken" if row["written"] else "empty"
    if row["sent"] is None:
        return "empty"
    return "cleaned" if row["cleaned"] else "sent"


def _cell(value: Any) -> str:
    return f"<td>{escape(str(value))}</td>"
