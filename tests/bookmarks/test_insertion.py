"""Many rows at once: all of them and in full, however many; refused as any other row is."""

import pytest
from django.db import IntegrityError, connection, transaction

from bookmarks.insertion import VALUES_AT_ONCE, insert_rows
from bookmarks.models import Tag
from tests.factories import make_user

COLUMNS = ("id", "owner_id", "name", "key", "added_by_import")
AT_ONCE = VALUES_AT_ONCE // len(COLUMNS)

pytestmark = pytest.mark.django_db


def insert(rows: list[tuple[int, int, str, str, int | None]]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        insert_rows(cursor, "bookmarks_tag", COLUMNS, rows)


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE + 3])
def test_every_row_arrives_whatever_their_number(count: int) -> None:
    owner = make_user()
    rows = [(n, owner.pk, f"“{n}” \\N\t", f"key {n}", None if n % 2 else n) for n in range(1, count + 1)]
    insert(rows)
    assert list(Tag.objects.order_by("pk").values_list(*COLUMNS)) == rows


@pytest.mark.parametrize("count", [2, 2 * AT_ONCE])
def test_a_row_that_clashes_is_an_error_of_djangos(count: int) -> None:
    owner = make_user()
    with pytest.raises(IntegrityError):
        insert([(n, owner.pk, "name", f"key {n % (count - 1)}", None) for n in range(1, count + 1)])
    assert not Tag.objects.exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has COPY")
def test_a_statement_takes_as_many_rows_as_it_may() -> None:
    owner = make_user()
    ran: list[str] = []
    connection.connection.set_trace_callback(ran.append)
    try:
        insert([(n, owner.pk, "name", f"key {n}", None) for n in range(1, 3 * AT_ONCE + 3)])
    finally:
        connection.connection.set_trace_callback(None)
    assert sum("INTO bookmarks_tag" in statement for statement in ran) == 3 + 2
