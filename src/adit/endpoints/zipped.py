"""A ZIP file as sink, written while the instances arrive (behaviour section 6).

Nothing is ever sought or read back, so it may be a pipe or a socket. Only a whole one has a central
directory: what breaks off on the way is no ZIP file to any program.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, Self

import xxhash

from adit.dicom.contexts import EXPLICIT, EXPLICIT_BIG_ENDIAN, IMPLICIT
from adit.dicom.errors import BadData, DicomError
from adit.dicom.instance import Instance
from adit.dicom.part10 import part10
from adit.dicom.protocols import Cancellation, Capabilities, Outcome, Receipt
from adit.dicom.refs import UID
from adit.endpoints.folder import SUFFIX, series_name
from adit.endpoints.names import LONGEST, safe_name

MANIFEST = "MANIFEST.json"

_LEVEL = 1
"""Of deflate: as good as the higher ones on images, at a fraction of their time."""


_NATIVE = frozenset((IMPLICIT, EXPLICIT, EXPLICIT_BIG_ENDIAN))
"""What is worth squeezing: the pixel data of all other transfer syntaxes are compressed already."""


class Writes(Protocol):
    """Where the bytes go; each call takes all of them, and may block."""

    def __call__(self, data: bytes | memoryview, /) -> object: ...


class BrokenOff(DicomError):
    """The ZIP file broke off, for what was written cannot be taken back."""

    mended_by = "whoever downloads, by trying again"


class Incomplete(DicomError):
    """The ZIP file was broken off, because instances are missing."""

    mended_by = "whoever downloads, by trying again"


class Zipped:
    """A sink that writes one study into a ZIP file, once: what was aborted cannot go on."""

    capabilities = Capabilities(verifiable=False)

    def __init__(
        self,
        write: Writes,
        *,
        folder: str,
        manifest: Callable[[], dict[str, Any]],
        cancel: Cancellation,
    ) -> None:
        """
        Args:
            folder: Path of the study's folder in the file, with `/`.
            manifest: Asked when all instances are stored; its answer is the last entry.
                What it raises breaks the file off.
        """
        self._out = _Out(write)
        self._zip = zipfile.ZipFile(self._out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)  # type: ignore[call-overload]
        self._folder = folder
        self._manifest = manifest
        self._cancel = cancel
        self._series: dict[UID, str] = {}
        self._digests: dict[UID, bytes] = {}
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None:
        try:
            if kind is None:
                if self._broken:
                    raise BrokenOff
                text = json.dumps(self._manifest(), indent=2, ensure_ascii=False)
                self._add(MANIFEST, [text.encode()], squeeze=True)
                self._zip.close()
        finally:
            # A ZipFile writes its directory when it is collected, too.
            self._out.shut()
            self._zip.close()

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        if self._broken:
            raise BrokenOff
        for instance in instances:
            with instance:
                self._cancel.check()
                receipt = self._take(instance)
            yield receipt

    def holds(self, study: UID) -> None:  # noqa: ARG002 - the signature is that of all sinks
        """What has gone cannot be read back."""
        return

    def _take(self, instance: Instance) -> Receipt:
        digest = xxhash.xxh3_128()

        def hashed() -> Generator[bytes | memoryview, None, None]:
            for chunk in part10(instance):
                digest.update(chunk)
                yield chunk

        kept = self._digests.get(instance.uid)
        if kept is not None:
            for _ in hashed():
                pass
            same = digest.digest() == kept
            reason = "" if same else "the source sent other data under the same SOP Instance UID; the first were kept"
            return Receipt(instance.ref, Outcome.STORED if same else Outcome.WARNED, instance.body.size or 0, reason)
        try:
            path = f"{self._folder}/{self._name_of(instance)}/{instance.uid}{SUFFIX}"
        except BadData as error:
            return Receipt(instance.ref, Outcome.REFUSED, 0, str(error))
        self._add(path, hashed(), squeeze=instance.transfer_syntax in _NATIVE)
        self._digests[instance.uid] = digest.digest()
        return Receipt(instance.ref, Outcome.STORED, instance.body.size or 0)

    def _add(self, path: str, chunks: Iterable[bytes | memoryview], *, squeeze: bool) -> None:
        """Raises BrokenOff when an entry that has begun does not come to its end."""
        self._zip.compression = zipfile.ZIP_DEFLATED if squeeze else zipfile.ZIP_STORED
        try:
            # By its name, and not by a ZipInfo, which would forget the level.
            with self._zip.open(path, "w", force_zip64=True) as member:
                for chunk in chunks:
                    member.write(chunk)
        except DicomError as error:
            self._broken = True
            if error.transient:
                # Trying again would need the beginning of this entry back.
                raise BrokenOff(f"{error}; the ZIP file broke off") from error
            raise
        except BaseException:
            self._broken = True
            raise

    def _name_of(self, instance: Instance) -> str:
        """The folder of the instance's series, the same for all of them."""
        uid = instance.ref.series
        assert uid is not None
        if uid not in self._series:
            name = series_name(instance)
            if name in self._series.values():
                name = f"{safe_name(name, most=LONGEST - 7)}~{uid[-6:]}"
            self._series[uid] = name
        return self._series[uid]


class _Out:
    """What `zipfile` takes for a file that cannot seek; deaf once it is shut."""

    def __init__(self, write: Writes) -> None:
        self._write = write
        self._shut = False

    def write(self, data: bytes | memoryview) -> int:
        if not self._shut:
            self._write(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def shut(self) -> None:
        self._shut = True
