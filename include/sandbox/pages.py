"""Read-only pages for looking at what happened: made on the server, escaped, nothing from another host."""

import html
from collections.abc import Iterable
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from include.sandbox.erp import Erp
    from include.sandbox.erp_records import Job

MOST_ROWS = 500

STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { border-bottom: 1px solid #8886; padding: .3rem .6rem; text-align: left; white-space: pre; }
th { font-weight: 600; }
ul { display: flex; flex-wrap: wrap; gap: .5rem 2rem; list-style: none; padding: 0; }
li b { font-size: 1.4rem; display: block; }
"""


def _page(title: str, body: str) -> Response:
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{body}</body></html>",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _figures(figures: dict[str, Any]) -> str:
    items = (f"<li><b>{html.escape(str(n))}</b>{html.escape(name)}</li>" for name, n in figures.items())
    return f"<ul>{''.join(items)}</ul>"


def _cell(value: Any) -> str:
    return f"<td>{'' if value is None else html.escape(str(value))}</td>"


def _table(title: str, rows: Iterable[Any]) -> str:
    """The newest rows first; blanks in names are kept, for they are what one looks for here."""
    records = [asdict(row) if is_dataclass(row) and not isinstance(row, type) else dict(row) for row in rows]
    if not records:
        return f"<h2>{html.escape(title)}</h2><p>None yet.</p>"
    head = "".join(f'<th scope="col">{html.escape(name.replace("_", " "))}</th>' for name in records[0])
    newest = records[::-1][:MOST_ROWS]
    lines = "".join(f"<tr>{''.join(map(_cell, record.values()))}</tr>" for record in newest)
    more = f"<p>The newest {MOST_ROWS} of {len(records)}.</p>" if len(records) > MOST_ROWS else ""
    return (
        f"<h2>{html.escape(title)}</h2>{more}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
    )


def partner_page(title: str, counts: dict[str, Any]) -> Response:
    """A partner's records, counted by status."""
    figures = {name: n for name, n in counts.items() if not isinstance(n, dict)}
    return _page(title, _figures(figures) + "<h2>By status</h2>" + _figures(counts["by_status"]))


def erp_page(title: str, erp: "Erp", jobs: list["Job"]) -> Response:
    """An ERP's offers, leases, business partners and imports."""
    counts = {name: n for name, n in erp.counts().items() if not isinstance(n, dict)}
    partners = [{"number": one.number, **asdict(one.person)} for one in erp.business_partners]
    imports = [
        {
            "number": job.id,
            "exchange": job.exchange,
            "status": job.status,
            "prospects": job.total,
            "offers": sum(result.offer is not None for result in job.results),
            "rejected": sum(result.offer is None for result in job.results),
            "created": f"{job.created_at:%Y-%m-%d %H:%M:%S} UTC",
        }
        for job in jobs
    ]
    return _page(
        title,
        _figures(counts)
        + _table("Offers", erp.offers)
        + _table("Leases", erp.leases)
        + _table("Business partners", partners)
        + _table("Imports", imports),
    )
