"""Where files come from: hf:// (the Hugging Face hub and its cache), http(s)://, or a local path.

huggingface_hub does the hub's work. It retries for minutes when the hub cannot be reached, so a bounded
request goes first: it tells within seconds whether the file may be had, and why not.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pocket_fast.errors import ConfigError, NotFoundError, named, shown
from pocket_fast.weights.caches import hub_caches
from pocket_fast.weights.examine import Check, examine
from pocket_fast.weights.reach import ANSWER_SECONDS, FetchError, reason_of_status, within

T = TypeVar("T")

_LOCATION = re.compile(r"hf://([\w.-]+/[\w.-]+)/(.+?)(?:@([^@]+))?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM)

_log = logging.getLogger("pocket_fast")


@dataclass(frozen=True)
class HubFile:
    """`hf://OWNER/REPO/PATH[@REVISION]`; the revision is a commit, branch or tag."""

    repo: str
    path: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"hf://{self.repo}/{self.path}@{self.revision}"

    @property
    def is_pinned(self) -> bool:
        """A commit never changes, so a cached copy needs no question to the hub."""
        return _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True)
class FetchedWeights:
    """Which of the two weight files came; without cloning, `reason` says why and what to do."""

    path: Path
    has_voice_cloning: bool = True
    reason: str | None = None


def parse_hub_location(location: str) -> HubFile:
    """Raises ConfigError unless the location has the form of HubFile."""
    match = _LOCATION.fullmatch(location)
    if match is None:
        raise ConfigError(
            f"{shown(location)}: expected hf://OWNER/REPO/PATH or hf://OWNER/REPO/PATH@REVISION"
        )
    repo, path, revision = match.groups()
    return HubFile(repo, path, revision or "main")


def fetch(location: str | Path, *, progress: bool = True, check: Check | None = None) -> Path:
    """A local file with the content of the location, downloaded and cached if need be.

    check: what a download has to pass before it is kept, besides being what its name says (examine.py).
    Raises NotFoundError (local), ConfigError (malformed), FetchError (hub and URLs, with a `reason`).
    """
    text = str(location)
    if text.startswith("hf://"):
        return _from_hub(parse_hub_location(text), progress, check)
    if text.startswith(("http://", "https://")):
        from pocket_fast.weights.download import download  # urllib takes 35 ms to import

        return download(text, progress=progress, check=check)
    if "://" in text:
        raise ConfigError(f"{shown(text)}: expected hf://, http://, https:// or a local path")
    path = Path(os.path.expanduser(text))
    if not os.path.isfile(path):
        what = "is a folder, expected a file" if os.path.isdir(path) else "no such file"
        raise NotFoundError(f"{named(path)}: {what}")
    return path


def find_cached(location: str | Path) -> Path | None:
    """What fetch would find on this machine, without asking anybody; None if it would have to download."""
    text = str(location)
    if text.startswith("hf://"):
        return _cached(parse_hub_location(text))
    if text.startswith(("http://", "https://")):
        from pocket_fast.weights.download import cached_name

        text = str(cached_name(text))
    path = Path(os.path.expanduser(text))
    return path if os.path.isfile(path) else None


def fetch_with_fallback(primary: str, fallback: str | None, *, progress: bool = True) -> FetchedWeights:
    """The weights with voice cloning, or, when these cannot be had, the ones without.

    The second choice is logged as a warning with the reason; the result carries it for later errors. A local
    file that does not exist, and a full disk, are errors and not reasons for the second choice.
    """
    try:
        return FetchedWeights(fetch(primary, progress=progress))
    except FetchError as error:
        if fallback is None or error.reason == "disk":
            raise
        denied = error
    try:
        # A hub that did not answer just now is not asked again: only its cache is.
        unreachable = denied.reason == "offline" and fallback.startswith("hf://")
        hub_file = parse_hub_location(fallback) if unreachable else None
        path = _cached(hub_file) if hub_file else fetch(fallback, progress=progress)
    except FetchError as error:
        raise FetchError(f"{denied}\nThe weights without voice cloning: {error}", error.reason) from None
    if path is None:
        raise denied
    _log.warning("No voice cloning, only the predefined voices: %s", denied)
    return FetchedWeights(path, False, str(denied))


def _from_hub(file: HubFile, progress: bool, check: Check | None) -> Path:
    try:
        cached = _cached(file)
    except ValueError as error:  # names that the library knows to be impossible
        raise ConfigError(f"{file}: {error}") from None
    if cached is not None and file.is_pinned:
        return cached
    # The library's own variable wins over what it is told.
    seconds = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or ANSWER_SECONDS)
    try:
        _persist(lambda: _ask(file, seconds), "network")
    except FetchError as error:
        if cached is None:
            raise
        _log.info("Using the cached copy: %s", error)
        return cached
    with _progress_bars(progress):
        path = _persist(lambda: _download(file, seconds), "truncated")
    if path != cached and path.is_file():
        try:
            examine(path, str(file), check)
        except BaseException:
            for place in (path.resolve(), path):  # the library's copy, and the name of it
                place.unlink(missing_ok=True)
            raise
    return path


def _persist(call: Callable[[], T], passing: str) -> T:
    """call(), up to three times while it fails for the `passing` reason."""
    for pause in (1, 2):
        try:
            return call()
        except FetchError as error:
            if error.reason != passing:
                raise
        time.sleep(pause)
    return call()


def _ask(file: HubFile, seconds: float) -> None:
    """Raises FetchError unless the hub answers in time that the file may be had."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(file.repo, file.path, revision=file.revision)
    try:
        within(seconds, lambda: get_hf_file_metadata(url, timeout=seconds))
    except Exception as error:
        raise _explained(error, file, "offline") from None


