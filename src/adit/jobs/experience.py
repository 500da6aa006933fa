"""What the ledger tells of sizes and speeds, for estimates of what is still to be moved."""

from __future__ import annotations

from django.db import connection

from adit.nodes.models import Node
from adit.transfer.weights import BESIDE, Experience

LEAST_INSTANCES = 20
"""Instances of a modality after which what was seen counts for more than a table."""

LEAST_TASKS = 3
"""Tasks between two nodes after which their speed counts as measured."""

# A ledger knows no modalities, but the layout of a study names them. With one, all series are of it; with one that has
# images and others beside it (CT+SR), the heaviest series is of it; with several (PT+CT), nobody can tell.
_WEIGHTS = """
WITH recent AS (
  SELECT id, string_to_array(
    substring(item -> 'layout' ->> 'study' from '(?:^|-)([A-Z]{2,16}(?:[+][A-Z]{2,16})*)$'), '+') AS named
  FROM jobs_task WHERE source_id = %s AND status = 'success' AND work = 'transfer_study' AND ended_at IS NOT NULL
  ORDER BY ended_at DESC LIMIT 1000),
told AS (
  SELECT id, named, ARRAY(SELECT each FROM unnest(named) each WHERE each <> ALL (%s)) AS images FROM recent),
series AS (
  SELECT told.*, size, stored, row_number() OVER (PARTITION BY told.id ORDER BY size DESC) AS place
  FROM told JOIN jobs_entry ON jobs_entry.task_id = told.id WHERE stored > 0)
SELECT coalesce(images[1], named[1]) AS modality, sum(size)::float / sum(stored) FROM series
WHERE cardinality(named) = 1 OR (cardinality(images) = 1 AND place = 1)
GROUP BY modality HAVING sum(stored) >= %s
"""

_SPEED = """
WITH recent AS (
  SELECT id, seconds FROM jobs_task
  WHERE source_id = %s AND destination_id = %s AND status = 'success' AND work = 'transfer_study'
    AND ended_at IS NOT NULL AND seconds > 0
  ORDER BY ended_at DESC LIMIT 200)
SELECT sum((SELECT sum(size) FROM jobs_entry WHERE jobs_entry.task_id = recent.id)), sum(seconds), count(*) FROM recent
"""


def experience_between(source: Node, destination: Node | None) -> Experience:
    """What was seen of studies of *source*, and measured of tasks to *destination*, lately."""
    with connection.cursor() as cursor:
        cursor.execute(_WEIGHTS, [source.pk, sorted(BESIDE), LEAST_INSTANCES])
        weights = {modality: float(weight) for modality, weight in cursor.fetchall() if weight}
        if destination is None:
            return Experience(weights)
        cursor.execute(_SPEED, [source.pk, destination.pk])
        size, seconds, tasks = cursor.fetchone()
    if tasks < LEAST_TASKS or not size or not seconds:
        return Experience(weights)
    return Experience(weights, float(size) / float(seconds))
