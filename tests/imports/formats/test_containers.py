import gzip
import io
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from imports.formats import containers
from imports.formats.base import UnreadableFileError
from imports.formats.containers import ArchiveError, Expansion, display_name, is_tar, tar_entries, zip_entries

MANY = Expansion(1 << 40)


def tar_of(*members: tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    target.seek(0)
    return target


def zip_of(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    target.seek(0)
    return target


def contents(entries: Any) -> list[tuple[str, bytes]]:
    return [(entry.name, entry.open().read()) for entry in entries]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_of_any_kind_is_read_in_its_own_order(form: int) -> None:
    members = [
        ("b.json", b"1" * 512),
        ("a.json", b"22"),
        ("empty", b""),
        ("folder/" + "long" * 20 + "/c.json", b"3" * 700),
    ]
    data = tar_of(*members, form=form)
    assert is_tar(data.getvalue()[:512])
    assert contents(tar_entries(data)) == members


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_and_foreign_names_in_a_tar_are_shown_from_their_end(form: int) -> None:
    name = "größe/" * 60 + "outbox.json"
    (entry,) = tar_entries(tar_of((name, b"x"), form=form))
    assert entry.name.endswith("größe/outbox.json")
    assert entry.name.startswith("…")
    assert len(entry.name) == 200


def test_members_that_are_not_read_are_passed_over() -> None:
    data = tar_of(("a", b"a" * 100_000), ("b", b"b" * 1000), ("c", b"c"))
    read = [entry.open().read(10) for entry in tar_entries(data) if entry.name != "a"]
    assert read == [b"b" * 10, b"c"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../../up", "..", "a\\..\\..\\up", "C:\\windows", "/"])
def test_paths_that_lead_out_are_left_out(name: str) -> None:
    good = ("good.json", b"{}")
    assert contents(tar_entries(tar_of((name, b"bad"), good))) == [good]
    assert contents(zip_entries(zip_of((name, b"bad"), good), MANY)) == [good]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE],
)
def test_links_devices_and_folders_in_a_tar_are_left_out(kind: bytes) -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        link = tarfile.TarInfo("link.json")
        link.type = kind
        link.linkname = "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo("good.json")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"{}"))
    target.seek(0)
    assert contents(tar_entries(target)) == [("good.json", b"{}")]


def test_a_global_header_and_a_long_link_name_are_passed_over() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", pax_headers={"comment": "ü" * 600}) as archive:
        info = tarfile.TarInfo("good.json")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"{}"))
    gnu = io.BytesIO()
    with tarfile.open(fileobj=gnu, mode="w", format=tarfile.GNU_FORMAT) as archive:
        link = tarfile.TarInfo("link")
        link.type = tarfile.SYMTYPE
        link.linkname = "x" * 300
        archive.addfile(link)
        archive.addfile(info, io.BytesIO(b"{}"))
    for data in (target, gnu):
        data.seek(0)
        assert contents(tar_entries(data)) == [("good.json", b"{}")]


def test_a_sparse_file_in_a_tar_is_left_out() -> None:
    header = tarfile.TarInfo("sparse")
    header.type = tarfile.GNUTYPE_SPARSE
    header.size = 512
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    for position in range(386, 482, 24):
        block[position : position + 24] = b"00000000000\x0000000000001\0"
    block[482] = 1
    block[483:495] = b"77777777777\0"
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:]))
    data = bytes(block) + bytes(512) + b"x" * 512 + tar_of(("good.json", b"{}")).getvalue()
    assert contents(tar_entries(io.BytesIO(data))) == [("good.json", b"{}")]


@pytest.mark.parametrize(
    ("record", "content"),
    [(b"9 size=3\n", b"123"), (b"11 size=3\n", b"12345"), (b"9 size=x\n", b"12345"), (b"1 size=3\n", b"12345")],
)
def test_a_size_in_an_extended_header_counts_when_it_is_one(record: bytes, content: bytes) -> None:
    extended = tarfile.TarInfo("x")
    extended.type = tarfile.XHDTYPE
    extended.size = len(record)
    header = extended.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    data = tar_of(("a", b"12345"), form=tarfile.GNU_FORMAT).getvalue()
    assert contents(tar_entries(io.BytesIO(header + data))) == [("a", content)]


@pytest.mark.parametrize("end", [513, 1000, 512 * 200 + 700, -1200])
def test_a_tar_that_is_cut_off_is_read_up_to_there(end: int) -> None:
    data = (
        tar_of(("a", b"a" * 512 * 199), ("b", b"b" * 5000), form=tarfile.USTAR_FORMAT).getvalue().rstrip(b"\0")[:end]
    )
    entries = tar_entries(io.BytesIO(data))
    with pytest.raises(ArchiveError, match="cut off or damaged"):
        for entry in entries:
            entry.open().read()


