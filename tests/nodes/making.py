"""Nodes for tests, made by hand."""

from typing import Any

from adit.nodes.models import Kind, Node


def server(name: str = "PACS", **values: Any) -> Node:
    """A stored server that can find, get and store."""
    return Node.objects.create(**unsaved(name, **values))


def unsaved(name: str = "PACS", **values: Any) -> dict[str, Any]:
    """The values of a server that can find, get and store."""
    usual = {
        "kind": Kind.SERVER,
        "ae_title": name.upper()[:16],
        "host": "127.0.0.1",
        "port": 104,
        "find_study": True,
        "get_study": True,
        "store": True,
    }
    return {"name": name, **usual, **values}


def folder(name: str, path: object, **values: Any) -> Node:
    """A stored folder."""
    return Node.objects.create(name=name, kind=Kind.FOLDER, path=str(path), **values)
