"""The folder of the demo: a destination with a quota."""

from __future__ import annotations

from adit.accounts.models import User
from adit.nodes import changes
from adit.nodes.models import Kind, Node
from adit.site.demo.places import FOLDER, QUOTA, folder_of
from adit.site.env import Config


def make_folder(config: Config, *, by: User) -> None:
    """Make the folder and its node, if it is not there and may be."""
    path = folder_of(config.home)
    allowed = any(path.is_relative_to(root) for root in config.folder_roots)
    if not allowed or Node.objects.filter(name=FOLDER).exists():
        return
    path.mkdir(parents=True, exist_ok=True)
    node = Node(name=FOLDER, kind=Kind.FOLDER, path=str(path), quota_gb=QUOTA / 1e9, warning_gb=QUOTA * 0.8 / 1e9)
    changes.add(node, by=by)
