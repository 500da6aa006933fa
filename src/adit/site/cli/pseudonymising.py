"""The options with which studies are pseudonymised: those of `adit transfer` and `adit download`."""

from __future__ import annotations

from typing import Annotated

import typer

from adit.site.cli.output import Misused
from adit.transfer.plan import Pseudonymising, Trial

ProjectOption = Annotated[
    str | None, typer.Option(help="Pseudonymise for this project: by its key and its profile.", metavar="NAME")
]
Pseudonym = Annotated[str | None, typer.Option(help="What replaces PatientID and PatientName.", metavar="TEXT")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a pseudonym for every patient that has none.")]
ProfileOption = Annotated[
    str | None, typer.Option(help="Pseudonymise by this profile: 'adit deid profile list' names them.", metavar="NAME")
]
UncheckedPixels = Annotated[
    bool, typer.Option("--unchecked-pixels", help="Let pass what may show text in its pixels, as ultrasound does.")
]
TrialId = Annotated[str | None, typer.Option(help="ClinicalTrialProtocolID of what is sent.", metavar="TEXT")]
TrialName = Annotated[str | None, typer.Option(help="ClinicalTrialProtocolName of what is sent.", metavar="TEXT")]


def wanted(
    project: str | None, pseudonym: str | None, profile: str | None, *, generate: bool, unchecked_pixels: bool
) -> Pseudonymising | None:
    """What the options ask for; None where studies go as they are.

    Raises:
        Misused: They do not go together, or one is empty.
    """
    for option, value in (("--project", project), ("--pseudonym", pseudonym), ("--profile", profile)):
        if value is not None and not value.strip():
            raise Misused(f"{option} is empty; nothing was sent.")
    if generate and pseudonym is not None:
        raise Misused("Give --pseudonym, or let one --generate; not both. Nothing was sent.")
    if project is None and pseudonym is None and not generate:
        if profile is not None or unchecked_pixels:
            option = "--profile" if profile is not None else "--unchecked-pixels"
            raise Misused(f"{option} needs --project, --pseudonym or --generate; nothing was sent.")
        return None
    return Pseudonymising(project or "", profile or "", generate, unchecked_pixels)


def trial_of(protocol_id: str | None, protocol_name: str | None) -> Trial:
    """The trial of a plan.

    Raises:
        Misused: An option is empty, or cannot stand in the attribute (PS3.5 6.2, VR LO).
    """
    for option, value in (("--trial-protocol-id", protocol_id), ("--trial-protocol-name", protocol_name)):
        if value is None:
            continue
        if not value.strip():
            raise Misused(f"{option} is empty; nothing was sent.")
        if len(value) > 64 or not value.isascii() or not value.isprintable() or "\\" in value:
            raise Misused(f"{option} takes 64 plain characters at most and no backslash; nothing was sent.")
    return Trial((protocol_id or "").strip(), (protocol_name or "").strip())
