import random

import pytest

from tests.imports.formats.fuzz import TOKENS, corpus, make_input, run


@pytest.mark.parametrize("seed", [20261, 20262])
def test_broken_files_of_every_format_raise_nothing_but_the_declared_error(seed: int) -> None:
    tallies = run(2500, seed=seed, report=lambda _: None)
    assert [failure for each in tallies.values() for failure in each.failures] == []
    assert all(each.executions and each.read and each.refused for each in tallies.values())


def test_an_execution_can_be_repeated_by_its_number() -> None:
    samples = corpus()
    inputs = [make_input(samples, "netscape", random.Random("1:5")) for _ in range(2)]
    assert inputs[0] == inputs[1]
    assert len(set(TOKENS)) == len(TOKENS)
