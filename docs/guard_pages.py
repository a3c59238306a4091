"""Writes ``docs/guards/``: a page per guard, from what its own file says.

    python docs/guard_pages.py

A test compares the pages with the files, so that they say the same.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from paidonce.scenarios.reference import VARIANTS

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "guards"
_VULNERABLE = "It is declared vulnerable: a proof in which it is not caught is red."
_HEADINGS = {
    "Guarantees": "What it guarantees",
    "Costs": "What it costs",
    "Fails": "Where it fails",
}


def pages() -> dict[str, str]:
    """The text of every page by its file name."""
    return {"README.md": _index(), **{f"{v.name}.md": _page(v.name) for v in VARIANTS}}


def _index() -> str:
    lines = [
        "# Guards",
        "",
        "Eleven ways to protect a payment, three of them wrong on purpose. Each page says what the",
        "guard guarantees, what it costs, where it fails, and when to choose it. What it costs on",
        "your machine, `paidonce load` measures ([load](../load.md)).",
        "",
        "| guard | idea | sound |",
        "|---|---|---|",
    ]
    lines += [
        f"| [`{v.name}`]({v.name}.md) | {v.title} | {'yes' if v.sound else 'no'} |"
        for v in VARIANTS
    ]
    return "\n".join(lines) + "\n"


def _page(name: str) -> str:
    variant = next(one for one in VARIANTS if one.name == name)
    source = f"reference_service/guards/{name}.py"
    text = ast.get_docstring(ast.parse((ROOT / source).read_text())) or ""
    first, _, rest = text.partition("\n\n")
    parts = re.split(r"^(Guarantees|Costs|Fails): ", rest, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    missing = _HEADINGS.keys() - found.keys()
    if missing:
        raise SystemExit(f"{source}: its docstring has no part {', '.join(sorted(missing))}")
    sections = [
        f"# {variant.title} (`{name}`)",
        _markdown(first),
        f"**When to choose it.** {variant.choose}",
    ]
    before = _markdown(parts[0])
    if before:
        sections.append(before)
    for part, heading in _HEADINGS.items():
        sections.append(f"## {heading}\n\n{_markdown(found[part])}")
    sections.append(
        "## See it\n\n```console\n"
        f"$ paidonce run two_tabs --guard {name}        # played\n"
        f"$ paidonce explore pay_vs_cancel --guard {name}    # every interleaving\n"
        f"$ paidonce prove --guard {name}               # every scenario\n"
        "```\n\n"
        + ("" if variant.sound else f"{_VULNERABLE} ")
        + f"The code is [{source}](../../{source})."
    )
    return "\n\n".join(sections) + "\n"


def _markdown(text: str) -> str:
    """A docstring's text: capital first, literals as Markdown has them."""
    text = re.sub(r"``(.+?)``", r"`\1`", text.strip(), flags=re.DOTALL)
    return text[:1].upper() + text[1:] if text[:1].isalpha() else text


def main() -> None:
    PAGES.mkdir(exist_ok=True)
    for name, text in pages().items():
        (PAGES / name).write_text(text)


if __name__ == "__main__":
    main()
