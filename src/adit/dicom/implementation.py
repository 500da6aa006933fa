"""Who ADIT says it is, on associations (PS3.7 D.3.3.2) and in files (PS3.10 7.1)."""

from adit import __version__
from adit.dicom.refs import UID

CLASS_UID = UID("2.25.200446670262272480874951554336471610539")
"""Implementation Class UID: of ADIT, whatever the release. A UUID of its own (PS3.5 B.2)."""

VERSION_NAME = f"ADIT_{__version__}"[:16]
"""Implementation Version Name, at most 16 characters (PS3.5 6.2, SH)."""