def _download(file: HubFile, seconds: float) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        where = {"revision": file.revision, "cache_dir": hub_caches()[0]}
        return Path(hf_hub_download(file.repo, file.path, etag_timeout=seconds, **where))
    except Exception as error:
        raise _explained(error, file, "network") from None


def _cached(file: HubFile) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    for folder in hub_caches():
        found = try_to_load_from_cache(file.repo, file.path, cache_dir=folder, revision=file.revision)
        if isinstance(found, str):
            return Path(found)
    return None


def _explained(error: Exception, file: HubFile, otherwise: str) -> FetchError:
    """Our error for one of huggingface_hub's or of its HTTP library.

    Recognised by class name and status: the classes move between modules, and the HTTP library changes,
    across the versions that the package accepts.
    """
    if type(error).__name__ == "LocalEntryNotFoundError" and isinstance(error.__cause__, Exception):
        error = error.__cause__  # "not in the cache either" hides why the hub did not give it
    kinds = {kind.__name__ for kind in type(error).__mro__}
    status = getattr(getattr(error, "response", None), "status_code", None)
    first_line = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    if "OfflineModeIsEnabled" in kinds:
        return FetchError(f"{file}: not in the cache, and HF_HUB_OFFLINE forbids to ask the hub", "offline")
    if status is not None:
        reason = "gated" if "GatedRepoError" in kinds else reason_of_status(status)
        if reason == "gated":
            return FetchError(
                f"{file}: the hub denies access ({status}). Accept the terms at "
                f"https://huggingface.co/{file.repo}, then run `hf auth login` or set HF_TOKEN",
                reason,
            )
        if reason == "missing":
            return FetchError(
                f"{file}: the hub has no such repository, revision or file ({status}); check the spelling",
                reason,
            )
        return FetchError(f"{file}: the hub failed ({status}): {first_line}", reason)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return FetchError(f"{file}: cannot write to the hub's cache ({error}); set HF_HOME elsewhere", "disk")
    broken = kinds & {"RemoteProtocolError", "ChunkedEncodingError"} or "Consistency check" in str(error)
    if broken and otherwise == "network":
        return FetchError(f"{file}: the download ends early: {first_line}; try again later", "truncated")
    if otherwise == "offline":
        return FetchError(f"{file}: the hub cannot be reached ({first_line}); check the network", "offline")
    return FetchError(f"{file}: the download failed: {first_line}; try again later", otherwise)


@contextlib.contextmanager
def _progress_bars(show: bool) -> Iterator[None]:
    from huggingface_hub import utils

    if show or utils.are_progress_bars_disabled():
        yield
        return
    utils.disable_progress_bars()
    try:
        yield
    finally:
        utils.enable_progress_bars()


def is_safetensors(location: str) -> bool:
    """Whether a path or URL names a .safetensors file (query and hf revision left out)."""
    if location.startswith(("http://", "https://")):
        location = urlsplit(location).path
    elif location.startswith("hf://"):
        location = location.rsplit("@", 1)[0]
    return location.lower().endswith(".safetensors")
