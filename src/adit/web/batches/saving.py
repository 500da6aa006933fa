"""Answers that the browser saves as files."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.utils.http import content_disposition_header

_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "json": "application/json",
}


def as_file(content: bytes, name: str) -> HttpResponse:
    """An answer that the browser saves as *name*."""
    kind = _TYPES.get(name.rpartition(".")[2].lower(), "text/csv; charset=utf-8")
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    answer["Cache-Control"] = "no-store"
    return answer


def as_json(value: object, name: str) -> HttpResponse:
    """*value* as JSON, saved as *name*."""
    return as_file(json.dumps(value, ensure_ascii=False, indent=1).encode(), name)
