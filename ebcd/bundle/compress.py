"""From a file's content to the stream that a zip holds of it: deflated, or stored where that would not help."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import deflate

LEVEL = 6
STORED, DEFLATED = 0, 8
LARGE = 8 * 1024**2
"""Bytes from which a file is compressed piece by piece, so that memory stays small."""
PIECE = 1024**2
COMPRESSOR = f"deflate 0.9.0, from {LARGE} bytes on cramjam 2.14.0, level {LEVEL}"
"""What the bytes of a stream depend on beside its content: pyproject.toml pins both."""
_COMPRESSED = frozenset(
    {
        ".7z",
        ".avif",
        ".br",
        ".bz2",
        ".docx",
        ".eot",
        ".gif",
        ".gz",
        ".heic",
        ".jar",
        ".jpeg",
        ".jpg",
        ".lz4",
        ".m4a",
        ".m4v",
        ".mkv",
        ".mov",
        ".mp3",
        ".mp4",
        ".npz",
        ".odt",
        ".ogg",
        ".opus",
        ".parquet",
        ".png",
        ".pptx",
        ".rar",
        ".tbz2",
        ".tgz",
        ".txz",
        ".webm",
        ".webp",
        ".whl",
        ".woff",
        ".woff2",
        ".xlsx",
        ".xz",
        ".zip",
        ".zst",
    }
)


@dataclass(frozen=True, slots=True)
class Stream:
    """What a zip says of a file's bytes, and the content digest of the bundle of its content."""

    method: int
    """STORED or DEFLATED."""
    crc: int
    size: int
    """Bytes of the content."""
    length: int
    """Bytes of the stream."""
    digest: bytes
    """SHA-256 of the content."""


def is_compressed(path: str) -> bool:
    """Whether the name says that the file is compressed already: such a file is stored, and seldom changes."""
    return path[path.rfind(".") :].lower() in _COMPRESSED


def compress(content: bytes, *, stored: bool) -> tuple[Stream, bytes]:
    """A content's stream. stored: do not try to deflate it."""
    data, method = content, STORED
    if not stored:
        deflated = bytes(deflate.deflate_compress(content, LEVEL))
        if len(deflated) < len(content):
            data, method = deflated, DEFLATED
    return Stream(method, zlib.crc32(content), len(content), len(data), hashlib.sha256(content).digest()), data


def compress_large(pieces: Iterable[bytes], out: BinaryIO, *, stored: bool) -> Stream:
    """Write the stream of a content that comes in pieces. Deflated even where that does not help: it is not known
    before the end.
    """
    crc = size = length = 0
    digest = hashlib.sha256()
    encode, finish = _encoder(stored)
    for piece in pieces:
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        digest.update(piece)
        length += out.write(encode(piece))
    length += out.write(finish())
    return Stream(STORED if stored else DEFLATED, crc, size, length, digest.digest())


def content_of(stream: Stream, data: bytes) -> bytes:
    """The content that a stream was made of."""
    return data if stream.method == STORED else zlib.decompress(data, -zlib.MAX_WBITS, stream.size)


def pieces_of(stream: Stream, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a stream that comes in pieces, in pieces."""
    if stream.method == STORED:
        yield from chunks
        return
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    for chunk in chunks:
        rest = chunk
        while rest:
            yield decoder.decompress(rest, PIECE)
            rest = decoder.unconsumed_tail
    yield decoder.flush()


def _encoder(stored: bool) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    if stored:
        return (lambda piece: piece), (lambda: b"")
    import cramjam

    compressor = cramjam.deflate.Compressor(level=LEVEL)

    def encode(piece: bytes) -> bytes:
        compressor.compress(piece)
        return bytes(compressor.flush())

    return encode, lambda: bytes(compressor.finish())
