"""Bytes of a file as UTF-8 text: unpacked, decoded, and never more than was asked for."""

from __future__ import annotations

import codecs
import gzip
import threading
import zipfile
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from escalation.errors import InputError, UsageError
from escalation.events.reading.limits import LONGEST_ROW, Unpacked
from escalation.events.reading.unreadable import library_call

READ_BYTES = LONGEST_ROW
_NO_TEXT = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs that Python counts among those of text, and that no file of events is written in."""
_BOMS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_QUOTE = b'"'


class TextStream:
    """A file's text as UTF-8 bytes, without its byte order mark, read forward once.

    Parameters
    ----------
    path : Path
        Plain, ``.gz``, or ``.zip`` with one member.
    encoding : str, optional
        How its text is written; UTF-8 by default.

    Raises
    ------
    InputError
        ``E-FILE`` if it can't be read or unpacked, ``E-ENCODING`` with the byte offset where it is
        not in its encoding, ``E-LIMIT`` when it unpacks to far more than it should.
    UsageError
        ``E-ENCODING`` for an encoding that does not exist.
    """

    closed = False

    def __init__(self, path: Path, *, encoding: str | None = None) -> None:
        self.path, self.quotes = path, 0
        self._reading = threading.Lock()
        self._declared = encoding is not None
        self._name = "utf-8" if encoding is None else encoding
        self._plain, self._decoder = _decoder(path, self._name)
        self._file, packed = _opened(path)
        self._unpacked = Unpacked(path, packed) if packed else None
        self._taken, self._at, self._held = 0, 0, b""
        self._lone_returns = False
        try:
            self._held = self._start()
        except BaseException:
            self.close()
            raise

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; none at the end or once closed. Quotes are counted on the way."""
        with self._reading:
            if self.closed:
                return b""
            self._fill(READ_BYTES if size is None or size < 0 else size)
            return self._take(len(self._held) if size is None or size < 0 else self._at + size)

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def peek(self) -> bytes:
        """What comes next, without taking it; nothing at the end."""
        self._fill(READ_BYTES)
        return self._held[self._at :]

    def line(self) -> bytes:
        """The next line with its end, or its first megabytes if it is longer."""
        data = b""
        while len(data) < READ_BYTES and not data.endswith(b"\n"):
            self._fill(READ_BYTES)
            if self._at == len(self._held):
                break
            data += self._take(self._held.find(b"\n", self._at) + 1 or len(self._held))
        return data

    def close(self) -> None:
        """Close the file, once nobody reads: Arrow reads ahead in a thread of its own."""
        with self._reading:
            self._file.close()
            self.closed = True

    def _fill(self, size: int) -> None:
        if self._at >= len(self._held):
            self._held, self._at = self._next(size), 0

    def _take(self, end: int) -> bytes:
        data = self._held[self._at : end]
        self._at += len(data)
        self.quotes += data.count(_QUOTE)
        return data

    def _start(self) -> bytes:
        data = self._next(READ_BYTES)
        # Old Macs and some spreadsheets end lines with a carriage return alone.
        self._lone_returns = b"\r" in data and b"\n" not in data
        return self._with_line_ends(data).removeprefix(codecs.BOM_UTF8)

    def _next(self, size: int) -> bytes:
        return self._with_line_ends(self._decoded(size))

    def _with_line_ends(self, data: bytes) -> bytes:
        return data.replace(b"\r", b"\n") if self._lone_returns else data

    def _decoded(self, size: int) -> bytes:
        while True:
            raw = self._raw(size)
            if self._taken == len(raw) and not self._declared:
                self._refuse_utf16(raw)
            try:
                decoded = self._decoder.decode(raw, final=not raw)
            except UnicodeDecodeError as error:
                offset = self._taken - len(error.object) + error.start
                raise _not_encoded(self.path, offset, error.encoding) from None
            except UnicodeError:
                # UTF-16 without its mark has no place that is wrong.
                raise _not_encoded(
                    self.path, 0, self._name, fix="name the right --encoding"
                ) from None
            if self._plain:
                return raw
            if decoded or not raw:
                return decoded.removeprefix("\ufeff").encode("utf-8")

    def _refuse_utf16(self, start: bytes) -> None:
        for mark, name in _BOMS:
            if start.startswith(mark):
                raise _not_encoded(self.path, 0, "utf-8", fix=f"add --encoding {name}")
        if start[:1000].count(0) > 200:
            raise _not_encoded(self.path, start.index(0), "utf-8", fix="add --encoding utf-16")

    def _raw(self, size: int) -> bytes:
        with library_call(self.path, "the packed file"):
            raw = self._file.read(size)
        self._taken += len(raw)
        if self._unpacked is not None:
            self._unpacked.take(len(raw))
        return raw


def _not_encoded(path: Path, offset: int, encoding: str, *, fix: str = "") -> InputError:
    """The refusal of bytes that are not text in an encoding; the offset is in the unpacked file."""
    return InputError(
        "E-ENCODING",
        f"byte {offset} is not {encoding} text",
        where=str(path),
        fix=fix or "add --encoding cp1252, or whichever it was written in",
    )


def is_utf8(path: Path) -> bool:
    """Whether every byte of the unpacked file is; a file with UTF-16's mark is refused."""
    try:
        with closing(TextStream(path)) as stream:
            while stream.read(READ_BYTES):
                pass
    except InputError as error:
        if error.code != "E-ENCODING" or "utf-16" in error.fix:
            raise
        return False
    return True


def _decoder(path: Path, encoding: str) -> tuple[bool, codecs.IncrementalDecoder]:
    """Whether the bytes are UTF-8 already, and what decodes or checks them."""
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise UsageError(
            "E-ENCODING", "needs the name of an encoding, such as latin-1", value=encoding
        ) from None
    if not found._is_text_encoding or found.name in _NO_TEXT or found.incrementaldecoder is None:
        raise InputError(
            "E-ENCODING",
            f"{found.name} is no encoding of text",
            where=str(path),
            fix="name the right --encoding, such as latin-1",
        )
    plain = found.name in {"utf-8", "utf-8-sig"}
    return plain, codecs.getincrementaldecoder("utf-8" if plain else found.name)()


def _opened(path: Path) -> tuple[BinaryIO, int]:
    """The unpacked bytes, and the size of the packed ones; 0 if it is not packed."""
    if not path.is_file():
        raise InputError(
            "E-FILE",
            "no such file",
            where=str(path),
            fix="check the name, and the folder you are in",
        )
    if path.suffix == ".gz":
        return gzip.GzipFile(path), path.stat().st_size  # type: ignore[return-value]
    if path.suffix == ".zip":
        return _only_member(path), path.stat().st_size
    return path.open("rb", buffering=0), 0


def _only_member(path: Path) -> BinaryIO:
    with library_call(path, "the zip file"):
        packed = zipfile.ZipFile(path)
        members = [entry for entry in packed.infolist() if not entry.is_dir()]
        if len(members) != 1:
            raise InputError(
                "E-FILE",
                f"needs exactly one file inside, found {len(members)}",
                where=str(path),
                fix="unpack it and name the file",
            )
        return packed.open(members[0])  # type: ignore[return-value]
