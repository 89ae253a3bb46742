"""Spoil bytes, TOML, JSON and words, with a seeded generator."""

from __future__ import annotations

import json
import re

PIECES = [b"", b"\0", b'"', b"\n", b"\r", b",", b"NA", b"\xff", b"1e400", b"[", b"{", b"\x1b[2J",
          b"\xff\xff\xff\xff", b"\x80\x80\x80\x80\x0f", b"PK\3\4", b"PK\1\2", b"PAR1"]  # fmt: skip
VALUES = ["0", "-1", "1", "7", "3.9", "1e308", "inf", "nan", "true", '""', '"x"', "[]", "{}",
          "[[1, 2]]", "[true]", '["[/foo]"]', "9" * 25, "0001-01-01", "9999-12-31", "2020-01-01",
          '"' + "x" * 3000 + '"', "[" * 300, "{ rung = 3 }", "{ rung = 9 }", '"../../x"',
          '"a\\u0000b"', '"\\u001b[2J"', "2000000000", "[1, 'a']", "{ a = { b = 1 } }",
          "1979-05-27T07:32:00Z", "0x7fffffff", "4_000_000_000"]  # fmt: skip
WORDS = ["", "-1", "0", "7", "nan", "inf", "9" * 25, "true", "x", "=1+1", "[/foo]", "\x1b[2J",
         "../../x", "/dev/null", "/nowhere/x", "a" * 3000, "2020-01-01", "2020-02-30", "0001-01-01",
         "9999-12-31", "%d/%m/%Y", "%", "%Y %Y", "Asia/Baghdad", "UTC+99", "utf-16", "idna", ";",
         "\t", "nosuch", "tidy", "acled", "gdelt", "ucdp", "iraq_crisis", "--", "-", "@", ":",
         "small@champion", "a=b", "features.window_sums.windows=[3]", "data.lag=true",
         "experiment.seed=-1", "out.csv", "out.parquet", "out.json", "out.png", "out.html",
         "e.csv", "e.toml", ".", "\u202ex", "\ud800"]  # fmt: skip


def spoilt(data, rng, *, most=5):
    """Drop, change, repeat or insert bytes."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, most)):
        at = rng.randrange(len(changed) + 1)
        if rng.random() < 0.4 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
            continue
        end = min(len(changed), at + rng.choice([0, 1, 4, 20, 4000]))
        piece = rng.choice([*PIECES, bytes(changed[at : at + 40])])
        changed[at:end] = piece * rng.choice([1, 1, 1, 3])
    return bytes(changed or b"x")


def spoilt_toml(text, rng):
    """Replace, drop, repeat or move values, keys and lines of a TOML file."""
    lines = text.splitlines()
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(lines))
        key, equals, _ = lines[at].partition(" = ")
        what = rng.random()
        if equals and what < 0.6:
            lines[at] = f"{key} = {rng.choice(VALUES)}"
        elif what < 0.7:
            lines.insert(rng.randrange(len(lines)), lines[at])
        elif what < 0.8:
            del lines[at]
            lines = lines or ["x"]
        elif what < 0.9 and equals:
            lines[at] = f"{rng.choice(WORDS[10:30])!r} = {lines[at].partition(' = ')[2]}"
        else:
            lines[at] = re.sub(r"\w+", lambda w: rng.choice([w[0], "target", "x"]), lines[at])
    return "\n".join(lines)


def spoilt_json(value, rng):
    """Replace, drop or repeat one nested value."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoilt_json(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value[:at] + value[at + 1 :]
        return [*value[:at], spoilt_json(value[at], rng), *value[at + 1 :]]
    return rng.choice([None, True, 0, -1, 7, 1.5, 1e308, "", "x", [], {}, [[1]], {"a": 1}, 10**25,
                       "a\0b", "\u202e", "x" * 3000, value, [value]])  # fmt: skip


def spoilt_lines(data, rng):
    """Swap, drop or repeat lines of JSON, or change a value."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    what = rng.randrange(5)
    if what == 0:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif what == 1:
        del lines[at]
    elif what == 2:
        rng.shuffle(lines)
    elif what == 3:
        other = spoilt_json(json.loads(lines[at]), rng)
        lines[at] = json.dumps(other, sort_keys=True, separators=(",", ":")).encode()
    else:
        return spoilt(data, rng)
    return b"".join(line + b"\n" for line in lines)
