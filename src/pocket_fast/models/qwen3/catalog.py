"""The released Qwen3-TTS models by name, and where their files lie on the hub.

Which commit the files are best taken from is not known here, so the main branch it is: a model may change when its
repository does.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from pocket_fast.errors import NotFoundError, shown
from pocket_fast.models.qwen3.config_files import MODEL_CONFIG
from pocket_fast.models.strict import nearest
from pocket_fast.weights.folders import HubFolder, LocalFolder, open_folder

_REPOS = {
    "qwen3-tts-0.6b-base": "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
    "qwen3-tts-0.6b-customvoice": "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
    "qwen3-tts-1.7b-base": "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
    "qwen3-tts-1.7b-customvoice": "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
    "qwen3-tts-1.7b-voicedesign": "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
}
MODELS: tuple[str, ...] = tuple(_REPOS)

_NAMES = {repo.casefold(): name for name, repo in _REPOS.items()}
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def canonical_name(name: str) -> str | None:
    """The name here of a released model, given by it or by its `Qwen/...` id, in any case; None for anything else."""
    folded = name.casefold()
    return folded if folded in _REPOS else _NAMES.get(folded)


def knows(location: str) -> bool:
    """Whether this name, path, id or URL may be that of a model of this family; nothing is fetched for it.

    A folder with a config.json is, whatever that says: reading it tells what it is instead.
    """
    if canonical_name(location) is not None:
        return True
    if location.startswith("hf://"):
        return not location.rsplit("@", 1)[0].endswith((".yaml", ".yml"))
    path = os.path.expanduser(location)
    if os.path.exists(path):
        return os.path.isfile(os.path.join(path, MODEL_CONFIG))
    return _is_id(location)


def locate(location: str | Path) -> LocalFolder | HubFolder:
    """Where the files of a model lie: by name, local folder, id on the hub (OWNER/REPO) or hf:// URL.

    A local folder comes before an id, as for other programs that take both; a name comes before a folder that is
    called the same (`./NAME` is the folder). Raises NotFoundError, with the nearest names, or ConfigError.
    """
    text = str(location)
    name = canonical_name(text) if isinstance(location, str) else None
    if name is not None and ("/" not in text or not os.path.isdir(text)):
        return HubFolder(_REPOS[name])
    try:
        return open_folder(location)
    except NotFoundError:
        if isinstance(location, str) and _is_id(location):
            return HubFolder(location)
    close = nearest(text, [*MODELS, *_REPOS.values()])
    hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(MODELS)}."
    raise NotFoundError(
        f"no model and no folder is called {shown(text)}; {hint} `pocket-fast voices` lists all"
    )


def released_as(folder: LocalFolder | HubFolder) -> str | None:
    """The released model that has its files there; None for any other place."""
    return _NAMES.get(folder.repo.casefold()) if isinstance(folder, HubFolder) and not folder.folder else None


def _is_id(text: str) -> bool:
    """Whether it looks like OWNER/REPO, and not like a path or a config of another family."""
    return bool(_REPO_ID.fullmatch(text)) and text[0] not in ".~" and not text.endswith((".yaml", ".yml"))
