"""The options with which studies are pseudonymised: those of all commands that send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from adit.site.cli.output import Misused
from adit.transfer.plan import Pseudonymising, Trial

Pseudonym = Annotated[str | None, typer.Option(help="What replaces PatientID and PatientName.", metavar="TEXT")]
Generate = Annotated[bool, typer.Option("--generate", help="Make a pseudonym for every patient that has none.")]


@dataclass(frozen=True, slots=True)
class Treated:
    """What is done to the studies. Without any of these options they go as they are."""

    project: Annotated[
        str | None, typer.Option(help="Pseudonymise for this project: by its key and its profile.", metavar="NAME")
    ] = None
    profile: Annotated[
        str | None,
        typer.Option(help="Pseudonymise by this profile: 'adit deid profile list' names them.", metavar="NAME"),
    ] = None
    unchecked_pixels: Annotated[
        bool, typer.Option("--unchecked-pixels", help="Let pass what may show text in its pixels, as ultrasound does.")
    ] = False
    trial_protocol_id: Annotated[
        str | None, typer.Option(help="ClinicalTrialProtocolID of what is sent.", metavar="TEXT")
    ] = None
    trial_protocol_name: Annotated[
        str | None, typer.Option(help="ClinicalTrialProtocolName of what is sent.", metavar="TEXT")
    ] = None

    def pseudonymising(
        self,
        pseudonym: str | None = None,
        *,
        generate: bool = False,
        ways: str = "--project, --pseudonym or --generate",
    ) -> Pseudonymising | None:
        """What the options ask for, with those two that not every command has; None where studies go as they are.

        Args:
            ways: The options of the command that pseudonymise.

        Raises:
            Misused: They do not go together, or one is empty.
        """
        for name, value in (("--project", self.project), ("--pseudonym", pseudonym), ("--profile", self.profile)):
            if value is not None and not value.strip():
                raise Misused(f"{name} is empty; nothing was sent.")
        if generate and pseudonym is not None:
            raise Misused("Give --pseudonym, or let one --generate; not both. Nothing was sent.")
        if self.project is None and pseudonym is None and not generate:
            if self.profile is not None or self.unchecked_pixels:
                name = "--profile" if self.profile is not None else "--unchecked-pixels"
                raise Misused(f"{name} needs {ways}; nothing was sent.")
            return None
        return Pseudonymising(self.project or "", self.profile or "", generate, self.unchecked_pixels)

    def trial(self) -> Trial:
        """The trial of a plan.

        Raises:
            Misused: An option is empty, or cannot stand in the attribute (PS3.5 6.2, VR LO).
        """
        given = (("--trial-protocol-id", self.trial_protocol_id), ("--trial-protocol-name", self.trial_protocol_name))
        for name, value in given:
            if value is None:
                continue
            if not value.strip():
                raise Misused(f"{name} is empty; nothing was sent.")
            if len(value) > 64 or not value.isascii() or not value.isprintable() or "\\" in value:
                raise Misused(f"{name} takes 64 plain characters at most and no backslash; nothing was sent.")
        return Trial((self.trial_protocol_id or "").strip(), (self.trial_protocol_name or "").strip())
