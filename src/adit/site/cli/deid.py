"""`adit deid`: try a profile on files, and look whether files still tell who is meant. Without database and PACS."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from adit.deid.gate import Gate
from adit.deid.known import Known
from adit.deid.profile import DEFAULT, Profile
from adit.site.cli import deid_profiles
from adit.site.cli.deid_report import Report
from adit.site.cli.key_file import make_key, read_key
from adit.site.cli.output import AsJson, Failed, Misused, counted, print_json, print_table, shown_path
from adit.site.cli.progress import Progress
from adit.transfer.checking import Told, check
from adit.transfer.filewise import Filewise, Outcome
from adit.transfer.identifiers import read_identifiers
from adit.transfer.pseudonyms import UnfitPseudonym

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="Pseudonymise files, without database and PACS.")
app.add_typer(deid_profiles.app, name="profile")


@app.callback()
def quiet() -> None:
    """Say nothing of what pydicom finds strange in files: it quotes values."""
    warnings.filterwarnings("ignore", module="pydicom")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


@app.command()
def run(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A DICOM file, or a folder with files.")],
    into: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the treated files; it mirrors IN.")],
    profile: Annotated[str, typer.Option(help="What is removed and kept: 'adit deid profile list'.")] = DEFAULT,
    key_file: Annotated[
        Path | None,
        typer.Option(help="The key that all derives from. Without it OUT.key, made when missing."),
    ] = None,
    pseudonym: Annotated[str, typer.Option(help="For one patient. Without it each gets one from the key.")] = "",
    site_rules: deid_profiles.SiteRules = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of every element, with hashed values, into this file.")
    ] = None,
    unchecked_pixels: Annotated[
        bool, typer.Option("--unchecked-pixels", help="Let pixels pass that may show names, as ultrasound.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Pseudonymise a file or a folder of files. What is refused is not written, and named with its reason."""
    chosen = deid_profiles.chosen(profile, site_rules)
    _check_places(source, into)
    if chosen.pseudonyms_from_list and not pseudonym:
        raise Misused(f"profile {chosen.name} makes no pseudonyms: give one with --pseudonym.")
    key, key_file = _key(into, key_file)
    try:
        filewise = Filewise(chosen, key, Gate(unchecked_pixels=unchecked_pixels), pseudonym=pseudonym)
    except UnfitPseudonym as error:
        raise Misused(str(error)) from error
    outcomes: list[Outcome] = []
    with Report.into(report, chosen) as written, Progress("files") as progress:
        try:
            for outcome in filewise.treat_all(source, into, record=report is not None):
                written.add(outcome)
                outcomes.append(Outcome(outcome.file, outcome.into, outcome.reason))
                progress.step()
        except OSError as error:
            raise Failed(f"{error.filename or into} cannot be written: {error.strerror}") from error
        written.end(filewise.tally)
    _say(outcomes, filewise, chosen, key_file, as_json=as_json)
    if not outcomes or any(outcome.into is None for outcome in outcomes):
        raise typer.Exit(1)


@app.command("check")
def check_files(
    folder: Annotated[Path, typer.Argument(help="A DICOM file, or a folder with files.")],
    identifiers: Annotated[
        Path, typer.Option(help="A table (CSV) with PatientID, PatientName, …, or one identifier a line.")
    ],
    as_json: AsJson = False,
) -> None:
    """Look for identifiers in files and their names: in every text, at every depth, private ones too."""
    if not folder.exists():
        raise Misused(f"there is no {folder}")
    known = Known.carrying(carried := read_identifiers(_text_of(identifiers)))
    if not carried:
        raise Misused(f"{identifiers} names no identifiers")
    found: list[Told] = []
    files = 0
    with Progress("files") as progress:
        for _, told in check(folder, known):
            found += told
            files += 1
            progress.step()
    if as_json:
        print_json({"files": files, "identifiers": len(carried), "found": [_as_json(told) for told in found]})
    else:
        if found:
            print_table(
                ("File", "Where", "Attribute", "What"),
                [(shown_path(told.file), told.where or None, told.keyword or None, told.what) for told in found],
            )
        looked = f"{counted(files, 'file')} looked through for {counted(len(carried), 'identifier')}"
        print(f"{looked}; {counted(len(found), 'finding')}.")
    if found or not files:
        raise typer.Exit(1)


def _check_places(source: Path, into: Path) -> None:
    if not source.exists():
        raise Misused(f"there is no {source}")
    here, there = source.resolve(), into.resolve()
    if there.is_file():
        raise Misused(f"{into} is a file; name a folder")
    if here == there or here in there.parents or there in here.parents:
        raise Misused("IN and OUT must not lie in each other: treated files would lie among the originals")


def _key(into: Path, key_file: Path | None) -> tuple[bytes, Path]:
    """The key, and where it lies."""
    if key_file is not None:
        return read_key(key_file), key_file
    beside = into.resolve().with_name(f"{into.resolve().name}.key")
    return (read_key(beside) if beside.exists() else make_key(beside)), beside


def _say(outcomes: list[Outcome], filewise: Filewise, profile: Profile, key_file: Path, *, as_json: bool) -> None:
    refused = [outcome for outcome in outcomes if outcome.into is None]
    done = len(outcomes) - len(refused)
    notes = list(filewise.tally.sentences())
    if as_json:
        print_json(
            {
                "profile": profile.name,
                "version": profile.version,
                "key_file": str(key_file),
                "treated": done,
                "refused": [{"file": shown_path(one.file), "reason": one.reason} for one in refused],
                "notes": notes,
            }
        )
        return
    if refused:
        print_table(("Refused", "Why"), [(shown_path(one.file), one.reason) for one in refused])
    for note in notes:
        print(note)
    print(
        f"{done} of {counted(len(outcomes), 'file')} treated by profile {profile.name} {profile.version}. "
        f"The key is in {key_file}: with it the same originals become the same again, and whoever has it "
        "can link them; keep it apart from the files."
    )


def _as_json(told: Told) -> dict[str, Any]:
    return {"file": shown_path(told.file), "where": told.where, "attribute": told.keyword, "what": str(told.what)}


def _text_of(path: Path) -> str:
    try:
        encoded = path.read_bytes()
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}") from error
    try:
        return encoded.decode("utf-8-sig")
    except UnicodeDecodeError:
        return encoded.decode("cp1252", "replace")
