"""Feeds broken files to every format: `python -m tests.imports.formats.fuzz --executions 1000000`.

Each execution reads one file, made from a sample of the format, and passes when nothing but `UnreadableFileError`
was raised, every item has the types it should have, and the time stayed in its bound. Execution number N of a seed
is always the same file: `--first N --executions 1` repeats it.
"""

import argparse
import faulthandler
import gzip
import io
import json
import random
import re
import resource
import sys
import tarfile
import time
import traceback
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from imports.formats import registry
from imports.formats.base import Notice, ParsedItem, RejectedItem, UnreadableFileError
from imports.formats.reading import MemberStart, open_export
from tests.imports.formats.shapes import SHAPES

OWN_SAMPLES = Path(__file__).parents[2] / "samples"
COLLECTED_SAMPLES = (Path(__file__).parents[3] / "../shared/samples").resolve()
COLLECTED_FOLDERS = {
    "karakeep": "karakeep-json",
    "link-lines": "onetab-txt",
    "linkwarden": "linkwarden-json",
    "omnivore": "omnivore-json",
    "tab-session-manager": "tab-session-manager-json",
    "wallabag-v1": "wallabag-v1-json",
    "wallabag-v2": "wallabag-v2-json",
}
CONTAINERS = "containers"

MAX_SAMPLE_BYTES = 6_000
MAX_SECONDS = 1.0
HANG_SECONDS = 60
MAX_PEAK_BYTES = 64 << 20
MAX_GROWTH_BYTES = 48 << 20
TRACE_EVERY = 97

BOUNDARY = re.compile(rb'[<>{}\[\]",:=\r\n|\0]')
SCALAR = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.]*|true|false|null')
TOKENS = [
    *(b"", b" ", b"\0", b"\n", b"\r", b'"', b"'", b"\\", b",", b";", b"\t", b"|", b"/", b"-", b"[", b"]", b"{", b"}"),
    *(b"null", b"true", b"{}", b"[]", b'""', b"0", b"-1", b"1e999", b"-0.0", b"NaN", b"9" * 30, b"9" * 5000, b"1.5"),
    *(b'{"a":1}', b'["a",{}]', b'"\\ud800"', b'"\\u0000"', b'"https://example.org/"', b'"2024-13-45T99:99:99Z"'),
    *(b"[" * 300, b'{"a":' * 300, b"<dl>" * 300, b"<dict>" * 300, b"]]>", b"<![CDATA[", b"<!--", b"-->", b"<?xml "),
    *(
        b"&#x110000;",
        b"&#0;",
        b"&#" + b"9" * 5000 + b";",
        b"&nope;",
        b"&amp;amp;",
        b"<!DOCTYPE x [<!ENTITY e 'eeee'>]>",
        b"&e;",
        b"<a ",
        b"</a>",
    ),
    *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xfe\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"\xe9", b"\x1f\x8b"),
    *(b"PK\x03\x04", b"bplist00", b"mozLz40\0\xff\xff\xff\xff", b"</dl>" * 50, b"\r\n" * 50, b'"' * 99, b"A" * 3000),
]


@dataclass
class Tally:
    """What came of the files of one format."""

    executions: int = 0
    read: int = 0
    refused: int = 0
    items: int = 0
    slowest: float = 0.0
    peak: int = 0
    failures: list[str] = field(default_factory=list)


def corpus() -> dict[str, list[bytes]]:
    """Collect the samples of each format, our own and, where they are, the collected ones."""
    samples = {CONTAINERS: _contents(OWN_SAMPLES / CONTAINERS)}
    for each in registry.FORMATS:
        own = [*_contents(OWN_SAMPLES / each.NAME), *_made(each.NAME)]
        folder = COLLECTED_SAMPLES / COLLECTED_FOLDERS.get(each.NAME, each.NAME)
        samples[each.NAME] = [data for data in own + _contents(folder) if data]
    return samples


def _contents(folder: Path) -> list[bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes()[:MAX_SAMPLE_BYTES] for path in paths]


def _made(name: str) -> list[bytes]:
    pairs = [(f"https://example.org/{number}", f"Café {number}") for number in range(5)]
    return [SHAPES[name].file(pairs)] if name in SHAPES else []


def flip_bits(data: bytearray, dice: random.Random, _: bytes) -> None:
    for _number in range(dice.choice((1, 1, 2, 8, 64))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)


def cut_off(data: bytearray, dice: random.Random, _: bytes) -> None:
    del data[_boundary(data, dice) :]


