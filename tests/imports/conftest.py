"""Who imports in these tests: a person, and the browser in which they are signed in."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.factories import make_user


@pytest.fixture
def owner() -> User:
    return make_user("robin")


@pytest.fixture
def browser(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client
