"""The memory of a page: pieces do not overlap, and what was given back is used again."""

import numpy as np

from web_machine import WASM, NodeMachine, machine


def test_pieces_keep_what_is_in_them(web):
    rng = np.random.default_rng(0)
    held = {}
    for i in range(400):
        if held and rng.random() < 0.45:
            where = list(held)[rng.integers(len(held))]
            data = held.pop(where)
            assert web.read(where, len(data)) == data
            web.call("pw_free", where)
        else:
            data = bytes([i % 256]) * int(rng.integers(1, 1 << rng.integers(1, 18)))
            where = web.write(data)
            assert where % 64 == 0
            assert where not in held
            held[where] = data
    for where, data in held.items():
        assert web.read(where, len(data)) == data
        web.call("pw_free", where)


def test_what_is_given_back_is_one_piece_again():
    machine("simd128")  # skips where there is no node
    wasm = NodeMachine(WASM / "simd128.wasm")  # whose memory nobody else has cut up
    sizes = [100_000, 3, 70_000, 200_000]
    first = [wasm.call("pw_alloc", size) for size in sizes]
    for where in (first[1], first[3], first[0], first[2]):
        wasm.call("pw_free", where)
    whole = wasm.call("pw_alloc", sum(sizes))
    assert whole <= min(first)
    wasm.call("pw_free", whole)
    assert [wasm.call("pw_alloc", size) for size in sizes] == first
    for where in first:
        wasm.call("pw_free", where)


def test_more_than_there_is():
    wasm = machine("simd128")
    assert wasm.call("pw_alloc", 2**32 - 1) == 0
    assert wasm.call("pw_alloc", 2**32 - 2**17) == 0
    where = wasm.call("pw_alloc", 0)
    assert where
    wasm.call("pw_free", where)
