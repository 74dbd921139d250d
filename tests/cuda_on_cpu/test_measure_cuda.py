"""tools/measure_cuda.py runs through, and writes what it found."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "measure_cuda.py"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    spec = importlib.util.spec_from_file_location("measure_cuda", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "FIRST_SOUNDS", 2)
    return module


def test_it_measures(machine, tool, tmp_path, monkeypatch):
    out, page = tmp_path / "cuda.json", tmp_path / "cuda.md"
    options = ["--streams", "1", "2", "--frames", "4", "--compute-types", "float32"]
    models = ["tiny", "qwen3-tiny-customvoice"]
    monkeypatch.setattr(
        sys, "argv", ["measure_cuda.py", *models, *options, "--json", str(out), "--page", str(page)]
    )
    tool.main()
    tables = json.loads(out.read_text())["tables"]
    ours = [t for t in tables if "rival" not in t]
    assert [(t["model"], t["device"]) for t in ours] == [(m, d) for m in models for d in ("cuda", "cpu")]
    for table in ours:
        assert [row["streams"] for row in table["rows"]] == [1, 2], table
        first, both = table["rows"]
        assert first["first p50"] > 0
        assert both["all"] == pytest.approx(2 * both["each"])
    text = page.read_text()
    assert "Stand-in, 80 GiB" in text
    assert "**tiny**, pocket_fast float32, cuda" in text