def test_a_damaged_header_in_a_tar_is_no_silent_end() -> None:
    data = bytearray(tar_of(("a", b"a"), ("b", b"b"), form=tarfile.USTAR_FORMAT).getvalue())
    data[1024 + 100] ^= 255
    entries = tar_entries(io.BytesIO(bytes(data)))
    assert next(entries).name == "a"
    with pytest.raises(ArchiveError):
        next(entries)


def test_a_negative_size_in_a_tar_is_damage() -> None:
    header = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    with pytest.raises(ArchiveError, match="damaged"):
        list(tar_entries(io.BytesIO(bytes(header) + bytes(1024))))


@pytest.mark.parametrize("head", [b"", b"\0" * 512, b"x" * 512, b"{}" * 300, b"a" * 511])
def test_other_files_are_no_tar(head: bytes) -> None:
    assert not is_tar(head)


def test_the_files_of_a_zip_are_sorted_as_people_count() -> None:
    data = zip_of(("part_10.csv", b"10"), ("part_2.csv", b"2"), ("folder/", b""), ("Part_1.csv", b"1"))
    assert [entry.name for entry in zip_entries(data, MANY)] == ["Part_1.csv", "part_2.csv", "part_10.csv"]


def test_names_are_made_safe_to_show() -> None:
    assert display_name("a\x00b\n\u202egnp.exe\ud800\\c\x9b") == "abgnp.exe/c"
    assert display_name("x" * 300) == "…" + "x" * 199


def test_an_encrypted_zip_is_refused_and_its_plain_files_are_not() -> None:
    data = bytearray(zip_of(("a.csv", b"url\n"), method=zipfile.ZIP_STORED).getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match="encrypted"):
        list(zip_entries(io.BytesIO(bytes(data)), MANY))


def test_one_encrypted_file_does_not_keep_the_others_from_being_read() -> None:
    data = bytearray(zip_of(("a.csv", b"url\n"), ("b.csv", b"url\n"), method=zipfile.ZIP_STORED).getvalue())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    first, second = zip_entries(io.BytesIO(bytes(data)), MANY)
    with pytest.raises(UnreadableFileError) as raised:
        first.open()
    assert not isinstance(raised.value, ArchiveError)
    assert second.name == "b.csv"


def test_an_uncommon_packing_method_is_refused_for_that_file() -> None:
    (entry,) = zip_entries(zip_of(("a", b"a" * 100), method=zipfile.ZIP_BZIP2), MANY)
    with pytest.raises(UnreadableFileError, match="uncommon method"):
        entry.open()


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 99, zip_of(("a.csv", b"url\n" * 99)).getvalue()[:20]],
    ids=["a mark", "no head", "half a head"],
)
def test_a_zip_of_which_nothing_can_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="cannot be opened"):
        list(zip_entries(io.BytesIO(data), MANY))


