"""benches/roofline.py: from what `bench --json` prints to a table."""

import json
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "benches"))

import roofline

STAGE = {"every_frame": True, "least_ms": 4.0, "of_limit": 0.8, "ms": 5.0, "nbytes": 150e6, "flops": 0.3e9}
FOUND = {
    "threads": 2,
    "compute_type": "float32",
    "limits": {"read_gb_s_1": 15.0, "read_gb_s_2": 30.0, "again_gb_s_2": 58.4},
    "stages": [
        STAGE,
        {**STAGE, "least_ms": 1.0, "of_limit": 0.5, "ms": 2.0, "nbytes": 20e6},
        {**STAGE, "every_frame": False, "ms": 90.0},
    ],
    "ms_per_frame": 8.0,
}


def test_a_line_sums_the_stages_of_a_frame_and_says_what_the_limit_would_be_worth():
    assert roofline.row(FOUND, 40.0) == [
        "150 + 20",
        "0.3 + 0.3",
        "30, 58",
        "4 + 1 = 5",
        "5 + 2 = 7",
        "80, 50",
        "71",
        "8",
        "5, 6.8, 8",
    ]
    assert roofline.row(FOUND, None)[-1] == ""


def test_files_become_a_table_and_the_rival_is_given_beside_the_file(tmp_path, monkeypatch, capsys):
    for name in ("english", "small"):
        (tmp_path / f"{name}.json").write_text(json.dumps(FOUND))
    given = [f"{tmp_path / 'english.json'}=40", str(tmp_path / "small.json")]
    monkeypatch.setattr(sys, "argv", ["roofline.py", *given])
    roofline.main()
    head, rule, english, small = capsys.readouterr().out.splitlines()
    assert {line.count("|") for line in (head, rule, english, small)} == {11}
    assert english.startswith("| english `float32` | 150 + 20 |")
    assert english.endswith("| 5, 6.8, 8 |")
    assert small.endswith("|  |")
