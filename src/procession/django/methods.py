"""Doing something of ours when a method of other people's code is called: for programs that have no hook there.

`owner` is a class, an object or a module. A name that it does not have is an AttributeError, at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

Owner = type | ModuleType | object
Then = Callable[[], object]


def after_first(owner: Owner, method: str, then: Then) -> None:
    """Call `then` when that method first returns; after that it is as it was."""
    original = getattr(owner, method)
    is_over = False

    def once() -> None:
        nonlocal is_over
        if is_over:
            return
        is_over = True
        if getattr(owner, method) is wrapper:  # else somebody has wrapped it again, and keeps us
            setattr(owner, method, original)
        then()

    wrapper = followed(original, once)
    setattr(owner, method, wrapper)


def after_each(owner: Owner, method: str, then: Then) -> None:
    """Call `then` whenever that method has returned."""
    setattr(owner, method, followed(getattr(owner, method), then))


def before_each(owner: Owner, method: str, first: Then) -> None:
    """Call `first` whenever that method is called."""
    setattr(owner, method, preceded(getattr(owner, method), first))


def followed(function: Callable[P, R], then: Then) -> Callable[P, R]:
    """That function, and `then` after it, unless it raises."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        result = function(*args, **kwargs)
        then()
        return result

    return wrapper


def preceded(function: Callable[P, R], first: Then) -> Callable[P, R]:
    """That function, and `first` before it."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        first()
        return function(*args, **kwargs)

    return wrapper
