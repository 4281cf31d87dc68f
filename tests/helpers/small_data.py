"""A small data set with configs of a labeller and of a detector."""
import importlib.util
import json
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Callable

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

ROOT = Path(__file__).resolve().parents[2]

LABELLER = '''
_base_ = '{root}/configs/toy/boxcaseg_hrnetv2-tiny_toy.py'
box_pipeline = {{{{_base_.box_pipeline}}}}
salient_pipeline = {{{{_base_.salient_pipeline}}}}
boxes = dict(
    type='mmboxcaseg.BoxCropDataset', data_root='',
    ann_file='{folder}/boxes.json', data_prefix=dict(img='{folder}/images'))
salient = dict(
    type='mmboxcaseg.SalientDataset', data_root='{folder}',
    data_prefix=dict(img='salient_img', mask='salient_mask'))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(
    datasets=[dict(boxes, pipeline=box_pipeline),
              dict(salient, pipeline=salient_pipeline)]))
label_dataloader = dict(num_workers=0, dataset=boxes)
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
'''
DETECTOR = '''
_base_ = '{root}/configs/toy/mask-rcnn_r18-tiny_toy.py'
boxes = dict(
    type='CocoDataset', data_root='', metainfo=dict(classes=('cat', 'dog')),
    ann_file='{folder}/boxes.json', data_prefix=dict(img='{folder}/images'))
model = dict(roi_head=dict(
    bbox_head=dict(num_classes=2), mask_head=dict(num_classes=2)))
train_dataloader = dict(num_workers=0, persistent_workers=False, dataset=dict(
    _delete_=True, type='RepeatDataset', times=2,
    dataset=dict(boxes, pipeline={{{{_base_.train_pipeline}}}})))
val_cfg = val_dataloader = val_evaluator = None
test_cfg = test_dataloader = test_evaluator = None
'''


class SmallData:
    """Files in one folder that tests can break.

    Args:
        folder (Path): What the fixtures ``tiny_coco`` and ``tiny_salient``
            write to.
        tiny_coco (Callable): The fixture.
        tiny_salient (Callable): The fixture.
    """

    def __init__(self, folder: Path, tiny_coco: Callable,
                 tiny_salient: Callable) -> None:
        self.folder = folder
        tiny_coco()
        tiny_salient()
        self.boxes = folder / 'boxes.json'
        self.images = folder / 'images'
        self.masks = folder / 'salient_mask'
        self.labeller = folder / 'labeller.py'
        self.labeller.write_text(LABELLER.format(root=ROOT, folder=folder))
        self.detector = folder / 'detector.py'
        self.detector.write_text(DETECTOR.format(root=ROOT, folder=folder))

    def edit(self, change: Callable[[dict], None]) -> None:
        """Change the content of the COCO file."""
        data = json.loads(self.boxes.read_text())
        change(data)
        self.boxes.write_text(json.dumps(data))

    def write_mask(self, mask: np.ndarray) -> None:
        """Write the mask of the salient image 'one', of 24 x 20 pixels."""
        cv2.imwrite(str(self.masks / 'one.png'), mask)


def load_tool(path: str) -> ModuleType:
    """Import a program of tools/ by its path there, without '.py'."""
    folder, _, name = f'{ROOT}/tools/{path}'.rpartition('/')
    # As Python does: a program imports what lies beside it.
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(f'tool_{name}',
                                                  f'{folder}/{name}.py')
    tool = importlib.util.module_from_spec(spec)
    # Worker processes find functions by the name of their module.
    sys.modules[spec.name] = tool
    spec.loader.exec_module(tool)
    return tool


def run_tool(monkeypatch, path: str, *argv) -> None:
    """Run a program of tools/ in this process."""
    monkeypatch.setattr(sys, 'argv', [path, *map(str, argv)])
    # Loggers of earlier runs write to streams that are closed. MMEngine names
    # them by the second, so a run may be given the one before it.
    monkeypatch.setattr(MMLogger, '_instance_dict', OrderedDict())
    MMLogger.get_instance(path)
    load_tool(path).main()


def printed_by(monkeypatch, capsys, path: str, *argv) -> str:
    """Run a program of tools/ in this process; returns what it printed."""
    run_tool(monkeypatch, path, *argv)
    return capsys.readouterr().out


def end_of(monkeypatch, capsys, path: str, *argv) -> str:
    """Run a program that must end with a message only; returns its output."""
    with pytest.raises(SystemExit) as error:
        run_tool(monkeypatch, path, *argv)
    assert error.value.code not in (0, None, False)
    streams = capsys.readouterr()
    output = f'{streams.out}\n{streams.err}\n{error.value}'
    assert 'Traceback' not in output, output
    # Nothing was begun.
    assert 'Epoch(' not in output
    return output
