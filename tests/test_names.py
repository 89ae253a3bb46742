"""Module names and public names are unique, and registries are dicts."""

import importlib

import package_shape as shape
import pytest

REGISTRIES = (
    ("events", "SOURCES"),
    ("features", "FEATURES"),
    ("features", "ACROSS"),
    ("targets", "TARGETS"),
    ("models", "MODELS"),
    ("metrics", "METRICS"),
)


def test_no_module_has_its_folders_name():
    assert not [path for path in shape.modules() if path.stem == path.parent.name]


def test_no_two_modules_have_the_same_name():
    assert set(shape.same_module_names()) <= shape.SHARED_MODULES


def test_no_two_public_names_are_the_same():
    same = shape.same_public_names()
    assert not same, "\n".join(f"{name}: {', '.join(places)}" for name, places in same.items())


def test_names_say_what_the_thing_is():
    assert not shape.vague_names()


@pytest.mark.parametrize(("folder", "name"), REGISTRIES)
def test_registries_are_plain_dicts(folder, name):
    registry = getattr(importlib.import_module(f"escalation.{folder}"), name)
    assert type(registry) is dict
    assert all(
        isinstance(key, str) and callable(getattr(value, "convert", value))
        for key, value in registry.items()
    )


def test_rooms_form_no_circle():
    chain = shape.longest_chain(shape.room_imports())
    assert chain[0] in {"errors", "schema"} and chain[-1] == "cli"


def test_a_planted_vague_name_is_caught(tmp_path):
    (tmp_path / "thing.py").write_text("def total(own, rows):\n    _said = sum(rows)\n")
    assert shape.vague_names(tmp_path) == ["thing.py: own", "thing.py: _said"]


def test_a_planted_double_is_caught(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "thing.py").write_text("LIMIT, _OWN = 1, 2\n\n\ndef act(): ...\n")
    (tmp_path / "two" / "thing.py").write_text("LIMIT = 2\n_OWN = 3\nfrom one.thing import act\n")
    assert set(shape.same_module_names(tmp_path)) == {"thing"}
    assert set(shape.same_public_names(tmp_path)) == {"LIMIT"}


def test_a_circle_is_caught():
    with pytest.raises(ValueError, match="circle: a > b > a"):
        shape.longest_chain({"a": {"b"}, "b": {"a"}})
