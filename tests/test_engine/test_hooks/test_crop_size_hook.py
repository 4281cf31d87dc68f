"""A crop size without effect ends a run of MMEngine's own runner."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmboxcaseg import InputError

TOY = Path(__file__).parents[3] / 'configs/toy/boxcaseg_hrnetv2-tiny_toy.py'


def test_child_config(tmp_path, tiny_coco, tiny_salient):
    stems = [f's{i}' for i in range(7)]
    path = tmp_path / 'child.py'
    path.write_text(f'''
_base_ = {str(TOY)!r}
work_dir = {str(tmp_path)!r}
val_cfg = val_dataloader = val_evaluator = None
crop_size = 64
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(datasets=[
        dict(_base_.box_source, **{tiny_coco()!r}),
        dict(_base_.salient_source, **{tiny_salient(stems, stems)!r})
    ]))
''')
    runner = Runner.from_cfg(Config.fromfile(path))
    with pytest.raises(InputError, match='crop_size=64 has no effect'):
        runner.train()
