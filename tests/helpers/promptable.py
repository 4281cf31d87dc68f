"""Tiny promptable models with random weights."""
from pathlib import Path

import pytest
import torch

transformers = pytest.importorskip(
    'transformers', reason='transformers is not installed: mmboxcaseg[sam]')

# Side of the network's input.
SIDE = 64
_VISION = dict(
    hidden_size=16,
    output_channels=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    image_size=SIDE,
    patch_size=4,
    window_size=4,
    global_attn_indexes=[0, 1],
    mlp_dim=16,
    num_pos_feats=8)
_PROMPT = dict(
    hidden_size=16, image_size=SIDE, patch_size=4, mask_input_channels=4)
_DECODER = dict(
    hidden_size=16,
    mlp_dim=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    iou_head_depth=2,
    iou_head_hidden_dim=8)


def _sam() -> tuple:
    config = transformers.SamConfig(_VISION, _PROMPT, _DECODER)
    return transformers.SamModel(config), _padding()


def _sam_hq() -> tuple:
    config = transformers.SamHQConfig(_VISION, _PROMPT,
                                      dict(_DECODER, vit_dim=16))
    return transformers.SamHQModel(config), _padding()


def _sam2() -> tuple:
    backbone = dict(
        hidden_size=8,
        image_size=[SIDE, SIDE],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4])
    vision = dict(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[16, 16], [8, 8], [4, 4]],
        fpn_hidden_size=16)
    config = transformers.Sam2Config(vision, dict(_PROMPT, patch_size=16),
                                     _DECODER)
    size = dict(height=SIDE, width=SIDE)
    return (transformers.Sam2Model(config),
            transformers.Sam2ImageProcessorFast(size=size))


def _padding() -> object:
    return transformers.SamImageProcessorFast(
        size=dict(longest_edge=SIDE), pad_size=dict(height=SIDE, width=SIDE))


MAKERS = dict(sam=_sam, sam_hq=_sam_hq, sam2=_sam2)


def save_model(kind: str, folder: Path) -> str:
    """Save a model of a kind in ``MAKERS``; returns the folder."""
    torch.manual_seed(0)
    model, processor = MAKERS[kind]()
    for name, param in model.named_parameters():
        # Larger than the initial ones, under which all masks are alike.
        if param.ndim > 1:
            torch.nn.init.normal_(param, std=0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)
