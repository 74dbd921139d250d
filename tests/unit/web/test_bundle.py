"""The one file of a page: written, read back in Python and in C; every damage is named."""

import json
import struct
import zlib

import numpy as np
import pytest

from pocket_fast.errors import ConfigError, NotFoundError, WeightsError
from pocket_fast.models.pocket.bundle import plan
from pocket_fast.models.pocket.catalog import MODELS, shipped_config
from pocket_fast.weights.bundle import read_bundle
from pocket_fast.weights.panels import bfloat16_panels, float32_panels, int4_panels, int8_panels
from reference import TINY_MODELS, tiny_config
from web_machine import WebError, WebModel, make_bundle

HEADER = 64


@pytest.fixture
def bundle(tmp_path):
    return make_bundle(tmp_path / "tiny.pfweb", "tiny-2m")


def sealed(data):
    """With the size and the checksum that belong to it."""
    data = bytearray(data)
    struct.pack_into("<IQ", data, 12, zlib.crc32(data[HEADER:]), len(data))
    return bytes(data)


def changed(data, at, value):
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


def number_at(data, at):
    return struct.unpack_from("<I", data, at)[0]


DAMAGE = {
    "foreign": (lambda d: b"RIFF" + d[4:], "not a bundle of pocket_fast"),
    "of a later version": (lambda d: changed(d, 8, 2), "a bundle of version 2, expected 1"),
    "cut short": (lambda d: d[:-100], "of a bundle of"),
    "too long": (lambda d: d + bytes(64), "of a bundle of"),
    "damaged": (lambda d: d[:-900] + bytes([d[-900] ^ 1]) + d[-899:], "its checksum is not that of"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_python_names_the_damage(bundle, kind):
    damage, message = DAMAGE[kind]
    bundle.write_bytes(damage(bundle.read_bytes()))
    with pytest.raises(WeightsError, match=message):
        read_bundle(bundle)


def test_python_has_no_such_file(tmp_path):
    with pytest.raises(NotFoundError, match="no such file"):
        read_bundle(tmp_path / "none.pfweb")
    (tmp_path / "short.pfweb").write_bytes(b"\x89PFWEB\r\n")
    with pytest.raises(WeightsError, match="no bundle is that short"):
        read_bundle(tmp_path / "short.pfweb")


@pytest.mark.parametrize("kind", DAMAGE)
def test_c_names_the_damage(web, bundle, kind):
    damage, message = DAMAGE[kind]
    with pytest.raises(WebError, match=message):
        WebModel(web, damage(bundle.read_bytes()), read_bundle(bundle).description)


PLAN, TENSORS = 48, 56  # where the header says where they are
WRONG = {
    "a section outside": (lambda d, plan, table: changed(d, TENSORS, len(d) + 64), "section 4 lies outside"),
    "a section askew": (lambda d, plan, table: changed(d, PLAN, plan + 4), "section 3 lies outside"),
    "an impossible plan": (lambda d, plan, table: changed(d, plan, 0), "its plan is damaged"),
    "a short plan": (lambda d, plan, table: changed(d, PLAN + 4, 40), "its plan is damaged"),
    "other heads": (lambda d, plan, table: changed(d, plan + 4 * 12, 2), "impossible heads"),
    "fewer tensors": (lambda d, plan, table: changed(d, table, 3), "it has 3 tensors, its plan has more"),
    "more tensors than room": (lambda d, plan, table: changed(d, table, 1 << 28), "its table of tensors"),
    "a tensor of another shape": (
        lambda d, plan, table: changed(d, table + 64 + 4, 7),
        r"tensor 1 is \(7, 1\)",
    ),
    "a tensor outside": (
        lambda d, plan, table: changed(d, table + 64 + 16, 1 << 30),
        "tensor 1 lies outside",
    ),
    "a tensor of another form": (
        lambda d, plan, table: changed(d, table + 64, 9),
        "tensor 1 has 128 bytes or",
    ),
    "a tensor of another size": (
        lambda d, plan, table: changed(d, table + 64 + 20, 64),
        "tensor 1 has 64 bytes",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_c_checks_what_the_checksum_does_not_know(web, bundle, kind):
    change, message = WRONG[kind]
    data = bundle.read_bytes()
    data = sealed(change(data, number_at(data, PLAN), number_at(data, TENSORS)))
    with pytest.raises(WebError, match=message):
        WebModel(web, data, read_bundle(bundle).description)


def test_a_reader_learns_the_size_from_the_header(web, bundle):
    data = bundle.read_bytes()
    where = web.write(data[:HEADER])
    assert web.call("pw_bundle_bytes", where) == len(data)
    rest = web.write(data[HEADER:])
    halves = web.call("pw_crc32", web.call("pw_crc32", 0, rest, 1001), rest + 1001, len(data) - HEADER - 1001)
    assert halves % 2**32 == zlib.crc32(data[HEADER:])


@pytest.mark.parametrize("name", [*MODELS, *TINY_MODELS])
def test_every_config_has_a_plan(name):
    config = tiny_config(name) if name in TINY_MODELS else shipped_config(name)
    numbers = plan(config, True)
    assert len(numbers) == 16 + 4 + 2 * (12 + 8 + 7) == len(plan(config, False))


def test_what_a_page_has_no_room_for(tmp_path):
    from pocket_fast.models.pocket.config_file import parse_config
    from reference.tiny import tiny_config_data

    data = tiny_config_data("tiny")
    data["flow_lm"]["flow"]["dim"] = 100_000
    with pytest.raises(ConfigError, match="a size of 100000"):
        plan(parse_config(data, "wide"), True)


def test_description(bundle):
    about = read_bundle(bundle).description
    assert json.dumps(about)
    assert about["compute_type"] == "auto"
    assert about["voices"] == {}
    assert about["settings"][0] == {
        "name": "temperature",
        "type": "float",
        "least": 0,
        "absurd": 1e6,
        "expected": "a number of at least 0",
    }
    assert about["limits"]["voice_positions"] == 7513
    assert read_bundle(bundle).sections["tokenizer"] == b"no tokenizer"


def test_panels():
    """Output j of step k lies where csrc/pf_kernels.h says."""
    rng = np.random.default_rng(0)
    n, k, taps = 19, 9, 2
    floats = rng.standard_normal((n, k)).astype(np.float32)
    panels = float32_panels(floats)
    assert panels.shape == (2, k, 16)
    assert panels[1, 4, 2] == floats[18, 4]
    assert not panels[1, :, 3:].any()
    bits = rng.integers(0, 1 << 16, (n, taps * k), dtype=np.uint16)
    panels = bfloat16_panels(bits, taps)
    assert panels.shape == (2, taps, 5, 16, 2)
    assert panels[0, 1, 3, 7, 1] == bits[7, k + 7]
    assert not panels[:, :, 4, :, 1].any()
    integers = rng.integers(-127, 128, (n, k), dtype=np.int8)
    scales = rng.random(n).astype(np.float32)
    panels = int8_panels(integers, scales)
    assert panels.shape == (2, 128 + 12 * 16)
    assert panels[1, 4 * 2 : 4 * 3].view(np.float32) == scales[18]
    assert panels[1, 64 + 4 * 2 : 64 + 4 * 3].view(np.int32) == -128 * integers[18].sum(dtype=np.int32)
    assert panels[1, 128 + 64 + 4 * 2 + 3].view(np.int8) == integers[18, 7]
    groups = 3
    nibbles = rng.integers(0, 256, (n, 16 * groups), dtype=np.uint8)
    lines = rng.integers(-127, 128, (n, 2 * groups), dtype=np.int8)
    panels = int4_panels(nibbles, scales, lines)
    record = 2 * 16 + 4 * 16 * 4
    assert panels.shape == (2, 64 + groups * record)
    assert panels[1, 4 * 2 : 4 * 3].view(np.float32) == scales[18]
    assert panels[1, 64 + record + 2 * 2 + 1].view(np.int8) == lines[18, 2 * 1 + 1]
    assert panels[0, 64 + 2 * record + 32 + (3 * 16 + 7) * 4 + 2] == nibbles[7, 2 * 16 + 3 * 4 + 2]
    assert not panels[1, 64 : 64 + 32].reshape(16, 2)[3:].any()