def cut_out(data: bytearray, dice: random.Random, _: bytes) -> None:
    start, end = sorted((_boundary(data, dice), _boundary(data, dice)))
    del data[start:end]


def repeat(data: bytearray, dice: random.Random, _: bytes) -> None:
    start, end = sorted((_boundary(data, dice), _boundary(data, dice)))
    data[end:end] = data[start:end] * dice.choice((1, 1, 2, 5))


def put_in(data: bytearray, dice: random.Random, _: bytes) -> None:
    position = _boundary(data, dice)
    data[position : position + dice.choice((0, 0, 1, 4))] = dice.choice(TOKENS)


def replace_scalar(data: bytearray, dice: random.Random, _: bytes) -> None:
    scalars = list(SCALAR.finditer(data))
    if scalars:
        start, end = dice.choice(scalars).span()
        data[start:end] = dice.choice(TOKENS)


def splice(data: bytearray, dice: random.Random, other: bytes) -> None:
    data[_boundary(data, dice) :] = other[_boundary(bytearray(other), dice) :]


def splice_encoding(data: bytearray, dice: random.Random, _: bytes) -> None:
    start, end = sorted((_boundary(data, dice), _boundary(data, dice)))
    if dice.random() < 0.3:
        start, end = 0, len(data)
    text = data[start:end].decode("utf-8", "replace")
    encoding = dice.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "utf-8-sig", "utf-7", "shift_jis"))
    data[start:end] = text.encode(encoding, "replace")


MUTATIONS: list[Callable[[bytearray, random.Random, bytes], None]] = [
    flip_bits, cut_off, cut_out, repeat, put_in, put_in, replace_scalar, replace_scalar, splice, splice_encoding,
]  # fmt: skip


def _boundary(data: bytearray, dice: random.Random) -> int:
    position = dice.randrange(len(data) + 1)
    match = BOUNDARY.search(data, position) if dice.random() < 0.7 else None
    return match.start() + dice.randrange(2) if match else position


def packed(data: bytes, dice: random.Random) -> bytes:
    """Put a file into an archive, and at times another archive around that."""
    target = io.BytesIO()
    kind = dice.randrange(3)
    name = dice.choice(
        ("outbox.json", "part_000001.csv", "../x", "/etc/passwd", "a\0b", "metadata_0_to_1.json", "ü" * 99)
    )
    if kind == 0:
        return gzip.compress(data, 1) + (gzip.compress(data[:50], 1) if dice.random() < 0.2 else b"")
    if kind == 1:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(name), data)
            archive.writestr(zipfile.ZipInfo("b/likes.json"), data[:500])
    else:
        with tarfile.open(fileobj=target, mode="w", format=dice.choice((0, 1, 2))) as archive:
            info = tarfile.TarInfo(name.replace("\0", "0") * dice.choice((1, 1, 5)))
            info.size = len(data)
            info.type = dice.choice((tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, b"S", b"x"))
            with_data = info.type not in (tarfile.SYMTYPE, tarfile.LNKTYPE)
            try:
                archive.addfile(info, io.BytesIO(data) if with_data else None)
            except (ValueError, UnicodeError):
                return data
    return target.getvalue()


def make_input(samples: dict[str, list[bytes]], name: str, dice: random.Random) -> bytes:
    """Make one broken file out of a sample of the format, or out of nothing."""
    if dice.random() < 0.02:
        return dice.randbytes(dice.choice((0, 1, 10, 200, 3000)))
    data = bytearray(dice.choice(samples[name]))
    other = dice.choice(samples[dice.choice(list(samples))] or [b""])
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3, 6))):
        if data:
            dice.choice(MUTATIONS)(data, dice, other)
    if dice.random() < 0.05:
        data = bytearray(packed(bytes(data), dice))
        if dice.random() < 0.5 and data:
            dice.choice((flip_bits, cut_off, cut_out))(data, dice, other)
    return bytes(data)


def check(event: object) -> int:
    """Check an event's types, and return whether it is an item."""
    if isinstance(event, Notice | MemberStart):
        assert event.text if isinstance(event, Notice) else event.format
        return 0
    assert isinstance(event, ParsedItem | RejectedItem)
    texts = [event.url, event.title]
    if isinstance(event, ParsedItem):
        texts += [event.description, event.feed_url, event.image_url, *event.tags, *event.folders]
        assert not isinstance(event.tags, str)
        assert not isinstance(event.folders, str)
        for moment in (event.created, event.updated):
            assert moment is None or (isinstance(moment, datetime) and moment.utcoffset() == timedelta(0))
        for flag in (event.unread, event.archived, event.favorite, event.private):
            assert isinstance(flag, bool)
    else:
        texts.append(event.reason)
        assert event.reason
    assert all(isinstance(text, str) for text in texts)
    return 1


