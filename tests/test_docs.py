"""Commands in the documents work, and no link is broken."""
import argparse
import json
import re
import shlex
import sys
from pathlib import Path
from typing import List
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import torch
from label_formats import BOXES, SIZES, to_cvat
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils
from small_data import SmallData, load_tool

from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.proxy.provenance import digest_masks

ROOT = Path(__file__).resolve().parents[1]
ALL = [
    *sorted(ROOT.glob('*.md')), ROOT / 'data/README.md',
    *sorted(ROOT.glob('docs/**/*.md')),
    *sorted(ROOT.glob('configs/*/README.md'))
]
each_document = pytest.mark.parametrize(
    'path', ALL, ids=lambda p: str(p.relative_to(ROOT)))


def commands(path: Path) -> List[List[str]]:
    """The calls of tools in a document, in order, placeholders filled in."""
    text = path.read_text('utf-8').replace('\\\n', ' ')
    lines = re.findall(r'^    python (tools/.*)$', text, re.MULTILINE)
    return [
        shlex.split(
            re.sub(r'\$\([^)]*\)', 'FILE', line).replace('X,Y,W,H', '1,2,3,4'))
        for line in lines
    ]


def anchors(path: Path) -> List[str]:
    """The anchors of a document, as GitHub makes them from its titles."""
    titles = re.findall(r'^#+ (.*)$', path.read_text('utf-8'), re.MULTILINE)
    return [
        re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-')
        for title in titles
    ]


@each_document
def test_links(path):
    for link in re.findall(r'\]\(([^)]+)\)', path.read_text('utf-8')):
        if '://' in link:
            continue
        name, _, anchor = link.partition('#')
        target = path.parent / name if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def run_main(tool: str) -> None:
    """Run a tool by its path, with the arguments in ``sys.argv``."""
    load_tool(tool.removeprefix('tools/').removesuffix('.py')).main()


class Parsed(Exception):
    """Ends a program once its arguments were accepted."""


@each_document
def test_commands_are_accepted(path, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def stop(parser, *args):
        parse(parser, *args)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, 'parse_args', stop)
    for command in commands(path):
        monkeypatch.setattr(sys, 'argv', command)
        with pytest.raises(Parsed):
            run_main(command[0])


def test_results_for_the_coco_server(tmp_path):
    """The recipe of docs/evaluation.md, on a file without annotations."""
    command, = (
        command for command in commands(ROOT / 'docs/evaluation.md')
        if 'test_evaluator.format_only=True' in command)
    options = command[command.index('--cfg-options') + 1:]
    cfg = Config.fromfile(ROOT / command[1])
    cfg.merge_from_dict(dict(option.split('=') for option in options))
    dataset = cfg.test_dataloader.dataset
    assert cfg.test_evaluator.ann_file == dataset.data_root + dataset.ann_file
    assert dataset.data_prefix.img == 'test2017/'

    info = tmp_path / 'image_info.json'
    categories = [dict(id=1, name='person'), dict(id=3, name='car')]
    info.write_text(
        json.dumps(
            dict(
                images=[dict(id=7, file_name='7.jpg', height=4, width=5)],
                categories=categories)))
    init_default_scope('mmdet')
    cfg.test_evaluator.update(
        ann_file=str(info), format_only=True, outfile_prefix=f'{tmp_path}/out')
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dict(classes=('person', 'car'))
    mask = torch.zeros(1, 4, 5, dtype=torch.bool)
    mask[0, 1:3, 2:4] = True
    found = InstanceData(
        bboxes=torch.tensor([[2., 1, 4, 3]]),
        scores=torch.tensor([0.5]),
        labels=torch.tensor([1]),
        masks=mask)
    sample = DetDataSample(
        metainfo=dict(img_id=7, ori_shape=(4, 5)), pred_instances=found)
    evaluator.process([sample])
    assert not evaluator.evaluate(1)
    result, = json.loads((tmp_path / 'out.segm.json').read_text())
    assert (result['image_id'], result['category_id']) == (7, 3)
    assert result['score'] == 0.5
    assert (mask_utils.decode(result['segmentation']) == mask[0].numpy()).all()


def test_proxy_file_of_any_test(tmp_path, tiny_coco, tiny_salient, call,
                                build_labeller):
    """The config of docs/proxy_file.md with tools/test.py."""
    data = SmallData(tmp_path, tiny_coco, tiny_salient)
    checkpoint = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), checkpoint)
    text = (ROOT / 'docs/proxy_file.md').read_text('utf-8')
    config, = re.findall('```python\n(.*?)```', text, re.DOTALL)
    path = tmp_path / 'label.py'
    path.write_text(
        config.replace('./mine_labeller.py',
                       str(data.labeller)).replace('label.json',
                                                   f'{tmp_path}/label.json'))
    call('tools/test.py', str(path), str(checkpoint), '--work-dir',
         f'{tmp_path}/work')
    masks = [
        ann for ann in load_proxy(f'{tmp_path}/label.json')['annotations']
        if 'mask_score' in ann
    ]
    assert len(masks) == 4


