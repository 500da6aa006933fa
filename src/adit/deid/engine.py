"""dicognito as the engine: it makes the dummies that the rules ask for, one value at a time.

It is asked for no more than it does well (standing in for a name, an address, an institution), and never with
what makes it fail: empty values, several values in one, dates, UIDs.
"""

from __future__ import annotations

from dicognito.anonymizer import Anonymizer
from pydicom import DataElement, Dataset, config
from pydicom.dataset import FileMetaDataset

_OURS = frozenset(("DA", "DT", "TM", "UI"))
"""Derived from the key elsewhere: dicognito moves all patients by the same hours, and its UIDs are none."""


class Engine:
    """Stands in for values, always the same for the same *seed* and value."""

    def __init__(self, seed: str) -> None:
        self._anonymizer = Anonymizer(seed=seed)

    def stand_in(self, tag: int, vr: str, text: str) -> str | None:
        """What dicognito puts in place of one value; None where it has nothing to put there.

        A person's name does not depend on the patient's sex, as it would in a whole data set: a physician is
        the same one for all patients.
        """
        if vr in _OURS:
            return None
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        try:
            dataset.add(DataElement(tag, vr, text, validation_mode=config.IGNORE))
            self._anonymizer.anonymize(dataset)
            made = dataset[tag].value if tag in dataset else None
        except Exception:  # noqa: BLE001  what it stumbles on, it cannot stand in for
            return None
        # It leaves alone what it has no handler for.
        return None if not made or str(made) == text else str(made)
