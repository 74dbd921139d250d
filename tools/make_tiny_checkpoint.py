"""Write tests/data/tiny_checkpoint.pt, a training checkpoint as PyTorch itself saves it. Needs torch.

    python tools/make_tiny_checkpoint.py tests/data/tiny_checkpoint.pt

One tensor of each kind that the reader has to handle; tests/unit/weights/test_checkpoint.py knows the values.
"""

import sys
from collections import OrderedDict

import torch


def main(path: str) -> None:
    grid = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    model = OrderedDict(
        {
            "flow_lm.weight": torch.nn.Parameter(grid).T,  # a strided view
            "flow_lm.rows": grid[1:],  # shares the storage, starts in its middle
            "flow_lm.half": torch.tensor([0.5, -2.0], dtype=torch.float16),
            "flow_lm.brain": torch.tensor([1.0, -2.0], dtype=torch.bfloat16),
            "flow_lm.count": torch.tensor(7),
            "flow_lm.none": torch.zeros(0, 3),
            "flow_lm.scalar": torch.tensor(1.5, dtype=torch.float64),
        }
    )
    model._metadata = OrderedDict({"": {"version": 1}})  # state_dict() carries this
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight])
    weight.grad = torch.ones(2)
    optimizer.step()
    averages = {"flow_lm.rows": torch.nn.Parameter(grid[1:] + 100)}
    torch.save({"model": model, "ema": averages, "optimizer": optimizer.state_dict(), "step": 1}, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
