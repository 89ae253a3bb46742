"""The installed package matches the source: files, version, bounds, pins."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import version
from itertools import chain

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import escalation
from escalation._util.resources import bundled
from escalation.errors import UsageError


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins(root):
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pinned}


def wanted(project):
    extras = chain.from_iterable(project["optional-dependencies"].values())
    return [Requirement(text) for text in [*project["dependencies"], *extras]]


def test_the_data_and_the_experiments_are_found_in_a_checkout(root):
    assert bundled("iraq_crisis_events.csv") == root / "data/iraq_crisis_events.csv"
    for path in (root / "experiments").glob("*.toml"):
        assert bundled(path.name) == path


def test_an_installed_package_finds_its_own_copies_and_no_neighbour(tmp_path):
    package = tmp_path / "site-packages" / "escalation"
    (package / "bundled").mkdir(parents=True)
    (package / "bundled" / "a.toml").write_text("")
    (tmp_path / "site-packages" / "data").mkdir()
    (tmp_path / "site-packages" / "data" / "b.csv").write_text("")
    assert bundled("a.toml", package=package) == package / "bundled" / "a.toml"
    with pytest.raises(UsageError, match=r"E-BUNDLED.*'b\.csv'.*one of: a\.toml"):
        bundled("b.csv", package=package)


@pytest.mark.parametrize("name", ["", "nothing.csv", "../pyproject.toml", "README.md"])
def test_what_is_not_bundled_is_refused_and_the_bundled_ones_are_named(name):
    with pytest.raises(UsageError, match=r"E-BUNDLED.*iraq_crisis_events\.csv"):
        bundled(name)


def test_every_dependency_is_bounded_from_below_and_from_above(project):
    for requirement in wanted(project):
        operators = {specifier.operator for specifier in requirement.specifier}
        assert {">=", "<"} <= operators, requirement


def test_every_dependency_is_pinned_within_its_bounds(project, pins):
    for requirement in wanted(project):
        (pin,) = pins[canonicalize_name(requirement.name)].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), (requirement, pin)


def test_pins_are_names_and_versions_only(root, pins):
    text = (root / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--|@|/|\\", text)
    assert "escalation" not in pins
    assert all(len(pin.specifier) == 1 for pin in pins.values())


def test_the_version_is_the_same_everywhere(root):
    assert version("escalation") == escalation.__version__
    newest = re.search(r"^## \[?([0-9.]+|Unreleased)", _read(root, "CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert newest[1] in {"Unreleased", escalation.__version__}


def test_the_licence_is_the_one_that_the_metadata_name(root, project):
    assert project["license"] == "Apache-2.0"
    assert "Apache License" in _read(root, "LICENSE")
    assert "Apache-2.0" in _read(root, "data/README.md")


def test_the_guide_for_contributors_fits_on_a_page(root):
    assert len(_read(root, "CONTRIBUTING.md").splitlines()) <= 80


@pytest.mark.slow
def test_the_wheel_holds_the_data_and_the_experiments_and_runs_from_elsewhere(root, tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check"]
    built = subprocess.run(
        [*command, "--no-deps", "-w", str(tmp_path), str(root)], capture_output=True, text=True
    )
    if built.returncode and "hatchling" in built.stderr:
        pytest.skip("the build backend could not be had")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    experiments = {path.name for path in (root / "experiments").glob("*.toml")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    held = {n.removeprefix("escalation/bundled/") for n in names if "/bundled/" in n}
    assert held == {"iraq_crisis_events.csv", "iraq_crisis_tallies.csv"} | experiments
    assert {"escalation/py.typed", "escalation/report/page.html.j2"} <= names
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"escalation"}
    code = (
        "from escalation.events import load_events; from escalation._util.resources import bundled;"
        "path = bundled('iraq_crisis_events.csv');"
        "print(path); print(len(load_events('iraq_crisis', path).versions))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    path, rows = run.stdout.split()
    assert path.startswith(str(tmp_path / "site"))
    assert rows == "355"


def _read(root, name):
    return (root / name).read_text(encoding="utf-8")
