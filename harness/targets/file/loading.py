"""Reads a target file; what is wrong with it is one message naming file, key and expectation."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from paidonce.harness.bounded import decode_toml, read_file
from paidonce.harness.errors import UsageError
from paidonce.harness.targets.file.format import ResetTable, TargetFile, VariantTable
from paidonce.harness.targets.file.meaning_check import check
from paidonce.harness.targets.file.shape_check import convert


@dataclass(frozen=True)
class Loaded:
    """A target file that makes sense. ``digest`` is the SHA-256 of its text, in hexadecimal."""

    file: TargetFile
    path: Path
    digest: str

    @property
    def folder(self) -> Path:
        """Return the folder to which paths in the file are relative."""
        return self.path.parent

    @property
    def variants(self) -> dict[str, VariantTable]:
        """The variants by name; where the file has none, the service itself, claimed sound."""
        return self.file.variants or {"default": VariantTable(sound=True)}

    def headers(self, variant: str) -> dict[str, str]:
        """The headers of every step in a variant: the file's, and then the variant's own."""
        return {**self.file.headers, **self.variants[variant].headers}

    def reset(self, variant: str) -> ResetTable:
        """Return the reset of a variant, before each execution."""
        own = self.variants[variant].reset
        return self.file.reset if own is None else own


def load_target(path: Path) -> Loaded:
    """The target described in ``path``. Raises ``UsageError``."""
    try:
        text = read_file(path)
    except OSError as error:
        raise UsageError(f"target file {path} cannot be read: {error.strerror}") from None
    try:
        data = decode_toml(text)
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected UTF-8 text, and byte {error.start} is not") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from None
    file = convert(data, str(path))
    absolute = path.resolve()
    check(file, str(path), absolute.parent)
    return Loaded(file=file, path=absolute, digest=hashlib.sha256(text).hexdigest())
