"""What flows leave for people to see: links, texts, tables, progress and images, kept beside their runs.

Each call keeps a new artifact, of the run that it is made in; outside a run, of none. Those with one key are versions
of one thing, of which `Artifact.get` gives the newest. Every function can be awaited in async code, and has a twin that
gives a coroutine, whose name begins with an ``a``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headrace.core.awaiting import awaitable_too
from headrace.core.things import ArtifactRecord, as_json, checked_key, cleaned
from headrace.drive.world import current_world
from headrace.exceptions import ObjectNotFound
from headrace.runs.context import CURRENT

__all__ = [
    "Artifact",
    "ImageArtifact",
    "LinkArtifact",
    "MarkdownArtifact",
    "ProgressArtifact",
    "TableArtifact",
    "acreate_image_artifact",
    "acreate_link_artifact",
    "acreate_markdown_artifact",
    "acreate_progress_artifact",
    "acreate_table_artifact",
    "aupdate_progress_artifact",
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
]

Table = Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]]


@dataclass(kw_only=True)
class Artifact:
    """An artifact that is to be kept; `type` says what its `data` is, for those who show it.

    `key` is made of lowercase letters, digits and dashes, else InvalidNameError is raised. Arguments named `client` are
    those of Prefect, and have no effect.
    """

    type: str | None = None
    key: str | None = None
    description: str | None = None
    data: Any = None
    metadata_: Mapping[str, str] | None = None
    flow_run_id: UUID | None = None
    task_run_id: UUID | None = None

    def __post_init__(self) -> None:
        checked_key(self.key)

    def format(self) -> Any:
        """Return the data as it is kept: JSON in a string."""
        return as_json(self.data)

    async def aformat(self) -> Any:
        """Return the data as it is kept; see `format`."""
        return self.format()

    @awaitable_too
    def create(self, client: Any = None) -> ArtifactRecord:
        """Keep it, and return it as it is kept."""
        return self._created()

    async def acreate(self, client: Any = None) -> ArtifactRecord:
        """Keep it, and return it as it is kept."""
        return self._created()

    def _created(self) -> ArtifactRecord:
        world, now = current_world(), current_world().clock.now()
        flow_run_id, task_run_id = _around() if (self.flow_run_id, self.task_run_id) == (None, None) else (None, None)
        made = ArtifactRecord(
            id=world.new_id(),
            created=now,
            updated=now,
            key=self.key,
            type=self.type,
            description=None if self.description is None else cleaned(self.description),
            data=cleaned(data) if isinstance(data := self.format(), str) else data,
            metadata_=self.metadata_,
            flow_run_id=self.flow_run_id or flow_run_id,
            task_run_id=self.task_run_id or task_run_id,
        )
        world.store.create_artifact(made)
        return made

    @staticmethod
    @awaitable_too
    def get(key: str | None = None, client: Any = None) -> ArtifactRecord | None:
        """Return the newest artifact of a key as it is kept, None where there is none."""
        return _newest(key)

    @staticmethod
    async def aget(key: str | None = None, client: Any = None) -> ArtifactRecord | None:
        """Return the newest artifact of a key as it is kept, None where there is none."""
        return _newest(key)

    @classmethod
    @awaitable_too
    def get_or_create(
        cls, key: str | None = None, description: str | None = None, data: Any = None, client: Any = None, **given: Any
    ) -> tuple[ArtifactRecord, bool]:
        """Return the newest artifact of a key, or one that is made now; and whether it was made."""
        return cls._got_or_created(key, description, data, given)

    @classmethod
    async def aget_or_create(
        cls, key: str | None = None, description: str | None = None, data: Any = None, client: Any = None, **given: Any
    ) -> tuple[ArtifactRecord, bool]:
        """Return the newest artifact of a key, or one that is made now; and whether it was made."""
        return cls._got_or_created(key, description, data, given)

    @classmethod
    def _got_or_created(
        cls, key: str | None, description: str | None, data: Any, given: Mapping[str, Any]
    ) -> tuple[ArtifactRecord, bool]:
        found = _newest(key)
        if found is not None:
            return found, False
        told = {name: value for name, value in {"description": description, "data": data}.items() if value is not None}
        return cls(key=key, **told, **given)._created(), True


@dataclass(kw_only=True)
class LinkArtifact(Artifact):
    """A link, with `link_text` to be shown in its place."""

    type: str | None = "markdown"
    link: str
    link_text: str | None = None

    def format(self) -> str:
        """Return the link in Markdown."""
        return f"[{self.link_text or self.link}]({self.link})"


@dataclass(kw_only=True)
class MarkdownArtifact(Artifact):
    """A text in Markdown."""

    type: str | None = "markdown"
    markdown: str

    def format(self) -> str:
        """Return the text."""
        return self.markdown


@dataclass(kw_only=True)
class TableArtifact(Artifact):
    """A table: a dict of columns, a list of rows that are dicts, or a list of rows that are lists.

    Raises TypeError for anything else. What JSON can't say (moments, decimals) is kept as its text, and numbers that
    are none (NaN, infinities) as null.
    """

    type: str | None = "table"
    table: Table

    def __post_init__(self) -> None:
        Artifact.__post_init__(self)
        if not _is_table(self.table):
            raise TypeError(
                f"{_short(self.table)} is no table: write a dict of columns, as {{'city': ['Oslo']}}, a list of dicts, "
                "as [{'city': 'Oslo'}], or a list of lists."
            )

    def format(self) -> str:
        """Return the table as JSON."""
        return as_json(self.table)


@dataclass(kw_only=True)
class ProgressArtifact(Artifact):
    """How far something is, in per cent; below 0 is taken for 0, above 100 for 100. Raises TypeError for no number."""

    type: str | None = "progress"
    progress: float

    def __post_init__(self) -> None:
        Artifact.__post_init__(self)
        _per_cent(self.progress)

    def format(self) -> float:
        """Return the per cent."""
        return _per_cent(self.progress)


@dataclass(kw_only=True)
class ImageArtifact(Artifact):
    """An image, by its address."""

    type: str | None = "image"
    image_url: str

    def format(self) -> str:
        """Return the address."""
        return self.image_url


@awaitable_too
def create_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Keep a link, shown as `link_text` if given; return the artifact's id. Raises InvalidNameError for the key."""
    return LinkArtifact(link=link, link_text=link_text, key=key, description=description)._created().id


