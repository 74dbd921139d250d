"""Files from http(s) URLs, cached on disk for ever under a name derived from the URL.

A download goes into `NAME.partial`, written by one process at a time and renamed when complete: a reader never sees
half a file. A broken download resumes where it stopped if the server confirms that the file is unchanged (a validator
kept in `NAME.validator`), else it starts again. What is not what its name says is not kept (examine.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from pocket_fast.errors import PocketFastError
from pocket_fast.weights.caches import cache_folder
from pocket_fast.weights.examine import Check, examine
from pocket_fast.weights.reach import ANSWER_SECONDS, FetchError, reason_of_status, stated_length, within

STALL_SECONDS = 15.0  # without a byte, once data flows
_ATTEMPTS = 3
_BLOCK = 1 << 18


def cached_name(url: str) -> Path:
    """Where the copy of a URL lies once it is complete."""
    return cache_folder() / (hashlib.sha256(url.encode()).hexdigest() + Path(urlsplit(url).path).suffix)


def download(url: str, *, progress: bool = True, check: Check | None = None) -> Path:
    """The cached copy of an http(s) URL, fetched on first use, or where what was kept is something else.

    Raises FetchError, and what check raises for a file that is not what is wanted.
    """
    target = cached_name(url)
    if _is_good(target, url, check):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _turn_of(target):
            if not _is_good(target, url, check):
                _complete(target, url, progress, check)
    except PocketFastError:
        raise
    except OSError as error:
        raise FetchError(
            f"{url}: cannot write to the cache {target.parent} ({error.strerror or error}); "
            "set POCKET_FAST_CACHE to another folder",
            "disk",
        ) from None
    return target


def _is_good(target: Path, url: str, check: Check | None) -> bool:
    try:
        examine(target, url, check)
    except (PocketFastError, OSError):
        return False
    return True


def _turn_of(target: Path) -> contextlib.AbstractContextManager[object]:
    """Waits for other processes and threads that write the same file; a killed one lets go by itself.

    The lock is a file of its own: on Windows one that is open can be neither renamed nor removed.
    """
    from filelock import FileLock

    locks = target.parent / ".locks"
    locks.mkdir(exist_ok=True)
    return FileLock(locks / target.name)


def _complete(target: Path, url: str, progress: bool, check: Check | None) -> None:
    partial = target.with_name(target.name + ".partial")
    validator = target.with_name(target.name + ".validator")
    useful = False
    try:
        with open(partial, "ab") as file:
            try:
                _fill(file, url, validator, progress)
            except FetchError:
                useful = file.seek(0, os.SEEK_END) > 0
                raise
        examine(partial, url, check)
        os.replace(partial, target)
    finally:
        if not useful:
            validator.unlink(missing_ok=True)
            partial.unlink(missing_ok=True)


def _fill(file: BinaryIO, url: str, validator: Path, progress: bool) -> None:
    """The whole body of the URL into the file, after what it already holds, with a few attempts."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _transfer(file, url, validator, progress)
        except FetchError as error:
            reached = attempt > 1 or error.reason != "offline"
            if attempt == _ATTEMPTS or not reached or error.reason in ("gated", "missing", "disk"):
                raise
        time.sleep(attempt)


def _transfer(file: BinaryIO, url: str, validator: Path, progress: bool) -> None:
    held = max(0, file.seek(0, os.SEEK_END) - 1)  # one byte again: a range past the end would be refused
    known = validator.read_text(encoding="utf-8") if held and validator.exists() else ""
    with _open(url, held if known else 0, known) as response:
        start = _start(response, url, held if known else 0)
        file.truncate(start)
        validator.write_text(_validator(response), encoding="utf-8")
        total = _total(response, start)
        with _bar(url, total, start, progress) as bar:
            for block in _blocks(response, url):
                file.write(block)
                bar.update(len(block))
        file.flush()
    got = file.seek(0, os.SEEK_END)
    if got == 0 or (total is not None and got != total):
        raise FetchError(f"{url}: got {got} of {total} bytes; try again later", "truncated")


def _open(url: str, offset: int, validator: str) -> http.client.HTTPResponse:
    """The answered request. Any failure to get one is a FetchError."""
    # Some hosts turn away urllib's own name.
    headers = {"User-Agent": "pocket-fast", "Accept-Encoding": "identity"}
    if offset:
        headers.update({"Range": f"bytes={offset}-", "If-Range": validator})
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(_NoDowngrade)
    try:
        return within(ANSWER_SECONDS, lambda: opener.open(request, timeout=STALL_SECONDS))
    except urllib.error.HTTPError as error:
        error.close()
        reason = reason_of_status(error.code)
        what = {"gated": "the server denies access", "missing": "no such file on the server"}.get(
            reason, "the server failed"
        )
        raise FetchError(f"{url}: {what} ({error.code} {error.reason})", reason) from None
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        cause = getattr(error, "reason", error)
        host = urlsplit(url).netloc
        answered = isinstance(cause, (ConnectionResetError, http.client.HTTPException, ssl.SSLError))
        raise FetchError(
            f"{url}: {host} cannot be reached ({cause}); check the address and the network",
            "network" if answered else "offline",
        ) from None


def _start(response: http.client.HTTPResponse, url: str, held: int) -> int:
    """Where the body continues the file: at `held` if the server confirms exactly that, else at 0.

    Raises FetchError for an answer that is neither the file nor that part of it.
    """
    answered = response.headers.get("Content-Range", "")
    if response.status not in (200, 206):
        raise FetchError(f"{url}: the server answered {response.status} {response.reason}, expected 200")
    if response.status == 206 and not (held and answered.startswith(f"bytes {held}-")):
        raise FetchError(f"{url}: asked for bytes from {held}, the server sent {answered[:60]!r}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("", "identity"):
        raise FetchError(f"{url}: the server sent it encoded as {encoding[:20]!r}, unasked")
    return held if response.status == 206 else 0


def _total(response: http.client.HTTPResponse, start: int) -> int | None:
    """Bytes of the whole file, if the server says."""
    whole = stated_length(response.headers.get("Content-Range", "").rpartition("/")[2])
    if start and whole is not None:
        return whole
    length = stated_length(response.headers.get("Content-Length"))
    return None if length is None else start + length


def _validator(response: http.client.HTTPResponse) -> str:
    """What proves later that the file did not change: a strong ETag, else the date, else nothing."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _blocks(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    try:
        while block := response.read1(_BLOCK):  # what is there: a stall must not cost it
            yield block
    except http.client.HTTPException as error:
        raise FetchError(f"{url}: the connection broke ({type(error).__name__})", "truncated") from None
    except TimeoutError:
        raise FetchError(f"{url}: no data for {STALL_SECONDS:g} s; try again later") from None
    except OSError as error:
        raise FetchError(f"{url}: the connection broke ({error}); try again later") from None


@contextlib.contextmanager
def _bar(url: str, total: int | None, start: int, progress: bool) -> Iterator[object]:
    from tqdm import tqdm

    name = Path(urlsplit(url).path).name or url
    hide = None if progress else True  # None: hidden unless stderr is a terminal
    with tqdm(total=total, initial=start, unit="B", unit_scale=True, desc=name, disable=hide) as bar:
        yield bar


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to plain http."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if req.full_url.startswith("https:") and not newurl.startswith("https:"):
            raise urllib.error.URLError(f"redirected from https to {newurl}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
