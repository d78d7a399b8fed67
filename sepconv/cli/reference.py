"""What every night is divided by: the revision that is named, or the one that was before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sepconv.cli.configuration import LATEST_TAG
from sepconv.comparison import Comparison
from sepconv.errors import InvalidRevision

HASH = re.compile(r"[0-9a-f]{40,64}", re.ASCII)


@dataclass(frozen=True)
class Reference:
    """A revision as git takes it, and why it was chosen, where nobody named it."""

    name: str
    note: str | None = None

    @property
    def shown(self) -> str:
        """The name, if it is not the whole hash of a commit; else its beginning."""
        return self.name[:10] if HASH.fullmatch(self.name) else self.name


def choose_reference(
    repository: Path, asked: str | None, nights: Sequence[Comparison]
) -> Reference:
    """The reference that was asked for, else that of the newest of `nights`, else HEAD, which
    the next nights will then keep.

    Raises:
        InvalidRevision: The newest tag was asked for, and there is none.
    """
    from sepconv.bench.revision import read_revision

    if asked == LATEST_TAG:
        return Reference(_latest_tag(repository), "the newest tag")
    if asked is not None:
        return Reference(asked)
    advice = 'to choose another: [reference] revision = "TAG" in sepconv.toml'
    for night in nights:
        if night.base.revision is not None:
            return Reference(night.base.revision.commit, f"that of the last night; {advice}")
    revision = read_revision(repository, "HEAD")
    if revision is None:
        raise InvalidRevision(f"{repository} has no commit yet: commit something first")
    return Reference(revision.commit, f"HEAD, as this is the first night; {advice}")


def _latest_tag(repository: Path) -> str:
    """The newest tag that HEAD was made from."""
    from sepconv.bench.revision import ask_git

    tag = (ask_git(repository, "describe", "--tags", "--abbrev=0", "HEAD") or "").strip()
    if not tag:
        raise InvalidRevision(
            f"{LATEST_TAG!r}: expected a tag that HEAD of {repository} was made from, found none; "
            "fetch the tags and their history, or name a commit"
        )
    return tag
