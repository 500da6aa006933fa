"""`adit audit`: the trail as a file, and the end of old events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from adit.audit.models import Event
from adit.audit.record import record
from adit.site.cli.audit import export_events, prune_events
from adit.site.cli.output import Misused

pytestmark = pytest.mark.django_db


def old(days: int) -> Event:
    return Event.objects.create(time=datetime.now(UTC) - timedelta(days=days), actor="ann", action="x.done")


class TestPruning:
    def test_removes_what_is_older_and_says_how_much(self, capsys):
        old(400)
        kept = old(40)
        day = f"{datetime.now(UTC) - timedelta(days=100):%Y-%m-%d}"

        prune_events(before=day, as_json=True)

        assert json.loads(capsys.readouterr().out)["removed"] == 1
        assert Event.objects.exclude(pk=kept.pk).get().action == "audit.pruned"

    @pytest.mark.parametrize("day", ["yesterday", "2026-13-01", f"{datetime.now(UTC):%Y-%m-%d}"])
    def test_wants_a_day_that_is_long_ago(self, day):
        old(20)

        with pytest.raises(Misused, match="--before"):
            prune_events(before=day)

        assert Event.objects.count() == 1


class TestTheFile:
    def test_is_written_to_standard_output_and_recorded(self, capsys):
        record("search", by="ann", patient_id="0042")
        record("search", by="ann", patient_id="0099")

        export_events(form="json", patient="0042")

        assert [event["patient_id"] for event in json.loads(capsys.readouterr().out)] == ["0042", "0042"]
        assert Event.objects.get(action="audit.exported").patient_id == "0042"

    def test_is_csv_or_json(self):
        with pytest.raises(Misused, match="neither csv nor json"):
            export_events(form="xml")
