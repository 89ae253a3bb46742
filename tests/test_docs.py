"""The documentation can't rot: everything has its page, and numbers in prose match the results."""

import ast
import inspect
import pkgutil
import re
import shlex
import shutil
import tomllib
from itertools import pairwise

import pytest
import typer

from escalation.cli import app
from escalation.models import MODELS
from escalation.targets import TARGETS
from tools import (
    claims,
    codes,
    commands,
    error_pages,
    gallery,
    pictures,
    reference,
    registries,
    results,
    typed,
)

ILLUSTRATIONS = {"95%", "20%", "70%", "50%", "1%", "10%"}
"""Percentages in README that are not measurements: a level, a limit, an example."""


MAY_REFUSE = {"promote", "download ucdp", "download gdelt", "download acled"}
"""Commands whose example is an error, because there is no lead or no network."""


@pytest.fixture
def fresh():
    """Clear the caches of the results before and after."""
    caches = (results.skill, results.bundled_comparison, results.replayed)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.mark.parametrize("name", commands.every())
def test_every_command_has_a_page_with_what_it_printed(name):
    printed = commands.output_of(name)
    assert f"$ escalation {name}" in printed
    assert name in MAY_REFUSE or "error[E-" not in printed
    assert f"# escalation {name}\n" in commands.pages()[f"commands/{name.replace(' ', '-')}.md"]


def test_every_error_code_has_a_cause_and_a_cure():
    assert set(error_pages.words()) == set(codes.codes())
    for code, (cause, cure) in error_pages.words().items():
        assert cause.endswith(".") and len(cure) > 10, code


def test_the_generated_pages_can_be_made():
    made = {**error_pages.pages(), **registries.label_pages(), **registries.model_pages()}
    text = made["errors.md"]
    assert all(f"### {code}\n" in text for code in codes.codes())
    assert {f"models/{name}.md" for name in MODELS} <= set(made)


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_is_drawn_and_is_the_same_each_time(name):
    drawn = pictures.PICTURES[name]()
    assert drawn.startswith("<?xml") and drawn == pictures.PICTURES[name]()


@pytest.mark.parametrize(("kind", "registry"), [("labels", TARGETS), ("models", MODELS)])
def test_every_label_and_model_says_who_it_is_for(kind, registry):
    assert list(registries.words(kind)) == list(registry)


def test_every_figure_is_in_the_gallery():
    assert sorted(gallery.FIGURES) == gallery.every()


def test_every_public_name_is_in_the_reference():
    assert reference.undocumented() == []


REFERENCE = re.compile(r":(?:func|class|data|mod|meth|attr):`~?(escalation[.\w]*)`")


def described(name):
    """Whether the target of a reference exists and, if it is a value, has its own docstring."""
    try:
        found = pkgutil.resolve_name(name)
    except (AttributeError, ModuleNotFoundError):
        return False
    if inspect.ismodule(found) or inspect.isclass(found) or inspect.isroutine(found):
        return True
    home, _, own = name.rpartition(".")
    if inspect.isclass(held := pkgutil.resolve_name(home)):
        return True
    body = ast.parse(inspect.getsource(held)).body
    texts = [ast.unparse(one) for one, text in pairwise(body) if isinstance(text, ast.Expr)]
    return any(re.match(rf"{own}\b", one) for one in texts)


def test_what_docstrings_refer_to_is_there_and_described(root):
    texts = [path.read_text("utf-8") for path in (root / "escalation").rglob("*.py")]
    names = {name for text in texts for name in REFERENCE.findall(text)}
    assert len(names) > 30
    assert [name for name in sorted(names) if not described(name)] == []


@pytest.mark.parametrize("name", ["escalation.schema.NO_SUCH", "escalation.schema.UnitKind"])
def test_a_reference_to_what_is_not_described_is_found(name):
    assert not described(name)


def test_every_folder_of_the_package_is_a_stage_of_the_reference(root):
    folders = {path.parent.name for path in (root / "escalation").glob("*/__init__.py")}
    assert folders <= set(reference.STAGES)


def understood(line):
    """Check that the command has these arguments and options, without running it."""
    words, command = shlex.split(line)[1:], typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    try:
        command.make_context(command.name, words)
    except typer.BadParameter.__base__ as error:
        return error.message or "short"
    return "yes"


@pytest.mark.parametrize("page", claims.files(), ids=lambda path: path.stem)
def test_the_commands_that_a_page_prints_have_these_options(page):
    text = page.read_text(encoding="utf-8")
    whole = [line for line in typed.lines(text) if line.startswith("escalation ")]
    assert {line: understood(line) for line in whole} == dict.fromkeys(whole, "yes")
    assert all(understood(line) in {"yes", "short"} for line in typed.inline(text))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("escalation card MODEL", "unexpected extra argument"),
        ("escalation score --modl mine", "No such option"),
        ("escalation ingest", "short"),
        ("escalation download ucdp --version latest --out ucdp", "yes"),
    ],
)
def test_a_command_that_is_not_there_is_noticed(line, says):
    assert says in understood(line)


def test_a_page_says_what_to_type():
    page = "$ escalation a \\\n  --b  # c\n    0 5 * * 1  cd /x && escalation d\n    esc.a()\n"
    assert typed.lines(page) == ["escalation a    --b", "escalation d"]


def test_measured_numbers_are_those_of_the_results():
    assert claims.differences() == []


def test_a_changed_number_in_prose_is_found(root):
    text = (root / "README.md").read_text(encoding="utf-8")
    inside = claims.BLOCK.search(text)
    number = re.search(r"\d", inside[2])
    at = inside.start(2) + number.start()
    changed = text[:at] + str((int(number[0]) + 1) % 10) + text[at + 1 :]
    assert claims.written(changed) == text


def test_a_changed_number_in_the_results_is_found(tmp_path, monkeypatch, fresh):
    shutil.copytree(results.RESULTS, tmp_path / "results")
    for name in ("skill.csv", "iraq_crisis.csv"):
        path = tmp_path / "results" / name
        table = path.read_text(encoding="utf-8")
        path.write_text(table.replace("0.0", "0.1"), encoding="utf-8")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    assert any("README.md" in line for line in claims.differences())


def test_no_share_in_readme_is_written_by_hand(root):
    text = claims.BLOCK.sub("", (root / "README.md").read_text(encoding="utf-8"))
    assert set(re.findall(r"\d+(?:\.\d+)?%", text)) <= ILLUSTRATIONS


def test_a_block_names_the_command_that_makes_its_numbers():
    for path in claims.files():
        for line in re.findall(r"<!-- measured .*", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"<!-- measured \S+: (make \S+) -->", line), (path, line)


def test_the_makefile_knows_the_commands_of_the_blocks(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for path in claims.files():
        for target in re.findall(r"<!-- measured \S+: make (\S+) -->", path.read_text("utf-8")):
            assert f"\n{target}:" in makefile


def test_readme_is_one_screen(root):
    assert len((root / "README.md").read_text(encoding="utf-8").splitlines()) <= 80


def test_the_citation_is_of_this_version(root):
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"license: {project['license']}" in citation and "title: escalation" in citation
