"""tools/repair_wheel.py: the libraries that go into a wheel have their licences beside them."""

import base64
import csv
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from check_wheel import unlicensed
from repair_wheel import LICENCES, add_licences

GOMP = "pocket_fast.libs/libgomp-e80b85fe.so.1.0.0"
RECORD = "pocket_fast-1.0.dist-info/RECORD"


@pytest.fixture
def wheel(tmp_path):
    """wheel(name, ...) -> a wheel that holds files of these names, and its list of them."""

    def wheel(*names):
        path = tmp_path / "pocket_fast-1.0-cp311-abi3-manylinux_2_17_x86_64.whl"
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, name)
            file.writestr(RECORD, "".join(f"{name},,\n" for name in (*names, RECORD)))
        return path

    return wheel


def contents(path):
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_library_has_its_licence_beside_it(wheel, tmp_path):
    before = wheel("pocket_fast/__init__.py", GOMP)
    assert unlicensed(contents(before)) == [GOMP]
    after = contents(add_licences(before, tmp_path / "after.whl"))
    (added,) = set(after) - set(contents(before))
    assert added == "pocket_fast.libs/libgomp-licence.txt"
    assert b"GCC RUNTIME LIBRARY EXCEPTION" in after[added]
    assert b"GNU GENERAL PUBLIC LICENSE" in after[added]
    assert unlicensed(after) == []
    listed = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(after[RECORD].decode()))}
    assert set(listed) == set(after)
    digest = base64.urlsafe_b64encode(hashlib.sha256(after[added]).digest()).rstrip(b"=").decode()
    assert listed[added] == (f"sha256={digest}", str(len(after[added])))
    assert {n: c for n, c in after.items() if n not in (added, RECORD)} == {
        n: c for n, c in contents(before).items() if n != RECORD
    }


def test_nothing_is_added_where_nothing_is_bundled(wheel, tmp_path):
    before = wheel("pocket_fast/__init__.py", "pocket_fast/cpu/conv.abi3.so")
    assert contents(add_licences(before, tmp_path / "after.whl")) == contents(before)


@pytest.mark.parametrize("library", ["libssl-1234.so.3", "libquadmath-96973f99.so.0", "libomp.so", "odd.so"])
def test_a_library_that_nobody_knows_is_not_given_away(wheel, tmp_path, library):
    with pytest.raises(SystemExit, match=r"no licence at .*; find out what it is"):
        add_licences(wheel(GOMP, f"pocket_fast.libs/{library}"), tmp_path / "after.whl")


def test_every_licence_is_whole():
    for path in LICENCES.glob("*.txt"):
        assert path.stem.startswith("lib")
        assert len(path.read_text(encoding="utf-8")) > 1000
