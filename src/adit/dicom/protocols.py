"""The two protocols that everything which holds instances speaks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from adit.dicom.instance import Instance
from adit.dicom.match import Match
from adit.dicom.query import Query
from adit.dicom.refs import UID, Ref


@dataclass(frozen=True, slots=True)
class Commitment:
    """What an endpoint says of instances that were stored in it: a promise, which is more than a list.

    Attributes:
        committed: SOP Instance UIDs that it takes responsibility for.
        denied: SOP Instance UIDs that it does not take responsibility for, each with the reason, for a person.
        notes: Why it says nothing of the others, for a person.
    """

    committed: frozenset[UID] = frozenset()
    denied: tuple[tuple[UID, str], ...] = ()
    notes: tuple[str, ...] = ()


class Commits(Protocol):
    """Asks an endpoint to take responsibility for instances that were stored in it. May take its time.

    Raises nothing but Canceled: what is not known counts as nothing said.
    """

    def __call__(self, instances: Collection[UID], /) -> Commitment: ...


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an endpoint can be asked.

    Attributes:
        lists_instances: SOP Instance UIDs of a series can be found (image level).
        finds_while_retrieving: `find` may be called while `retrieve` is running.
        verifiable: A sink's `holds` can say what is stored.
        commits: Asks a sink for commitment, outside of its `with` block; None where it gives none.
    """

    lists_instances: bool = True
    finds_while_retrieving: bool = True
    verifiable: bool = True
    commits: Commits | None = None


class Outcome(StrEnum):
    """What a sink did with one instance."""

    STORED = "stored"
    WARNED = "warned"
    """Stored, and the sink had something to say (B000, B006, B007, PS3.4 B.2.3)."""
    REFUSED = "refused"
    EXCLUDED = "excluded"
    """Left out by a rule of the sink's own, which the receipt names: no failure."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A sink's word on one instance.

    Attributes:
        size: Bytes of the data set.
        reason: Why it was refused or left out, or what the warning was, for a person; else empty.
        transient: A refused instance may be taken when it comes again.
    """

    ref: Ref
    outcome: Outcome
    size: int
    reason: str = ""
    transient: bool = False


class Cancellation(Protocol):
    """A token that is set once, from any thread, to stop whatever was opened with it."""

    @property
    def canceled(self) -> bool: ...

    def check(self) -> None:
        """Raise Canceled when the token is set."""

    def wait(self, seconds: float) -> None:
        """Sleep. Raises Canceled as soon as the token is set."""

    def closing(self, close: Callable[[], None]) -> AbstractContextManager[None]:
        """While the block runs, setting the token calls *close* (from the setting thread).

        Calls it at once when the token is set already. *close* must not block.
        """


class Source(Protocol):
    """Something instances can be found in and retrieved from."""

    @property
    def capabilities(self) -> Capabilities: ...

    def find(self, query: Query) -> Iterator[Match]:
        """Yield matches as they arrive."""

    def retrieve(self, refs: Sequence[Ref]) -> Generator[Instance, None, None]:
        """Yield every instance under *refs*, all of one study.

        The caller closes each instance. May be called again after a failure; instances may
        then come a second time.

        Raises:
            NotFound: Nothing is stored under any of *refs*.
            Canceled: The endpoint's cancel token was set.
        """


class Sink(Protocol):
    """Something instances can be stored in.

    A context manager: a clean exit commits, an exception aborts. An aborted sink leaves
    nothing behind that looks finished.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object, /) -> None: ...

    def store(self, instances: Iterable[Instance]) -> Generator[Receipt, None, None]:
        """Pull *instances*, close each, and yield one Receipt for each.

        Any order, possibly late. Storing the same SOP Instance UID again succeeds and
        changes nothing.
        """

    def holds(self, study: UID) -> frozenset[UID] | None:
        """SOP Instance UIDs of *study* that are stored, or None where that cannot be asked.

        Asked outside of the `with` block: what was committed counts.
        """
