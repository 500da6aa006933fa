from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Concat, Left

_OUTCOME = models.CharField(
    max_length=16,
    choices=[
        (name, name)
        for name in ("pending", "found", "ambiguous", "not found", "not permitted", "already there", "failed")
    ],
)
_JOB = models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="jobs.job")

_BLANK = models.Value(" ", models.TextField())

# What the line says of what was found before this migration.
_KNOWN = """
UPDATE jobs_found f SET job_id = l.job_id, number = l.number, outcome = l.outcome,
  words = lower(concat_ws(E'\\n', f.patient_id, f.patient_name, f.accession_number, f.study_description,
    f.series_description, l.reason))
FROM jobs_line l WHERE l.id = f.line_id
"""


def _nullable(field: Any) -> Any:
    known = field.clone()
    known.null = True
    return known


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0010_cut_words"),
    ]

    operations = [
        migrations.AddField("found", "job", _nullable(_JOB)),
        migrations.AddField("found", "number", models.IntegerField(null=True)),
        migrations.AddField("found", "outcome", _nullable(_OUTCOME)),
        migrations.AddField("found", "words", models.TextField(blank=True, default="")),
        migrations.RunSQL(_KNOWN, migrations.RunSQL.noop),
        migrations.AlterField("found", "job", _JOB),
        migrations.AlterField("found", "number", models.IntegerField()),
        migrations.AlterField("found", "outcome", _OUTCOME),
        migrations.AlterField(
            "found",
            "line",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="found",
                to="jobs.line",
            ),
        ),
        migrations.AddIndex("found", models.Index("job", "number", "position", name="found_by_line")),
        migrations.AddIndex("found", models.Index("job", "outcome", "number", "position", name="found_by_outcome")),
        migrations.AddIndex(
            "found", models.Index("job", Left("patient_name", 100), "number", "position", name="found_by_name")
        ),
        migrations.AddIndex(
            "found", models.Index("job", "study_date", "study_time", "number", "position", name="found_by_date")
        ),
        migrations.AddIndex(
            "found",
            models.Index(
                "job",
                Left(Concat("modalities__0", _BLANK, "modalities__1", _BLANK, "modalities__2"), 100),
                "number",
                "position",
                name="found_by_modality",
            ),
        ),
        migrations.AddIndex(
            "found", models.Index("job", Left("study_description", 100), "number", "position", name="found_by_study")
        ),
        migrations.AddIndex("found", models.Index("job", "instances", "number", "position", name="found_by_instances")),
        migrations.AddIndex(
            "line", models.Index("job", "number", condition=~models.Q(outcome="found"), name="line_not_found")
        ),
        migrations.AddIndex("line", models.Index("job", condition=~models.Q(also=[]), name="line_with_identical_ones")),
    ]