def read_all(data: bytes, format_name: str) -> Iterator[object]:
    yield from open_export(io.BytesIO(data), format_name=format_name).events()


def execute(data: bytes, format_name: str, tally: Tally) -> None:
    """Read one file to its end, and enter what came of it."""
    tally.executions += 1
    began = time.process_time()
    try:
        for event in read_all(data, format_name):
            tally.items += check(event)
        tally.read += 1
    except UnreadableFileError:
        tally.refused += 1
    tally.slowest = max(tally.slowest, time.process_time() - began)


def run(
    executions: int, *, seed: int = 1, first: int = 0, only: str = "", report: Callable[[str], None] = print
) -> dict[str, Tally]:
    """Run so many executions, over all formats in turn."""
    samples = corpus()
    names = [only] if only else list(samples)
    tallies = {name: Tally() for name in names}
    warm = 0
    for number in range(first, first + executions):
        name = names[number % len(names)]
        _one(number, name, samples, tallies[name], seed)
        if number - first == min(executions // 4, 20_000):
            warm = _resident_bytes()
        if number % 50_000 == 49_999:
            report(f"{number + 1} executions, {sum(len(each.failures) for each in tallies.values())} failures")
    growth = _resident_bytes() - warm
    if growth > MAX_GROWTH_BYTES:
        tallies[names[0]].failures.append(f"the process grew by {growth >> 20} MB")
    return tallies


def _one(number: int, name: str, samples: dict[str, list[bytes]], tally: Tally, seed: int) -> None:
    dice = random.Random(f"{seed}:{number}")
    data = make_input(samples, name, dice)
    format_name = name if dice.random() < 0.4 and name != CONTAINERS else "auto"
    is_traced = number % TRACE_EVERY == 0
    faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
    if is_traced:
        tracemalloc.start()
    slowest, tally.slowest = tally.slowest, 0.0
    try:
        execute(data, format_name, tally)
    except Exception:  # noqa: BLE001 - whatever it is, it is what this program looks for
        tally.failures.append(f"#{number} {format_name}: {traceback.format_exc(limit=-4)}")
    if is_traced:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        tally.peak = max(tally.peak, peak)
        if peak > MAX_PEAK_BYTES:
            tally.failures.append(f"#{number} {format_name}: {peak >> 20} MB of memory")
        tally.slowest = 0.0
    if tally.slowest > MAX_SECONDS:
        tally.failures.append(f"#{number} {format_name}: {tally.slowest:.2f} s for {len(data)} bytes")
    tally.slowest = max(tally.slowest, slowest)
    faulthandler.cancel_dump_traceback_later()


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    return pages * resource.getpagesize()


def table(tallies: dict[str, Tally]) -> str:
    """Lay the results out, a line per format."""
    lines = [
        f"{'format':<22}{'executions':>11}{'read':>9}{'refused':>9}{'items':>9}{'slowest':>10}{'peak':>9}{'failed':>8}"
    ]
    total = Tally()
    for name, each in sorted(tallies.items()):
        lines.append(_line(name, each))
        total.executions += each.executions
        total.read += each.read
        total.refused += each.refused
        total.items += each.items
        total.slowest = max(total.slowest, each.slowest)
        total.peak = max(total.peak, each.peak)
        total.failures += each.failures
    return "\n".join([*lines, _line("all", total)])


def _line(name: str, tally: Tally) -> str:
    return (
        f"{name:<22}{tally.executions:>11}{tally.read:>9}{tally.refused:>9}{tally.items:>9}"
        f"{tally.slowest * 1000:>7.0f} ms{tally.peak / (1 << 20):>6.1f} MB{len(tally.failures):>8}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first execution")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", default="", help="one format's name, instead of all in turn")
    parser.add_argument("--json", action="store_true", help="print the failures as JSON")
    options = parser.parse_args()
    began = time.monotonic()
    tallies = run(options.executions, seed=options.seed, first=options.first, only=options.format, report=_say)
    failures = [failure for each in tallies.values() for failure in each.failures]
    _say(f"{table(tallies)}\nseed {options.seed}, {time.monotonic() - began:.0f} s")
    _say(json.dumps(failures, indent=1) if options.json else "\n".join(_distinct(failures)[:20]))
    return bool(failures)


def _distinct(failures: list[str]) -> list[str]:
    """Keep the first failure of those that end in the same lines."""
    return list({failure.strip()[-120:]: failure for failure in reversed(failures)}.values())[::-1]


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