def streamed_zip(*members: tuple[str, bytes]) -> bytes:
    """Return a zip as a service writes it that sends it while it makes it: each file's sizes come after it."""
    written = io.BytesIO()

    class Unseekable(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            return written.write(data)

    with zipfile.ZipFile(Unseekable(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return written.getvalue()


FILES = (
    ("z.csv", b"url\n" * 99),
    ("../out.csv", b"x"),
    ("a/", b""),
    ("\u00e4.csv", bytes(range(256)) * 999),
    ("b", b""),
)


@pytest.mark.parametrize(
    "data",
    [
        zip_of(*FILES).getvalue(),
        zip_of(*FILES, method=zipfile.ZIP_STORED).getvalue(),
        streamed_zip(*FILES),
        streamed_zip(*FILES).replace(b"PK\x07\x08", b""),
    ],
    ids=["packed", "stored", "sizes after", "sizes after without a mark"],
)
def test_a_zip_without_its_directory_is_read_up_to_there(data: bytes) -> None:
    entries = zip_entries(io.BytesIO(data[: data.index(b"PK\x01\x02")]), MANY)
    found = [(entry.name, entry.open().read()) for entry in (next(entries) for _ in range(3))]
    assert found == [FILES[0], FILES[3], FILES[4]]
    with pytest.raises(ArchiveError, match="What could be read before"):
        next(entries)


def test_sizes_of_eight_bytes_after_a_file_are_passed_over() -> None:
    data = streamed_zip(*FILES[:1], ("last.csv", b"url\n"))
    first = data.index(b"PK\x07\x08")
    data = data[: first + 16] + b"\0" * 8 + data[first + 16 : data.index(b"PK\x01\x02")]
    entries = zip_entries(io.BytesIO(data), MANY)
    assert [next(entries).name, next(entries).name] == ["z.csv", "last.csv"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_file_that_a_cut_off_zip_ends_in_is_good_up_to_there(method: int) -> None:
    lines = b"".join(b"https://example.org/%d\n" % number**9 for number in range(9999))
    data = zip_of(("a.csv", lines), ("b.csv", lines), method=method).getvalue()
    entries = zip_entries(io.BytesIO(data[: len(data) * 3 // 4]), MANY)
    assert next(entries).open().read() == lines
    stream, read = next(entries).open(), []
    with pytest.raises(ArchiveError, match="What could be read before"):
        while piece := stream.read1():
            read.append(piece)
    assert lines.startswith(b"".join(read))
    assert len(b"".join(read)) > len(lines) // 4


def test_an_encrypted_or_damaged_file_ends_what_is_read_of_a_cut_off_zip() -> None:
    data = bytearray(zip_of(("a", b"url\n" * 99), ("b", b"url\n" * 99)).getvalue())
    second = data.index(b"PK\x03\x04", 4)
    data[second + 6] |= 1
    entries = zip_entries(io.BytesIO(bytes(data[: data.index(b"PK\x01\x02")])), MANY)
    assert next(entries).name == "a"
    with pytest.raises(ArchiveError):
        next(entries)
    data[31] ^= 0xFF
    entry = next(zip_entries(io.BytesIO(bytes(data[:second])), MANY))
    with pytest.raises(ArchiveError):
        entry.open().read()


def test_a_cut_off_zip_cannot_become_an_endless_one() -> None:
    data = zip_of(("a", b"\0" * 9_999_999)).getvalue()
    entry = next(zip_entries(io.BytesIO(data[:-30]), Expansion(1 << 20)))
    with pytest.raises(ArchiveError, match="more than 1 MB"):
        entry.open().read()


def test_damaged_data_in_a_zip_is_reported_after_what_is_good() -> None:
    data = bytearray(zip_of(("a.csv", b"url\n" * 99), method=zipfile.ZIP_STORED).getvalue())
    data[60] ^= 1
    (entry,) = zip_entries(io.BytesIO(bytes(data)), MANY)
    with pytest.raises(UnreadableFileError, match="cut off or damaged"):
        entry.open().read()


def test_a_zip_whose_directory_lies_is_refused() -> None:
    data = bytearray(zip_of(*((f"{number}", b"") for number in range(200))).getvalue())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 20] = struct.pack("<LL", 0x7FFFFFFF, 0)
    with pytest.raises(ArchiveError):
        list(zip_entries(io.BytesIO(bytes(data)), MANY))


def test_a_zip_with_a_huge_directory_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_of(*((f"{number:0>60}", b"") for number in range(500)))
    assert len(list(zip_entries(data, MANY))) == 500
    monkeypatch.setattr(containers, "_MAX_ZIP_DIRECTORY_BYTES", 40_000)
    with pytest.raises(ArchiveError, match="too many files"):
        list(zip_entries(data, MANY))


def test_gzip_files_of_many_parts_are_read_to_the_end() -> None:
    data = gzip.compress(b"one ") + gzip.compress(b"two") + b"\0" * 100
    assert containers.gunzipped(io.BytesIO(data), MANY).read() == b"one two"


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data[:15], lambda data: data[:-8] + b"12345678"]
)
def test_a_damaged_gzip_file_is_reported_after_what_is_good(damage: Callable[[bytes], bytes]) -> None:
    stream = containers.gunzipped(io.BytesIO(damage(gzip.compress(b"some words " * 50))), MANY)
    with pytest.raises(ArchiveError, match="cut off or damaged"):
        stream.read()


def test_a_small_file_cannot_become_an_endless_one() -> None:
    bomb = gzip.compress(gzip.compress(bytes(400_000_000), 1), 9)
    inner = gzip.decompress(bomb)
    assert len(inner) < 2_000_000
    began = time.process_time()
    tracemalloc.start()
    stream = containers.gunzipped(io.BytesIO(inner), Expansion(containers.expansion_limit(42_000)))
    with pytest.raises(ArchiveError, match="more than 256 MB"):
        while stream.read(1 << 16):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert time.process_time() - began < 20


def test_a_large_upload_may_hold_more() -> None:
    assert containers.expansion_limit(42_000) == 256 << 20
    assert containers.expansion_limit(50 << 20) == 5000 << 20
