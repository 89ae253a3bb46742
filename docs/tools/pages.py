"""Write all generated pages to docs/made before Sphinx reads anything."""

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
    """Return every generated page by its path under docs/made."""
    return {name: text for make in MAKERS for name, text in make().items()}


def write(docs: Path) -> None:
    """Write pages, pictures and the gallery; files that have not changed are left alone."""
    if differences := claims.differences():
        raise ValueError("\n".join(differences))
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
