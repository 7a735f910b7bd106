"""A query whose statement is put together once: what is asked every second costs little more than to execute it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any  # what a statement has as parameters

from django.contrib.auth.models import AbstractBaseUser, User
from django.db.models import BigIntegerField

from imports.models import ImportJob, ImportJobQuerySet

ANY_OWNER = User(pk=-1)
"""In place of whose jobs are asked for; nobody's key is negative."""

ANY_KEY = -2
"""In place of the key of the job that is asked for."""


class FixedQuery:
    """A query about jobs, built as any other, that mentions ANY_OWNER and perhaps ANY_KEY."""

    def __init__(self, build: Callable[[], ImportJobQuerySet]) -> None:
        self._build = build

    def fetch(self, owner: AbstractBaseUser, pk: int = 0) -> list[Any]:  # jobs with what the query annotates
        """Return the jobs: this owner's, and with this key, if the query mentions one."""
        if pk > BigIntegerField.MAX_BIGINT:
            return []
        statement, parameters = self._statement
        given = {ANY_OWNER.pk: owner.pk, ANY_KEY: pk}
        return list(ImportJob.objects.raw(statement, [given.get(value, value) for value in parameters]))

    @cached_property
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        return self._build().query.sql_with_params()
