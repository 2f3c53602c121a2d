"""Who follows a page about moving, with people at his site from when the page has told of nginx to the end."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterable

from tests.console.project import await_true
from tests.docs.page import Block
from tests.docs.reader import Reader
from tests.e2e.load import Load

CLIENTS = 2
KEEPING = CLIENTS // 2  # keep their connection, which nginx may close at a reload, between two requests
MORE = 20  # so many requests after the last word of the page
FRONT = "/etc/nginx/conf.d/mysite.conf"


def move(
    reader: Reader, page: Iterable[Block], front_port: int, *, begin: Callable[[], None], end: Callable[[], None]
) -> None:
    """`begin` starts what they have, and nginx; `end` ends what the page leaves to its reader to end."""
    rest = iter(page)
    for block in rest:
        reader.follow(block)
        if block.title == FRONT:
            break
    begin()
    await_true(lambda: is_served(front_port), "what they have serves")
    with Load(front_port, clients=CLIENTS) as load:
        for block in rest:
            reader.follow(block)
        end()
        load.go_on(MORE)
    figures = load.figures()
    assert not figures.lost_new, load.failures()
    assert figures.lost_kept <= KEEPING, load.failures()


def is_served(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
