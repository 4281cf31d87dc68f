"""tools/label.py labels images of every kind that loads."""
import json

import torch
from image_kinds import LOADED, expected, write_kind
from small_data import SmallData, run_tool

from mmboxcaseg.proxy import load_proxy


def test_every_kind(monkeypatch, tmp_path, tiny_coco, tiny_salient,
                    build_labeller):
    data = SmallData(tmp_path, tiny_coco, tiny_salient)
    sizes = [expected(kind).shape[:2] for kind in LOADED]
    names = [write_kind(kind, data.images).name for kind in LOADED]
    data.boxes.write_text(
        json.dumps(
            dict(
                images=[
                    dict(id=i, file_name=name, height=size[0], width=size[1])
                    for i, (name, size) in enumerate(zip(names, sizes))
                ],
                annotations=[
                    dict(id=i, image_id=i, category_id=1, bbox=[4, 5, 30, 20])
                    for i in range(len(names))
                ],
                categories=[dict(id=1, name='cat')])))
    checkpoint = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), checkpoint)
    out = tmp_path / 'out.json'
    run_tool(monkeypatch, 'label', data.labeller, checkpoint, out,
             '--work-dir', tmp_path / 'work')
    anns = load_proxy(str(out))['annotations']
    assert [tuple(ann['segmentation']['size']) for ann in anns] == sizes
