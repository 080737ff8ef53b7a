"""Some partitions commit at a time, the others in the order in which they came, and none is waited for too long."""

from __future__ import annotations

from agents.runtime.turns import SPARE_TURNS, Turns


def test_as_many_have_the_turn_as_there_are_cores_and_one_more() -> None:
    turns = Turns(cores=2)
    granted = [turns.ask(partition) for partition in range(5)]
    assert [turn is not None for turn in granted] == [True] * (2 + SPARE_TURNS) + [False, False]


def test_the_one_that_came_first_is_named_when_a_turn_ends() -> None:
    turns = Turns(cores=0)
    assert turns.ask(7) is not None
    assert [turns.ask(partition) for partition in (3, 1, 3)] == [None, None, None]
    assert turns.next() is None
    turns.end(7, turns.number_of(7))
    assert turns.next() == 3
    assert turns.ask(3) is not None
    assert turns.next() is None
    turns.end(3, turns.number_of(3))
    assert turns.next() == 1


def test_who_is_named_and_does_not_ask_leaves_the_turn_to_the_next() -> None:
    turns = Turns(cores=0)
    turns.ask(0)
    assert [turns.ask(partition) for partition in (1, 2)] == [None, None]
    turns.end(0, turns.number_of(0))
    assert [turns.next(), turns.next(), turns.next()] == [1, 2, None]
    assert turns.ask(2) is not None


def test_an_overdue_turn_is_ended_once_and_a_later_one_of_the_same_partition_stays() -> None:
    turns = Turns(cores=0)
    first = turns.ask(0)
    turns.end(0, first)
    second = turns.ask(0)
    assert second is not None
    turns.end(0, first)
    turns.end(0, None)
    assert turns.ask(1) is None
    turns.end(0, second)
    assert turns.next() == 1
