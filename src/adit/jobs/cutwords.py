"""Words that were cut: kept with the job, shown to those who may link, every look audited. They may be names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum

from adit.accounts.models import User
from adit.audit.record import record
from adit.deid.approving import as_approved
from adit.jobs.linking import may_link_job
from adit.jobs.models import CutWord, Job
from adit.jobs.storable import storable
from adit.projects.approving import approved_words
from adit.projects.linking import may_link
from adit.projects.models import Project

MOST = 2000
"""Different words that are kept of one job."""

LONGEST = 64
"""Characters of one that are kept, as in the value of most descriptions (PS3.5 6.2)."""

_UPSERT = """
INSERT INTO jobs_cutword (job_id, attribute, word, count)
SELECT %s, row.attribute, row.word, row.count
FROM unnest(%s::text[], %s::text[], %s::bigint[]) row (attribute, word, count)
ON CONFLICT (job_id, attribute, word) DO UPDATE SET count = jobs_cutword.count + excluded.count
"""


@dataclass(frozen=True, slots=True)
class Cut:
    """One line. Its fields are the columns of the files that are written.

    Attributes:
        approved: It passes in profiles that are frozen from now on.
    """

    attribute: str
    word: str
    count: int
    approved: bool

    @property
    def approvable(self) -> bool:
        """It has the form of a word that can be approved; whether it names nobody a person has to say."""
        return not self.approved and len(self.word) < LONGEST and as_approved(self.word) is not None


@dataclass(frozen=True, slots=True)
class Cuts:
    """What somebody gets to see.

    Attributes:
        lines: By how often, the most frequent first.
        found: How many there are; some may not be among *lines*.
        full: Of one job at least no more words are kept, although there may be more.
    """

    lines: tuple[Cut, ...]
    found: int
    full: bool


def keep(job: Job, cut: Mapping[tuple[str, str], int]) -> None:
    """Add the words *cut*, as (attribute, word), to those of *job*, whose row is locked.

    Of more than `MOST` different ones those are kept that came first, and of those that come at once the most frequent.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for (attribute, word), count in cut.items():
        if kept := _kept(word):
            counts[attribute, kept] += count
    if not counts:
        return
    asked = [each for each, _ in counts.most_common(MOST)]
    words = CutWord.objects.filter(job=job)
    known = set(words.filter(word__in=[word for _, word in asked]).values_list("attribute", "word"))
    new = [each for each in asked if each not in known]
    room = MOST - words.count() if new else 0
    taken = known.union(new[:room])
    rows = [(*each, counts[each]) for each in asked if each in taken]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, [job.pk, *map(list, zip(*rows, strict=True))])


@transaction.atomic
def words_of_job(job: Job, *, by: User, like: str = "", most: int | None = None) -> Cuts:
    """The words that *job* cut. The look is audited, without the words.

    Args:
        like: Only those in which, or in whose attribute, this text stands, whatever its capitals; empty for all.
        most: No more lines than this; None for all.

    Raises:
        Denied: *by* may not link.
    """
    may_link_job(job, by).require()
    cuts = _cuts(CutWord.objects.filter(job=job), like=like, most=most)
    project = {"project": job.project.name} if job.project else {}
    record("job.words_viewed", by=by, job=job.pk, details={**project, "words": len(cuts.lines)})
    return cuts


@transaction.atomic
def words_of_project(project: Project, *, by: User, like: str = "", most: int | None = None) -> Cuts:
    """The same over all jobs of *project*.

    Raises:
        Denied: *by* may not link.
    """
    may_link(project, by).require()
    cuts = _cuts(CutWord.objects.filter(job__project=project), like=like, most=most)
    record("project.words_viewed", by=by, details={"project": project.name, "words": len(cuts.lines)})
    return cuts


def different_in(job: Job) -> int:
    """How many different words *job* cut."""
    return CutWord.objects.filter(job=job).count()


def _cuts(words: QuerySet[CutWord], *, like: str, most: int | None) -> Cuts:
    sizes = words.order_by().values("job").annotate(size=Sum(1))
    full = sizes.filter(size__gte=MOST).exists()
    asked = _kept(like)
    if asked:
        words = words.filter(Q(word__icontains=asked) | Q(attribute__icontains=asked))
    summed = words.order_by().values("attribute", "word").annotate(sum=Sum("count"))
    approved = approved_words()
    lines = tuple(
        Cut(row["attribute"], row["word"], row["sum"], as_approved(row["word"]) in approved)
        for row in summed.order_by("-sum", "word", "attribute")[:most]
    )
    found = len(lines) if most is None or len(lines) < most else summed.count()
    return Cuts(lines, found, full)


def _kept(word: str) -> str:
    """*word* as the database takes it: no NUL, nothing that is no text, not endless."""
    plain = storable(word)
    return plain if len(plain) <= LONGEST else f"{plain[: LONGEST - 1]}…"
