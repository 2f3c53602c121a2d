"""What a store keeps of a lease: one short text, replaced as a whole, and only by who knows what it was."""

from __future__ import annotations

import json
from dataclasses import dataclass

RECORD_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Record:
    """`token` grows with every holder; `count` with every try of one; `nonce` tells holders of one name apart.

    A `holder` of "" says that the lease was given back.
    """

    token: int
    holder: str
    nonce: str
    count: int = 0

    def text(self) -> str:
        return json.dumps([self.token, self.holder[:100], self.nonce, self.count])


def read(text: str) -> Record | None:
    """The record that the text is; None for what is none: somebody else's, or a later version's."""
    try:
        token, holder, nonce, count = json.loads(text)
    except (ValueError, TypeError):
        return None
    if isinstance(token, int) and isinstance(holder, str) and isinstance(nonce, str) and isinstance(count, int):
        return Record(token, holder, nonce, count)
    return None
