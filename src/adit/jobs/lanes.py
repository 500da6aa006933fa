"""What the queue decides, as pure functions: who goes next, and what stands in the way of the others.

Pending tasks that are alike to the queue stand in one lane, the oldest first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from adit.nodes.windows import Windows, open_at, opens_next


class Reach(Enum):
    """Which workers can retrieve from a node.

    Attributes:
        ANY: All of them.
        BESIDE_RECEIVER: Those on a machine with a receiver, to which the node sends.
        NONE: The same, and no worker that runs has one.
    """

    ANY = auto()
    BESIDE_RECEIVER = auto()
    NONE = auto()


@dataclass(frozen=True, slots=True)
class Lane:
    """Tasks of one owner and priority between the same two nodes.

    Attributes:
        source, destination: Ids of nodes; destination 0 for tasks that send nothing.
        oldest: Id of the first task.
        waiting: How many tasks stand in it; counted up to what matters only.
    """

    priority: int
    interactive: bool
    owner: int
    source: int
    destination: int
    oldest: int
    waiting: int

    @property
    def needs(self) -> Counter[int]:
        """Node id → associations without which a task cannot start."""
        return Counter(node for node in (self.source, self.destination) if node)

    def reach(self, rooms: Mapping[int, Room]) -> Reach:
        """Which workers can run its tasks: what sends nothing only asks, for which no receiver is needed."""
        return rooms[self.source].reach if self.destination else Reach.ANY


@dataclass(frozen=True, slots=True)
class Room:
    """What a node has to offer at this moment.

    Attributes:
        most: Associations at the same time; None for a folder: any number.
        free: How many of them are free.
        free_for_batch: The same without the one that is kept for interactive use.
        suspended: The reason, empty when it is not suspended.
        hold_all: The windows hold interactive work too.
        reach: Who can retrieve from it.
    """

    node: int
    name: str
    enabled: bool
    suspended: str
    windows: Windows | None
    hold_all: bool
    most: int | None
    free: int
    free_for_batch: int
    reach: Reach

    def offers(self, *, interactive: bool) -> int | None:
        """Associations that a task can have now; None for any number."""
        if self.most is None:
            return None
        return self.free if interactive else self.free_for_batch


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a task cannot start now.

    Attributes:
        full: Only associations are missing: others stand before it.
    """

    sentence: str
    full: Room | None = None


def obstacle(lane: Lane, rooms: Mapping[int, Room], now: datetime, halts: Mapping[int, str]) -> Obstacle | None:
    """What keeps the first task of *lane* from starting; None when nothing does.

    Args:
        halts: Priority → why what has it waits: a kind is suspended.
    """
    if halted := halts.get(lane.priority):
        return Obstacle(halted)
    for node, needed in lane.needs.items():
        room = rooms[node]
        if not room.enabled:
            return Obstacle(f"waits until {room.name} is enabled again")
        if room.suspended:
            return Obstacle(f"waits while {room.name} is suspended: {room.suspended}")
        if (not lane.interactive or room.hold_all) and not open_at(room.windows, now):
            return Obstacle(f"waits for {room.name}'s window, {_opens(room.windows, now)}")
        if room.most is not None and _most(room, interactive=lane.interactive) < needed:
            return Obstacle(f"needs {needed} associations with {room.name}, which allows {room.most}")
    if lane.reach(rooms) is Reach.NONE:
        return Obstacle(_no_receiver(rooms[lane.source].name))
    for node, needed in lane.needs.items():
        room = rooms[node]
        offered = room.offers(interactive=lane.interactive)
        if offered is not None and offered < needed:
            most = _most(room, interactive=lane.interactive)
            return Obstacle(f"{most - offered} of {most} places of {room.name} taken", full=room)
    return None


def _most(room: Room, *, interactive: bool) -> int:
    assert room.most is not None
    return room.most if interactive or room.most == 1 else room.most - 1


def _no_receiver(name: str) -> str:
    return (
        f"waits for a worker on a machine with a receiver, to which {name} sends; none is running "
        "(can be mended by the administrator of ADIT, who starts 'adit receiver' there)"
    )


def _opens(windows: Windows | None, now: datetime) -> str:
    opens = opens_next(windows, now)
    if opens is None or windows is None:
        return "which does not open within two weeks"
    local, today = opens.astimezone(windows.zone), now.astimezone(windows.zone).date()
    return f"opens {local:%H:%M}" if local.date() == today else f"opens {local:%a %d %b %H:%M}"


def in_order(lanes: Iterable[Lane], running: Mapping[int, int]) -> list[Lane]:
    """*lanes* as the queue serves them: priority, then the owner with the fewest running tasks, then age.

    Args:
        running: Owner → tasks in progress.
    """
    return sorted(lanes, key=lambda lane: (-lane.priority, running.get(lane.owner, 0), lane.oldest))


def startable(
    lanes: Iterable[Lane], rooms: Mapping[int, Room], now: datetime, halts: Mapping[int, str]
) -> Iterator[Lane]:
    """Those of *lanes* whose first task can start now."""
    return (lane for lane in lanes if obstacle(lane, rooms, now, halts) is None)


def within_reach(lanes: Iterable[Lane], rooms: Mapping[int, Room], *, receives: bool) -> list[Lane]:
    """Those of *lanes* whose tasks a worker can run.

    Args:
        receives: It runs beside a receiver.
    """
    return [lane for lane in lanes if receives or lane.reach(rooms) is Reach.ANY]


def spare(node: int, lane: Lane, others: Iterable[Lane], rooms: Mapping[int, Room], idle: int) -> bool:
    """Whether a task of *lane* may have one association with *node* beyond what it needs.

    Only when nobody else will want it: neither a task that an idle place could start now, nor
    the interactive use for which one is kept.

    Args:
        others: All lanes whose first task can start, *lane* among them.
        idle: Places of workers that are free once this task has started.
    """
    offered = rooms[node].offers(interactive=False)
    # What sends nothing asks over one.
    if offered is None or not lane.destination:
        return False
    wanted = sum(other.waiting for other in others if node in other.needs) - 1
    return offered - lane.needs[node] > min(idle, wanted)
