"""The generated pages, all of them: written under docs/made before Sphinx reads anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tools import claims, commands, error_pages, gallery, pictures, reference, registries

Pages = Mapping[str, str]
MAKERS: tuple[Callable[[], Pages], ...] = (
    commands.pages,
    error_pages.pages,
    registries.label_pages,
    registries.model_pages,
    reference.pages,
    registries.texts,
)


def texts() -> dict[str, str]:
    """Every generated page by its path under docs/made."""
    return {name: text for make in MAKERS for name, text in make().items()}


def write(docs: Path) -> None:
    """Pages, pictures and the gallery; what has not changed is left as it is."""
    wrong = claims.differences()
    if wrong:
        raise ValueError("\n".join(wrong))
    made = docs / "made"
    for name, text in texts().items():
        _write(made / name, text)
    for name, draw in pictures.PICTURES.items():
        _write(made / "pictures" / f"{name}.svg", draw())
    for name, text in gallery.pages(made / "gallery").items():
        _write(made / name, text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
