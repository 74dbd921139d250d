"""Live: the reference's own loaders and PyTorch's own files against ours."""

import numpy as np
import pytest

from pocket_fast.models.pocket.checkpoint import read_checkpoint
from pocket_fast.models.pocket.layouts import load_pocket_weights
from pocket_fast.weights.fit import widen

pytestmark = pytest.mark.reference

FLOW_LM_SKIPPED = (
    "flow.w_s_t.0.weight",
    "num_ema_updates",
    "condition_provider.conditioners.transcript_in_segment.learnt_padding",
    "condition_provider.conditioners.speaker_wavs.learnt_padding",
)
MIMI_SKIPPED = (
    "model.quantizer.vq.layers.0.x",
    "model.quantizer.logvar_proj.weight",
    "quantizer.logvar_proj.weight",
    "quantizer.logvar_param",
    "quantizer.rest_codebook.0",
    "wavlm_emb_downsample.conv.conv.weight",
    "wavlm_input_resample.kernel",
    "wavlm_proj.weight",
)


@pytest.fixture(scope="module")
def torch():
    pytest.importorskip("pocket_tts")
    return pytest.importorskip("torch")


def save(torch, tensors, path):
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def test_part_files_equal_the_reference_loaders(torch, tmp_path):
    from pocket_tts.utils.weights_loading import get_flow_lm_state_dict, get_mimi_state_dict

    draw = torch.Generator().manual_seed(0)

    def some(*shape):
        return torch.randn(shape, generator=draw)

    flow_lm = {
        "condition_provider.conditioners.speaker_wavs.output_proj.weight": some(4, 2),
        "fuser.padding_value": some(1, 1, 4),
        "condition_provider.conditioners.transcript_in_segment.embed.weight": some(6, 4),
        "transformer.layers.0.self_attn.in_proj_weight": some(12, 4),
        "transformer.layers.0.self_attn.out_proj.weight": some(4, 4).half(),
        "out_norm.bias": some(4).bfloat16(),
        **{name: some(3) for name in FLOW_LM_SKIPPED},
    }
    mimi = {
        "encoder.model.0.conv.conv.weight_g": some(3, 1, 1),
        "encoder.model.0.conv.conv.weight_v": some(3, 1, 7),
        "decoder.model.2.convtr.convtr.weight_g": some(4, 1, 1),
        "decoder.model.2.convtr.convtr.weight_v": some(4, 2, 12),
        "model.encoder.model.0.conv.conv.bias": some(3),
        "model.encoder_transformer.transformer.layers.0.self_attn.in_proj_weight": some(9, 3),
        "downsample.conv.conv.conv.weight": some(2, 3, 4),
        "upsample.convtr.convtr.convtr.weight": some(3, 1, 4),
        **{name: some(3) for name in MIMI_SKIPPED},
    }
    flow_path = save(torch, flow_lm, tmp_path / "flow.safetensors")
    mimi_path = save(torch, mimi, tmp_path / "mimi.safetensors")
    wanted = {f"flow_lm.{k}": v for k, v in get_flow_lm_state_dict(flow_path).items()}
    wanted.update({f"mimi.{k}": v for k, v in get_mimi_state_dict(mimi_path).items()})
    expected = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    found = load_pocket_weights(expected, flow_lm=flow_path, mimi=mimi_path)
    for name, tensor in wanted.items():
        exactly = 2e-7 if "model.0.conv.weight" in name or "convtr.weight" in name else 0  # folded
        np.testing.assert_allclose(widen(found[name]), tensor.float().numpy(), rtol=exactly, err_msg=name)


def test_checkpoints_equal_the_reference_loader(torch, tmp_path):
    from pocket_tts.utils.weights_loading import get_training_checkpoint_state_dicts

    torch.manual_seed(0)
    module = torch.nn.ModuleDict({"flow_lm": torch.nn.Linear(5, 3), "mimi": torch.nn.Conv1d(2, 3, 4)})
    shared = torch.randn(6, 8)
    state = module.state_dict()
    state["flow_lm.columns"] = shared[:, 2:5]
    state["flow_lm.turned"] = shared.T[1::2]
    state["flow_lm.brain"] = shared.bfloat16()[2:]
    state["flow_lm.half"] = shared.half()
    state["flow_lm.expanded"] = torch.ones(1, 3).expand(4, 3)
    averages = {"flow_lm.weight": torch.nn.Parameter(torch.randn(3, 5))}
    optimizer = torch.optim.AdamW(module.parameters())
    path = tmp_path / "step.pt"
    torch.save({"model": state, "ema": averages, "optimizer": optimizer.state_dict(), "step": 7}, path)
    flow_lm, mimi = get_training_checkpoint_state_dicts(path)
    wanted = {**{f"flow_lm.{k}": v for k, v in flow_lm.items()}, **{f"mimi.{k}": v for k, v in mimi.items()}}
    found = read_checkpoint(path)
    assert set(found) == set(wanted)
    for name, tensor in wanted.items():
        kind = {torch.bfloat16: "BF16", torch.float16: "F16"}.get(tensor.dtype, "F32")
        assert found[name].dtype == kind
        np.testing.assert_array_equal(widen(found[name]), tensor.detach().float().numpy(), err_msg=name)


def test_the_old_torch_format_is_named(torch, tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"model": {}}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="old format"):
        read_checkpoint(path)
