"""benches/installed.py: what an implementation and everything it needs take on the disk."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "benches"))
pytest.importorskip("packaging")  # comes with pytest; not promised by it
from installed import needed, size_mib


@pytest.fixture
def install(tmp_path):
    """install(name, size in KiB, requires): a distribution of one file, as pip lays it out."""

    def put(name, kib, *requires, editable=False):
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (tmp_path / f"{name}.py").write_bytes(b"#" * (kib << 10))
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0"]
        lines += [f"Requires-Dist: {r}" for r in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "RECORD").write_text(f"{name}.py,,\n{name}-gone.pyc,,\n{name}-1.0.dist-info/RECORD,,\n")
        if editable:
            (info / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}))

    put.path = [str(tmp_path)]
    return put


def test_counts_what_is_needed_and_nothing_else(install):
    install("top", 1024, "Middle>=1", 'absent; python_version < "3"', 'test_only; extra == "test"')
    install("middle", 2048, "leaf[fast]", "top")  # in a circle
    install("leaf", 512, 'speed; extra == "fast"', 'slow; extra == "slow"')
    install("speed", 256)
    install("slow", 4096)
    install("test_only", 4096)
    install("bystander", 4096)
    found = needed(["top"], install.path)
    assert set(found) == {"top", "middle", "leaf", "speed"}
    assert size_mib(found.values()) == pytest.approx(3.75, abs=0.01)  # and the four RECORD files


def test_an_extra_asked_for_later_counts_too(install):
    install("top", 1, "leaf", "middle")
    install("middle", 1, "leaf[fast]")
    install("leaf", 1, 'speed; extra == "fast"')
    install("speed", 1)
    assert "speed" in needed(["top"], install.path)


def test_something_missing_is_an_error(install):
    install("top", 1, "nowhere")
    with pytest.raises(LookupError, match="nowhere"):
        needed(["top"], install.path)


def test_what_is_never_used_need_not_be_there(install):
    install("top", 1, "nowhere", "middle")
    install("middle", 1, "leaf")
    install("leaf", 1)
    assert set(needed(["top"], install.path, {"nowhere", "leaf"})) == {"top", "middle"}


def test_a_source_tree_has_no_size(install):
    install("top", 1, editable=True)
    assert size_mib(needed(["top"], install.path).values()) is None
