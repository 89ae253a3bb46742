"""Stream the text of a file as UTF-8 bytes: unpacked and decoded, in limited chunks."""

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

_READ_BYTES = LONGEST_ROW
_NO_TEXT = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""Codecs that Python counts as text encodings, but that no file of events uses."""
_UTF16_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_QUOTE = b'"'


class TextStream:
    """The text of a file as UTF-8 bytes, without a byte order mark, read forward once.

    Parameters
    ----------
    path : Path
        Plain, ``.gz``, or ``.zip`` with one member.
    encoding : str, optional
        UTF-8 by default.

    Raises
    ------
    InputError
        ``E-FILE`` if it can't be read or unpacked, ``E-ENCODING`` with the offset of a byte that is
        invalid in its encoding, ``E-LIMIT`` if it unpacks to far more than it should.
    UsageError
        ``E-ENCODING`` for an unknown encoding.
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
            data = self._decoded(_READ_BYTES)
            # Old Macs and some spreadsheets end lines with a lone carriage return.
            self._lone_returns = b"\r" in data and b"\n" not in data
            self._held = self._with_line_ends(data).removeprefix(codecs.BOM_UTF8)
        except BaseException:
            self.close()
            raise

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes, none at the end or once closed, and count their quotes."""
        with self._reading:
            if self.closed:
                return b""
            self._fill(_READ_BYTES if size is None or size < 0 else size)
            return self._take(len(self._held) if size is None or size < 0 else self._at + size)

    def readable(self) -> bool:
        """Return True, as Arrow requires."""
        return True

    def peek(self) -> bytes:
        """Return the next bytes without consuming them; empty at the end."""
        self._fill(_READ_BYTES)
        return self._held[self._at :]

    def line(self) -> bytes:
        """Read the next line with its end, or only its first megabyte or so if it is longer."""
        data = b""
        while len(data) < _READ_BYTES and not data.endswith(b"\n"):
            self._fill(_READ_BYTES)
            if self._at == len(self._held):
                break
            data += self._take(self._held.find(b"\n", self._at) + 1 or len(self._held))
        return data

    def close(self) -> None:
        """Close the file after any current read: Arrow reads ahead in its own thread."""
        with self._reading:
            self._file.close()
            self.closed = True

    def _fill(self, size: int) -> None:
        if self._at >= len(self._held):
            self._held, self._at = self._with_line_ends(self._decoded(size)), 0

    def _take(self, end: int) -> bytes:
        data = self._held[self._at : end]
        self._at += len(data)
        self.quotes += data.count(_QUOTE)
        return data

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
                raise _encoding_error(self.path, offset, error.encoding) from None
            except UnicodeError:
                # UTF-16 without its byte order mark: no offset is known.
                fix = "set the right --encoding"
                raise _encoding_error(self.path, 0, self._name, fix=fix) from None
            if self._plain:
                return raw
            if decoded or not raw:
                return decoded.removeprefix("\ufeff").encode("utf-8")

    def _refuse_utf16(self, start: bytes) -> None:
        if start.startswith(_UTF16_BOMS):
            offset = 0
        elif start[:1000].count(0) > 200:
            offset = start.index(0)
        else:
            return
        raise _encoding_error(self.path, offset, "utf-8", fix="add --encoding utf-16")

    def _raw(self, size: int) -> bytes:
        with library_call(self.path, "the packed file"):
            raw = self._file.read(size)
        self._taken += len(raw)
        if self._unpacked is not None:
            self._unpacked.add(len(raw))
        return raw


def _encoding_error(path: Path, offset: int, encoding: str, *, fix: str = "") -> InputError:
    """Return the error for a byte that is invalid; its offset is in the unpacked file."""
    return InputError(
        "E-ENCODING",
        f"byte {offset} is not {encoding} text",
        where=str(path),
        fix=fix or "add --encoding cp1252, or the encoding of the file",
    )


def read_through(path: Path, encoding: str | None = None) -> None:
    """Read a file to its end, to raise the errors of :class:`TextStream`.

    Parameters
    ----------
    path : Path
    encoding : str, optional
    """
    with closing(TextStream(path, encoding=encoding)) as stream:
        while stream.read():
            pass


def is_utf8(path: Path) -> bool:
    """Return whether the unpacked file is all UTF-8; raise ``E-ENCODING`` for UTF-16."""
    try:
        read_through(path)
    except InputError as error:
        if error.code != "E-ENCODING" or "utf-16" in error.fix:
            raise
        return False
    return True


def _decoder(path: Path, encoding: str) -> tuple[bool, codecs.IncrementalDecoder]:
    """Return whether the bytes are UTF-8 already, and a decoder that converts or checks them."""
    try:
        codec = codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise UsageError(
            "E-ENCODING", "needs the name of an encoding, such as latin-1", value=encoding
        ) from None
    if not codec._is_text_encoding or codec.name in _NO_TEXT or codec.incrementaldecoder is None:
        raise InputError(
            "E-ENCODING",
            f"{codec.name} is not a text encoding",
            where=str(path),
            fix="set the right --encoding, such as latin-1",
        )
    plain = codec.name in {"utf-8", "utf-8-sig"}
    return plain, codecs.getincrementaldecoder("utf-8" if plain else codec.name)()


def _opened(path: Path) -> tuple[BinaryIO, int]:
    """Open a file for its unpacked bytes; also return its packed size, 0 if it is not packed."""
    if not path.is_file():
        raise InputError(
            "E-FILE",
            "no such file",
            where=str(path),
            fix="check the name and the current folder",
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
