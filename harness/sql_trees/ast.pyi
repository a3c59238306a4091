from typing import Any, ClassVar

class Node:
    __slots__: ClassVar[tuple[str, ...]]
    def __init__(self, **fields: Any) -> None: ...

NODES: dict[str, type[Node]]

def __getattr__(name: str) -> Any: ...