async def acreate_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
    client: Any = None,
) -> UUID:
    """Keep a link; see `create_link_artifact`."""
    return create_link_artifact(link, link_text, key, description)


@awaitable_too
def create_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> UUID:
    """Keep a text in Markdown; return the artifact's id. Raises InvalidNameError for the key."""
    return MarkdownArtifact(markdown=markdown, key=key, description=description)._created().id


async def acreate_markdown_artifact(markdown: str, key: str | None = None, description: str | None = None) -> UUID:
    """Keep a text in Markdown; see `create_markdown_artifact`."""
    return create_markdown_artifact(markdown, key, description)


@awaitable_too
def create_table_artifact(table: Table, key: str | None = None, description: str | None = None) -> UUID:
    """Keep a table; return the artifact's id. Raises as `TableArtifact` does, and InvalidNameError for the key."""
    return TableArtifact(table=table, key=key, description=description)._created().id


async def acreate_table_artifact(table: Table, key: str | None = None, description: str | None = None) -> UUID:
    """Keep a table; see `create_table_artifact`."""
    return create_table_artifact(table, key, description)


@awaitable_too
def create_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> UUID:
    """Keep how far something is, in per cent; return the artifact's id, for `update_progress_artifact`."""
    return ProgressArtifact(progress=progress, key=key, description=description)._created().id


async def acreate_progress_artifact(progress: float, key: str | None = None, description: str | None = None) -> UUID:
    """Keep how far something is; see `create_progress_artifact`."""
    return create_progress_artifact(progress, key, description)


@awaitable_too
def update_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Say how far something is now, in per cent; without a description the old one stays. Raises ObjectNotFound."""
    world = current_world()
    changes = {"data": _per_cent(progress)} | ({} if description is None else {"description": description})
    if not world.store.update_artifact(artifact_id, changes, world.clock.now()):
        raise ObjectNotFound(f"There is no artifact {artifact_id} in the store.")
    return artifact_id


async def aupdate_progress_artifact(
    artifact_id: UUID, progress: float, description: str | None = None, client: Any = None
) -> UUID:
    """Say how far something is now; see `update_progress_artifact`."""
    return update_progress_artifact(artifact_id, progress, description)


@awaitable_too
def create_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> UUID:
    """Keep an image by its address; return the artifact's id. Raises InvalidNameError for the key."""
    return ImageArtifact(image_url=image_url, key=key, description=description)._created().id


async def acreate_image_artifact(image_url: str, key: str | None = None, description: str | None = None) -> UUID:
    """Keep an image by its address; see `create_image_artifact`."""
    return create_image_artifact(image_url, key, description)


def _around() -> tuple[UUID | None, UUID | None]:
    """Return the ids of the flow run and of the task run that this code is in."""
    here = CURRENT.get()
    if here is None:
        return None, None
    return here.run.identity() if here.run.kind == "task" else (here.run.id, None)


def _newest(key: str | None) -> ArtifactRecord | None:
    from headrace.store.conditions import AllOf, NewestOfKey, one_of  # most runs ask for nothing

    found = current_world().store.artifacts(AllOf((NewestOfKey(), one_of("key", [key]))), limit=1)
    return found[0] if found else None


def _is_table(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(column, list | tuple) for column in value.values())
    if not isinstance(value, list | tuple):
        return False
    return all(isinstance(row, Mapping) for row in value) or all(isinstance(row, list | tuple) for row in value)


def _per_cent(progress: Any) -> float:
    if isinstance(progress, bool) or not isinstance(progress, int | float) or progress != progress:
        raise TypeError(f"{_short(progress)} is no progress: write a number from 0 to 100.")
    return max(0.0, min(100.0, progress))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
