"""Folders of files that make up a model: on this machine, or in a repository of the Hugging Face hub."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import Protocol

from pocket_fast.errors import ConfigError, NotFoundError, named, shown
from pocket_fast.weights.hub import HubFile, fetch
from pocket_fast.weights.reach import FetchError

_HUB_FOLDER = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:/([^@]*?))?/?(?:@([^@]+))?")


class Folder(Protocol):
    """Files by name; a name may lead into a folder below, with `/`. str() of it is for errors."""

    def fetch(self, name: str, *, progress: bool = True) -> Path:
        """A local file with its content. Raises NotFoundError (local), FetchError or ConfigError (hub)."""
        ...

    def find(self, name: str, *, progress: bool = True) -> Path | None:
        """The same, or None if the folder has no file of that name."""
        ...

    def location(self, name: str) -> str:
        """Where the file lies: a path, or an hf:// URL."""
        ...


class LocalFolder:
    """A folder on this machine."""

    def __init__(self, path: Path):
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def fetch(self, name: str, *, progress: bool = True) -> Path:
        """See Folder."""
        found = self.find(name)
        if found is None:
            raise NotFoundError(f"{self.path}: there is no {name} in this folder")
        return found

    def find(self, name: str, *, progress: bool = True) -> Path | None:
        """See Folder."""
        path = self.path / name
        return path if os.path.isfile(path) else None

    def location(self, name: str) -> str:
        """See Folder."""
        return str(self.path / name)


class HubFolder:
    """A repository of the hub, or a folder in it, at a commit, branch or tag.

    All its files are of one commit: of a branch, the one that the first file came from. So a model is never of two
    versions, and where the hub cannot be reached, only the first file waits for it before the cache is used.
    """

    def __init__(self, repo: str, folder: str = "", revision: str = "main"):
        self.repo = repo
        self.folder = folder
        self.revision = revision
        self._at = revision

    def __str__(self) -> str:
        return f"hf://{self.repo}{'/' if self.folder else ''}{self.folder}@{self.revision}"

    def fetch(self, name: str, *, progress: bool = True) -> Path:
        """See Folder."""
        inside = str(PurePosixPath(self.folder, name))
        path = fetch(self.location(name), progress=progress)
        # The cache keeps the files of a commit below .../snapshots/COMMIT/
        commit = path.parents[len(PurePosixPath(inside).parts) - 1].name
        if HubFile(self.repo, inside, commit).is_pinned:
            self._at = commit
        return path

    def find(self, name: str, *, progress: bool = True) -> Path | None:
        """See Folder."""
        try:
            return self.fetch(name, progress=progress)
        except FetchError as error:
            if error.reason == "missing":
                return None
            raise

    def location(self, name: str) -> str:
        """See Folder."""
        return str(HubFile(self.repo, str(PurePosixPath(self.folder, name)), self._at))


def open_folder(location: str | Path) -> LocalFolder | HubFolder:
    """The folder at a local path or at hf://OWNER/REPO[/FOLDER][@REVISION]; nothing is fetched yet.

    Raises NotFoundError (no such local folder) or ConfigError (a file, or another kind of address).
    """
    text = str(location)
    if text.startswith("hf://"):
        match = _HUB_FOLDER.fullmatch(text)
        if match is None:
            raise ConfigError(
                f"{shown(text)}: expected hf://OWNER/REPO, a folder in it if need be, and @REVISION"
            )
        repo, folder, revision = match.groups()
        return HubFolder(repo, folder or "", revision or "main")
    if "://" in text:
        raise ConfigError(f"{shown(text)}: expected a local folder or hf://OWNER/REPO")
    path = Path(os.path.expanduser(text))
    if os.path.isdir(path):
        return LocalFolder(path)
    if os.path.exists(path):
        raise ConfigError(f"{named(path)}: this is a file; give the folder that it lies in")
    raise NotFoundError(f"{named(path)}: no such folder")
