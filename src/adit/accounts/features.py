"""Every permission that can be given, with a sentence that says what it lets somebody do.

The one list: the pages for groups and users, and what the demo's people get, are made from it. A permission
that a model declares and that does not stand here fails a test.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Feature:
    """One permission.

    Attributes:
        name: As "app.codename", for `permitting.has_permission`.
        title: A few words.
        sentence: What somebody with it may do, and what that means.
    """

    name: str
    title: str | Promise
    sentence: str | Promise


@dataclass(frozen=True, slots=True)
class Section:
    """Features that belong together."""

    title: str | Promise
    features: tuple[Feature, ...]


SECTIONS = (
    Section(
        _("Finding and sending"),
        (
            Feature(
                "jobs.can_transfer_selectively",
                _("Search and send"),
                _("Search servers, choose studies or single series, and send them."),
            ),
            Feature("jobs.can_query_in_batches", _("Batch query"), _("Search for every row of a file.")),
            Feature("jobs.can_transfer_in_batches", _("Batch transfer"), _("Send every study of a file.")),
            Feature(
                "jobs.can_transfer_in_mass",
                _("Mass transfer"),
                _("Send everything of a range of dates that matches a filter."),
            ),
            Feature(
                "jobs.can_explore",
                _("Explorer"),
                _("Look into servers patient by patient, down to the attributes and the image of an instance."),
            ),
            Feature("jobs.can_upload", _("Upload"), _("Send DICOM files of one's own computer to a server.")),
            Feature("jobs.can_download_study", _("Download"), _("Save studies on one's own computer, as a ZIP file.")),
            Feature("jobs.can_transfer_urgently", _("Urgent"), _("Put own jobs before those of others.")),
        ),
    ),
    Section(
        _("Who the patients are"),
        (
            Feature(
                "jobs.can_transfer_unpseudonymized",
                _("Unpseudonymised"),
                _("Send and download studies that still say who the patient is."),
            ),
            Feature(
                "jobs.can_send_unchecked_pixels",
                _("Unchecked pixels"),
                _("Send pseudonymised images that may show names in their pixels, such as ultrasound."),
            ),
            Feature(
                "jobs.can_release_tripwire",
                _("Release of findings"),
                _("Let an attribute pass in which a name or an id of the patient was found."),
            ),
        ),
    ),
    Section(
        _("Audit trail"),
        (
            Feature("audit.can_view_audit", _("Audit"), _("Read who did what, when, from where.")),
            Feature(
                "audit.can_search_patients",
                _("Audit by patient"),
                _("Search and read the audit trail by patient and study, and see who saw, sent and received them."),
            ),
        ),
    ),
    Section(
        _("Programs"),
        (
            Feature("accounts.can_query", _("DICOMweb query"), _("Let own programs search over DICOMweb (QIDO-RS).")),
            Feature(
                "accounts.can_retrieve",
                _("DICOMweb retrieve"),
                _("Let own programs retrieve studies over DICOMweb (WADO-RS)."),
            ),
            Feature(
                "accounts.can_store", _("DICOMweb store"), _("Let own programs store studies over DICOMweb (STOW-RS).")
            ),
            Feature("accounts.can_have_tokens", _("Tokens"), _("Make tokens by which programs act in one's own name.")),
            Feature(
                "accounts.can_have_lasting_tokens",
                _("Lasting tokens"),
                _("Make tokens that never expire; they count until somebody revokes them."),
            ),
        ),
    ),
)

FEATURES = {feature.name: feature for section in SECTIONS for feature in section.features}
