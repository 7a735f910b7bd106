"""A file read once: its drafts and rejected items in frames on local disk, ready to be applied from any position.

It is a cache beside the database, never the truth: it can be deleted at any time, or be missing on another host,
and is then made again from the upload, which gives the same items at the same positions.

Layout: a head that says how the file was read, then frames one after the other, each a header of three unsigned
32-bit numbers (items in the frame, bytes of its MessagePack body, CRC-32 of the body) and the body. The file gets its
name only when it is complete.
"""

import os
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

import msgspec
from django.conf import settings

from bookmarks.drafts import BookmarkDraft

FRAME_ITEMS = 100
# A few items may be as large as a file: neither a frame nor what is taken at once grows with them.
FRAME_CHARACTERS = 1 << 18
TAKEN_BYTES = 1 << 22
_HEADER = struct.Struct("<III")
# The number of the layout, which changes with it, as a new release may find what an old one has left; and a key.
_LAYOUT = b"\x01"
_KEY_BYTES = 16


class PreparedReject(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A rejected item on its way into the database. `position` counts from 0."""

    position: int
    member: str
    title: str
    url: str
    reason: str
    fragment: str


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive items of a file: the drafts in order, and the rejected ones with their positions."""

    start: int
    drafts: list[BookmarkDraft]
    rejects: list[PreparedReject]

    def __len__(self) -> int:
        return len(self.drafts) + len(self.rejects)

    @property
    def end(self) -> int:
        """The position after the last item."""
        return self.start + len(self)

    @classmethod
    def joined(cls, frames: list["Frame"]) -> "Frame":
        """Return consecutive frames as one."""
        if len(frames) == 1:
            return frames[0]
        drafts = [draft for frame in frames for draft in frame.drafts]
        return cls(frames[0].start, drafts, [reject for frame in frames for reject in frame.rejects])

    def between(self, start: int, end: int) -> "Frame":
        """Return the items at the positions from `start` to before `end`."""
        if start <= self.start and end >= self.end:
            return self
        start = max(start, self.start)
        rejected = {reject.position for reject in self.rejects}
        positions = (position for position in range(self.start, self.end) if position not in rejected)
        drafts = [d for position, d in zip(positions, self.drafts, strict=True) if start <= position < end]
        return Frame(start, drafts, [reject for reject in self.rejects if start <= reject.position < end])

    def all_rejected(self, reason: str) -> "Frame":
        """Return a frame of one draft with that rejected for `reason`."""
        rejects = [PreparedReject(self.start, "", d.title, d.url, reason, "") for d in self.drafts]
        return Frame(self.start, [], rejects or self.rejects)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def prepared_path(job_id: int) -> Path:
    """Return where the prepared file of a job lies on this host."""
    directory: Path = settings.DATA_DIR / "prepared"
    return directory / f"{job_id}.frames"


def is_prepared(path: Path, key: bytes) -> bool:
    """Whether this host has a file as it is read under `key`, and not as it was read before options were changed."""
    try:
        with path.open("rb") as file:
            return file.read(len(_LAYOUT) + _KEY_BYTES) == _LAYOUT + key
    except FileNotFoundError:
        return False


class PreparedWriter:
    """Writes a prepared file. Use it in a `with` block; without `finish` nothing is left behind."""

    def __init__(self, path: Path, fence: int = 0, key: bytes = bytes(_KEY_BYTES)) -> None:
        self._path = path
        self._head = _LAYOUT + key
        # Two workers may be at it when one was paused past its lease: each writes a file of its own.
        self._draft_path = path.with_suffix(f".{fence}.part")
        self._drafts: list[BookmarkDraft] = []
        self._rejects: list[PreparedReject] = []
        self._start = self._characters = 0

    def __enter__(self) -> Self:
        self._draft_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: BinaryIO = self._draft_path.open("wb", buffering=1 << 18)
        self._file.write(self._head)
        return self

    def __exit__(self, *exc_info: object) -> None:
        # Closing flushes, which fails when the disk is full: the file goes all the same.
        with suppress(OSError):
            self._file.close()
        self._draft_path.unlink(missing_ok=True)

    @property
    def position(self) -> int:
        """How many items were added."""
        return self._start + len(self._drafts) + len(self._rejects)

    def add(self, draft: BookmarkDraft) -> None:
        """Append an item that becomes a bookmark."""
        self._drafts.append(draft)
        self._characters += len(draft.url) + len(draft.description)
        self._flush_full()

    def reject(self, member: str, title: str, url: str, reason: str, fragment: str) -> None:
        """Append an item that does not."""
        self._rejects.append(PreparedReject(self.position, member, title, url, reason, fragment))
        self._characters += len(title) + len(url) + len(fragment)
        self._flush_full()

    def finish(self) -> None:
        """Complete the file and give it its name."""
        self._flush()
        self._file.close()
        self._draft_path.replace(self._path)

    def _flush_full(self) -> None:
        if len(self._drafts) + len(self._rejects) >= FRAME_ITEMS or self._characters >= FRAME_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        count = len(self._drafts) + len(self._rejects)
        if not count:
            return
        body = _encoder.encode(Frame(self._start, self._drafts, self._rejects))
        self._file.write(_HEADER.pack(count, len(body), zlib.crc32(body)) + body)
        self._start += count
        self._drafts, self._rejects, self._characters = [], [], 0


class PreparedReader:
    """Takes items from a prepared file, from a position on. Use it in a `with` block.

    Raises FileNotFoundError when this host has no such file.
    """

    def __init__(self, path: Path, position: int = 0) -> None:
        self.position = position
        self._path = path
        self._rest = Frame(position, [], [])
        self._taken_bytes = 0

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("rb", buffering=1 << 18)
        self._file.seek(len(_LAYOUT) + _KEY_BYTES)
        self._frames = self._read()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._file.close()

    def take(self, count: int) -> Frame | None:
        """Return the next items: at least one, up to `count`, and up to a frame more where `count` ends inside one.

        Of large items it is fewer, about TAKEN_BYTES of them. Returns None at the end. Raises EOFError when the file
        is damaged, as a crash of the machine may leave it.
        """
        taken = [self._rest] if len(self._rest) else []
        items, self._taken_bytes = len(self._rest), 0
        while items < count and self._taken_bytes < TAKEN_BYTES and (frame := next(self._frames, None)):
            taken.append(frame)
            items += len(frame)
        if not taken:
            return None
        joined = Frame.joined(taken)
        end = joined.end if count >= FRAME_ITEMS else min(joined.end, joined.start + count)
        self._rest = joined.between(end, joined.end)
        self.position = end
        return joined.between(joined.start, end)

    def _read(self) -> Iterator[Frame]:
        at = 0
        while header := self._file.read(_HEADER.size):
            if len(header) < _HEADER.size:
                raise EOFError
            count, size, checksum = _HEADER.unpack(header)
            if at + count <= self.position:
                self._file.seek(size, os.SEEK_CUR)
            else:
                body = self._file.read(size)
                if len(body) < size or zlib.crc32(body) != checksum:
                    raise EOFError
                self._taken_bytes += size
                yield _decoder.decode(body).between(self.position, at + count)
            at += count


def discard_stale(active_job_ids: set[int], *, older_than_seconds: float) -> int:
    """Delete the prepared files of jobs that are not active, and abandoned drafts; return how many."""
    directory = prepared_path(0).parent
    gone = 0
    for path in directory.glob("*.*"):
        job_id = path.name.partition(".")[0]
        with suppress(FileNotFoundError):
            old = path.stat().st_mtime < time.time() - older_than_seconds
            if old and not (path.suffix == ".frames" and job_id.isdigit() and int(job_id) in active_job_ids):
                path.unlink()
                gone += 1
    return gone
