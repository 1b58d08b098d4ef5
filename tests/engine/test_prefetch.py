"""What another thread makes comes in order, never too many of it, and nothing of it is left behind."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from analyzer.engine.prefetch import cores, made_ahead, on_second_thread

COUNT = 3


def test_everything_comes_in_order_and_all_but_the_first_is_made_elsewhere() -> None:
    makers = []

    def items() -> Iterator[int]:
        for item in range(100):
            makers.append(threading.get_ident())
            yield item

    with closing(on_second_thread(items(), COUNT)) as made:
        assert list(made) == list(range(100))
    here, *elsewhere = makers
    assert here == threading.get_ident()
    assert len(set(elsewhere)) == 1
    assert here not in elsewhere


def test_what_an_item_holds_is_used_again_only_when_it_is_done_with() -> None:
    """Each of COUNT tables is written by the maker, and must not change while it is in use."""
    tables = [[-1] for _ in range(COUNT)]

    def items() -> Iterator[list[int]]:
        for item in range(500):
            tables[item % COUNT][0] = item
            yield tables[item % COUNT]

    with closing(on_second_thread(items(), COUNT)) as made:
        for number, table in enumerate(made):
            assert table == [number]
            threading.Event().wait(0.0001)  # in which the other thread goes on as far as it may
            assert table == [number]


def test_an_error_comes_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("damaged")

    with closing(on_second_thread(items(), COUNT)) as made:
        assert [next(made), next(made)] == [1, 2]
        with pytest.raises(ValueError, match="damaged"):
            next(made)


def test_closed_before_the_end_the_thread_is_gone() -> None:
    before = threading.active_count()
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield taken

    with closing(on_second_thread(items(), COUNT)) as made:
        assert [next(made) for _ in range(10)] == list(range(1, 11))
    assert threading.active_count() == before
    assert 10 <= taken <= 10 + COUNT


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no such question here")
def test_only_processors_that_may_be_used_count() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cores() == len(allowed)


@pytest.mark.parametrize(("pays", "threads"), [(True, 2), (False, 1)])
def test_ahead_only_where_it_pays(pays: bool, threads: int) -> None:
    with closing(made_ahead((threading.get_ident() for _ in range(9)), COUNT, pays)) as made:
        makers = list(made)
    assert len(makers) == 9
    assert len(set(makers)) == threads
