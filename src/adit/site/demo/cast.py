"""The five people of the demo: who they are. `people.py` lets them work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be in the demo by one click.

    Attributes:
        icon: Of the icon set.
        staff: Administers ADIT.
    """

    username: str
    first_name: str
    last_name: str
    role: str
    icon: str
    staff: bool = False

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"


STUDENT = Person("mira", "Mira", "Sommer", "doctoral student", "user")
RADIOLOGIST = Person("jonas", "Jonas", "Weber", "radiologist", "heart-rate-monitor")
ENGINEER = Person("aylin", "Aylin", "Kaya", "research engineer", "hammer")
ADMINISTRATOR = Person("peter", "Peter", "Brandt", "PACS administrator", "server-2", staff=True)
OFFICER = Person("ruth", "Ruth", "Lindner", "data protection officer", "shield-check")

PEOPLE = (STUDENT, RADIOLOGIST, ENGINEER, ADMINISTRATOR, OFFICER)
