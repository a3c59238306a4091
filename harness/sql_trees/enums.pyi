import enum
from typing import Any

ENUMS: dict[str, type[enum.IntEnum]]

def __getattr__(name: str) -> Any: ...
