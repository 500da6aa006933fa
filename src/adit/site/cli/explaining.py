"""Turns what the floors below raise into the sentence and the exit code of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError

from adit.accounts.verdict import Denied
from adit.dicom.query import BadQuery
from adit.jobs.accepting import NeedsReason
from adit.jobs.actions import WrongState
from adit.jobs.receipts import NoReceipt
from adit.jobs.releasing import CannotRelease
from adit.jobs.submit import BadPlan
from adit.nodes.finding import UnknownNode
from adit.nodes.secrets import WrongKey
from adit.projects.aliases import NoPseudonym
from adit.projects.approving import CannotApprove
from adit.projects.changes import CannotTake
from adit.projects.finding import UnknownProject
from adit.projects.keeping import BadBackup, CannotKeep
from adit.projects.tables import BadTable
from adit.site.cli.fields import complaints
from adit.site.cli.output import Failed, Misused
from adit.transfer.planners import BadList
from adit.transfer.pseudonyms import UnfitPseudonym


@contextmanager
def explained() -> Iterator[None]:
    """Let errors that a person can mend leave the block as `Failed` or `Misused`."""
    try:
        yield
    except NoReceipt as error:
        raise Failed(str(error)) from error
    except NeedsReason as error:
        raise Misused(str(error)) from error
    except (UnknownNode, UnknownProject, Denied, WrongState, BadPlan, CannotKeep, CannotRelease, WrongKey) as error:
        raise Failed(str(error)) from error
    except (CannotApprove, CannotTake) as error:
        raise Failed(str(error)) from error
    except (UnfitPseudonym, NoPseudonym, BadTable, BadBackup) as error:
        raise Failed(f"{error} Nothing was done.") from error
    except (BadQuery, BadList) as error:
        raise Misused(str(error)) from error
    except ValidationError as error:
        raise Misused(" ".join(complaints(error))) from error
    except (ProtectedError, IntegrityError) as error:
        raise Failed(
            "It cannot be removed: a job that has not ended uses it. Cancel or wait, then try again."
        ) from error
