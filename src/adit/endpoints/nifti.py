"""NIfTI volumes instead of DICOM files: a sink that gathers series in the spool and shelves what dcm2niix makes.

An instance is *stored* when the series it belongs to lies converted at the destination, made of it too; a
series that dcm2niix does not take as a whole is refused as a whole (decision 5).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from adit.dicom.errors import BadData, Canceled, DicomError, Full
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.refs import UID, Ref
from adit.endpoints.converting import NotConverted, convert
from adit.endpoints.folder import Unwritable, series_name
from adit.endpoints.shelf import Made
from adit.endpoints.spoolfile import NO_ROOM, SpoolFolder

LEFT_OUT = frozenset(("SR", "KO", "PR"))
"""Modalities that show nothing of their own."""


class Shelves(Protocol):
    """Where the files of each series go, all at once: see `Shelf`."""

    def prepare(self) -> None: ...

    def tidy(self) -> None: ...

    def put(self, made: Made, name: str, files: Mapping[str, Path]) -> None: ...

    def made(self, study: UID) -> Iterator[Made]: ...


@dataclass(slots=True)
class _Gathered:
    """A series in the spool.

    Attributes:
        waiting: Instances that have no receipt yet, with their bytes.
        kept: Made of these it lies on the shelf.
    """

    folder: Path
    name: str
    instances: set[UID] = field(default_factory=set)
    waiting: dict[Ref, int] = field(default_factory=dict)
    kept: frozenset[UID] = frozenset()


class Nifti:
    """A sink that writes one study as NIfTI."""

    capabilities = Capabilities()

    def __init__(
        self,
        shelf: Shelves,
        *,
        name: str,
        spool: Path,
        expects: Callable[[UID], int | None],
        cancel: Cancellation,
    ) -> None:
        """
        Args:
            name: The node's name, for messages.
            spool: Folder for the series that are gathered; it holds a study at most.
            expects: How many instances a series has, where that is known: a series is converted as soon as they are
                there, and what was made of fewer in an earlier attempt is not held to be it.
        """
        self._shelf = shelf
        self._name = name
        self._spool = spool
        self._expects = expects
        self._cancel = cancel
        self._series: dict[UID, _Gathered] = {}
        self._exits = ExitStack()
        self._folder = Path()

    def __enter__(self) -> Self:
        try:
            self._shelf.prepare()
        except OSError as error:
            raise self._told(error) from error
        self._folder = self._exits.enter_context(SpoolFolder(self._spool))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        self._exits.close()
        if kind is not None:
            self._shelf.tidy()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        try:
            for instance in instances:
                with instance:
                    self._cancel.check()
                    receipt = self._gather(instance)
                    series = instance.ref.series
                if receipt is not None:
                    yield receipt
                elif series is not None and len(self._series[series].instances) == self._expects(series):
                    yield from self._convert(series)
        except (Canceled, Full):
            raise
        except DicomError:
            # What came before the source broke off need not come again.
            yield from self._convert_all()
            raise
        yield from self._convert_all()

    def holds(self, study: UID) -> frozenset[UID]:
        """What the volumes that really lie there were made of.

        Not what was made in an earlier attempt of a part of its series: a volume is made of all.
        """
        held: set[UID] = set()
        for made in self._shelf.made(study):
            gathered = self._series.get(made.series)
            ours = gathered is not None and gathered.kept == made.instances
            if ours or self._is_whole(made):
                held |= made.instances
        return frozenset(held)

    def _is_whole(self, made: Made) -> bool:
        expected = self._expects(made.series)
        return expected is None or len(made.instances) >= expected

    def _gather(self, instance: Instance) -> Receipt | None:
        """Put *instance* into the spool; or say at once what is with it."""
        assert instance.ref.series is not None
        try:
            head = instance.head()
            modality = str(head.get("Modality") or "")
            if modality in LEFT_OUT:
                reason = f"{modality} is left out of NIfTI"
                return Receipt(instance.ref, Outcome.EXCLUDED, instance.body.size or 0, reason)
            gathered = self._gathered(instance)
        except BadData as error:
            return Receipt(instance.ref, Outcome.REFUSED, 0, str(error))
        path = gathered.folder / f"{len(gathered.instances)}.dcm"
        size = 0
        if instance.uid not in gathered.instances:
            try:
                with path.open("wb") as file:
                    for chunk in part10(instance):
                        size += len(chunk)
                        file.write(chunk)
            except OSError as error:
                raise self._spooled(error) from error
            except BaseException:
                # Without its end it must not be taken for an image.
                path.unlink(missing_ok=True)
                raise
            gathered.instances.add(instance.uid)
        gathered.waiting[instance.ref] = instance.body.size or size
        return None

    def _gathered(self, instance: Instance) -> _Gathered:
        series = instance.ref.series
        assert series is not None
        if series not in self._series:
            folder = self._folder / str(len(self._series))
            folder.mkdir()
            self._series[series] = _Gathered(folder, series_name(instance))
        return self._series[series]

    def _convert_all(self) -> Iterator[Receipt]:
        for series, gathered in self._series.items():
            if gathered.waiting:
                yield from self._convert(series)

    def _convert(self, series: UID) -> Iterator[Receipt]:
        gathered = self._series[series]
        waiting, gathered.waiting = gathered.waiting, {}
        instances = frozenset(gathered.instances)
        study = next(iter(waiting)).study
        if instances == gathered.kept:
            yield from (Receipt(ref, Outcome.STORED, size) for ref, size in waiting.items())
            return
        try:
            with SpoolFolder(self._spool) as into:
                volumes = convert(gathered.folder, into, count=len(instances), cancel=self._cancel)
                files = {volume.suffix: volume.path for volume in volumes}
                self._shelf.put(Made(study, series, instances), gathered.name, files)
        except NotConverted as error:
            yield from (Receipt(ref, Outcome.REFUSED, size, str(error)) for ref, size in waiting.items())
            return
        except OSError as error:
            raise self._told(error) from error
        gathered.kept = instances
        yield from (Receipt(ref, Outcome.STORED, size) for ref, size in waiting.items())

    def _told(self, error: OSError) -> DicomError:
        if error.errno in NO_ROOM:
            return Full("no space is left on its disk").on(self._name)
        return Unwritable(f"it cannot be written: {error.strerror}").on(self._name)

    def _spooled(self, error: OSError) -> Exception:
        return Full("there is no room left on the disk that holds the spool") if error.errno in NO_ROOM else error
