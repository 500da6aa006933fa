"""`adit deid profile`: what a profile does, in words and as a table, for those who have to sign it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adit.deid.describing import as_page, as_table, in_words
from adit.deid.profile import DEFAULT, PROFILES, Profile, find_profile
from adit.deid.site_rules import BadSiteRules, with_site_rules
from adit.site.cli.output import AsJson, Misused, print_json, print_table
from adit.site.cli.reading import text

app = typer.Typer(add_completion=False, rich_markup_mode=None, help="Say what profiles there are and what they do.")

SiteRules = Annotated[
    Path | None,
    typer.Option("--site-rules", help="The site's own rules on top of it (YAML).", metavar="FILE"),
]


def chosen(name: str, site_rules: Path | None) -> Profile:
    """The shipped profile called *name*, with the rules of the site.

    Raises:
        Misused: There is none, or something is wrong with the rules.
    """
    try:
        profile = find_profile(name)
    except ValueError as error:
        raise Misused(str(error)) from error
    if site_rules is None:
        return profile
    try:
        return with_site_rules(profile, text(site_rules))
    except BadSiteRules as error:
        raise Misused(f"--site-rules: {site_rules}: {error}.") from error


@app.command("list")
def list_profiles(as_json: AsJson = False) -> None:
    """List the profiles that ADIT ships."""
    if as_json:
        print_json([profile.to_json() | {"default": profile.name == DEFAULT} for profile in PROFILES.values()])
        return
    rows = [
        (profile.name, profile.version, profile.dates, profile.summary + (" The default." if name == DEFAULT else ""))
        for name, profile in PROFILES.items()
    ]
    print_table(("Profile", "Version", "Dates", "For"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A name of 'adit deid profile list'.")],
    site_rules: SiteRules = None,
    table: Annotated[bool, typer.Option("--table", help="Also every attribute, as a table.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="All of it as a page in Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a profile does: in words, and with --table attribute by attribute."""
    if markdown and as_json:
        raise Misused("Give --markdown, or --json; not both.")
    profile = chosen(name, site_rules)
    if markdown:
        print(as_page(profile), end="")
        return
    if as_json:
        lines = [
            {"tag": line.tag, "name": line.name, "vr": line.vr, "standard": line.standard, "does": line.does}
            for line in as_table(profile)
        ]
        print_json({**profile.to_json(), "digest": profile.digest, "words": list(in_words(profile)), "table": lines})
        return
    print(f"Profile {profile.name}, version {profile.version}\n")
    for sentence in in_words(profile):
        print(f"- {sentence}")
    if table:
        print()
        rows = [(line.tag, line.name, line.vr, line.standard, line.does) for line in as_table(profile)]
        print_table(("Tag", "Attribute", "VR", "PS3.15 E.1-1", "What happens"), rows)
    else:
        print("\nWith --table every attribute is listed.")