@pytest.fixture
def own_data(tmp_path, monkeypatch, rng) -> Path:
    """A project folder with YOLO boxes and salient images."""
    monkeypatch.chdir(tmp_path)
    for folder in ('mine/images', 'mine/labels', 'salient/images',
                   'salient/masks'):
        (tmp_path / 'data' / folder).mkdir(parents=True)

    def write_image(path: str) -> None:
        pixels = rng.integers(0, 256, (40, 60, 3), np.uint8)
        cv2.imwrite(f'data/{path}', pixels)

    for i in range(7):
        write_image(f'mine/images/{i}.jpg')
        write_image(f'salient/images/{i}.jpg')
        mask = np.pad(np.full((20, 30), 255, np.uint8), [(10, 10), (15, 15)])
        cv2.imwrite(f'data/salient/masks/{i}.png', mask)
        label = tmp_path / f'data/mine/labels/{i}.txt'
        label.write_text('1 0.5 0.5 0.4 0.6\n0 0.2 0.3 0.2 0.4\n')
    (tmp_path / 'data/mine/data.yaml').write_text('names: [cup, spoon]\n')
    return tmp_path


@pytest.fixture
def call(monkeypatch):
    """Runs a tool with command line arguments."""

    def run(tool: str, *arguments) -> None:
        monkeypatch.setattr(sys, 'argv', [tool, *arguments])
        run_main(tool)

    return run


def test_own_data_set(own_data, call, capsys):
    """The commands before the trainings, as they are written."""
    document = ROOT / 'docs/custom_dataset.md'
    convert, write, check, *_ = commands(document)
    call(*convert)
    call(*write)
    with pytest.raises(SystemExit) as ended:
        call(*check)
    assert not ended.value.code
    assert '\n0 errors, 0 warnings' in capsys.readouterr().out
    configs = {path.name for path in (own_data / 'configs/mine').iterdir()}
    assert configs == set(
        re.findall(r'^\| `configs/mine/(\w+\.py)`',
                   document.read_text('utf-8'), re.M))


def test_from_boxes_in_cvat_to_masks_in_cvat(tmp_path, monkeypatch, call, rng):
    """The commands of docs/other_tools.md, as they are written."""
    monkeypatch.chdir(tmp_path)
    Path('annotations.xml').write_text(to_cvat())
    for name, size in SIZES.items():
        Path('images', name).parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 40, (*size, 3), np.uint8)
        # Something to segment in each box.
        for _, (x0, y0, x1, y1) in BOXES[name]:
            centre = int((x0 + x1) / 2), int((y0 + y1) / 2)
            axes = int((x1 - x0) * 0.4), int((y1 - y0) * 0.4)
            cv2.ellipse(pixels, centre, axes, 0, 0, 360, (0, 200, 255), -1)
        cv2.imwrite(f'images/{name}', pixels)
    steps = commands(ROOT / 'docs/other_tools.md')[:5]
    for step in steps[:3]:
        call(*step)
    # What the page downloads: the masks 1, 2 and 3 are reviewed.
    masks = load_proxy('label.json')['annotations']
    decisions = {'1': 'keep', '2': 'drop', '3': 'keep'}
    Path('label_review.json').write_text(
        json.dumps(
            dict(masks_sha256=digest_masks(masks), decisions=decisions)))
    for step in steps[3:]:
        call(*step)

    images = ElementTree.parse('masks.xml').getroot().findall('image')
    assert [img.get('name') for img in images] == list(SIZES)
    shapes = {
        shape[0].text: (shape.tag, shape.get('source'), shape.get('label'))
        for img in images
        for shape in img
    }
    labels = [label for boxes in BOXES.values() for label, _ in boxes]
    assert {
        key: shape[2]
        for key, shape in shapes.items()
    } == {
        str(i): label
        for i, label in enumerate(labels, 1)
    }
    areas = {a['id']: mask_utils.area(a['segmentation']) for a in masks}
    assert any(areas.values())
    for key, (tag, source, _) in shapes.items():
        kept = decisions.get(key) != 'drop' and areas[int(key)]
        assert tag == ('mask' if kept else 'box')
        is_human = decisions.get(key) == 'keep'
        assert source == ('manual' if is_human else 'auto')
