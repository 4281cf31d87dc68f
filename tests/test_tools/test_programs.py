"""Inputs and outputs that several programs refuse alike."""
import json
import shutil
import subprocess
import sys

import pytest
from small_data import ROOT
from spoil import image

NEW = ('--boxes', 'boxes.json', '--images', 'images', '--salient',
       'salient_img', 'salient_mask', '--size', 'tiny', '--out')
DUTS = 'dataset_converters/duts_to_single'


def add_salient_images(data):
    """Enough for a batch."""
    for i in range(7):
        for kind, suffix in dict(img='.jpg', mask='.png').items():
            folder = data.folder / f'salient_{kind}'
            shutil.copy(folder / f'one{suffix}', folder / f'{i}{suffix}')


# Programs with an output that cannot be written.
@pytest.mark.parametrize('tool, argv, words', [
    ('check_data', ('labeller.py', '--out', 'images'), 'images is not a file'),
    ('check_data', ('labeller.py', '--fix', 'boxes.json/a'), 'boxes.json can'),
    ('new_dataset', (*NEW, 'boxes.json'), 'boxes.json is a file'),
    ('new_dataset', (*NEW, '/'), '--out / has no name'),
    ('dataset_converters/boxes_only',
     ('boxes.json', 'images'), 'is not a file'),
    ('dataset_converters/boxes_only',
     ('boxes.json', 'boxes.json/a'), 'cannot write boxes.json/a'),
    (DUTS, ('salient_img', 'salient_mask', 'images'), 'images is not a file'),
    (DUTS, ('salient_img', 'salient_mask', 'boxes.json/a'), 'boxes.json can'),
    ('merge_masks', ('boxes.json', 'masks.json', 'boxes.json'), 'overwritten'),
    ('merge_masks', ('boxes.json', 'masks.json', 'masks.json'), 'overwritten'),
    ('merge_masks', ('boxes.json', 'masks.json', 'images'), 'is not a file'),
    ('analysis_tools/proxy_report',
     ('boxes.json', '--images', 'images', '--out',
      'images'), 'images is not a file'),
    ('analysis_tools/proxy_review',
     ('boxes.json', '--images', 'images', '--out',
      'images'), 'images is not a file'),
    ('apply_review', ('boxes.json', 'masks.json', 'images'), 'is not a file'),
    ('apply_review',
     ('boxes.json', 'masks.json', 'boxes.json'), 'overwritten'),
    ('analysis_tools/baseline_masks',
     ('boxes.json', 'images', 'boxes.json'), 'overwritten'),
    ('model_converters/boxcaseg_release_to_mmboxcaseg',
     ('boxes.json', 'images'), 'images is not a file'),
    ('model_converters/detector_to_mmdet',
     ('detector.py', 'boxes.json', 'images'), 'images is not a file'),
])
def test_output(monkeypatch, refused, data, tool, argv, words):
    monkeypatch.chdir(data.folder)
    add_salient_images(data)
    masks = [dict(annotation_id=5, segmentation=[[1, 2, 3, 4, 5, 6]])]
    (data.folder / 'masks.json').write_text(json.dumps(masks))
    before = data.boxes.read_bytes()
    assert words in refused(tool, *argv)
    assert data.boxes.read_bytes() == before


# Programs with an input that is missing or of another kind.
@pytest.mark.parametrize('tool, argv, words', [
    ('dataset_converters/boxes_only', ('images', 'out'), 'not found: images'),
    (DUTS, ('images', 'boxes.json', 'out'), 'boxes.json does not exist, or is '
     'not a folder'),
    ('merge_masks', ('boxes.json', 'images', 'out'), 'not found: images'),
    ('analysis_tools/proxy_report', ('boxes.json', '--images', 'images',
                                     '--out', 'out'), 'is not a proxy file'),
    ('analysis_tools/proxy_review', ('boxes.json', '--images', 'images',
                                     '--out', 'out'), 'is not a proxy file'),
    ('apply_review', ('boxes.json', 'images', 'out'), 'not found: images'),
    ('analysis_tools/eval_masks',
     ('boxes.json', 'boxes.json'), 'is not a proxy file'),
    ('analysis_tools/baseline_masks',
     ('boxes.json', 'no', 'out'), '3 of 3 images'),
    ('model_converters/boxcaseg_release_to_mmboxcaseg',
     ('boxes.json', 'out'), 'boxes.json is not a checkpoint'),
    ('model_converters/detector_to_mmdet',
     ('detector.py', 'boxes.json', 'out'), 'boxes.json is not a checkpoint'),
])
def test_input(monkeypatch, refused, data, tool, argv, words):
    monkeypatch.chdir(data.folder)
    assert words in refused(tool, *argv)
    assert not (data.folder / 'out').exists()


# Numbers that NumPy refuses, or that give wrong results.
@pytest.mark.parametrize('tool, argv, lowest', [
    ('dataset_converters/boxes_only', ('--seed', '-1'), 0),
    ('dataset_converters/make_toy', ('--seed', '-1'), 0),
    ('dataset_converters/make_toy', ('--num-val', 'x'), 1),
    ('analysis_tools/ablate', ('--seeds', '0', '-1'), 0),
    ('analysis_tools/eval_masks', ('--num-classes', '0'), 1),
    ('analysis_tools/eval_masks', ('--thresholds', '-5'), 0),
    ('analysis_tools/proxy_report', ('--seed', '-1'), 0),
    ('analysis_tools/proxy_report', ('--topk', '0'), 1),
    ('analysis_tools/proxy_review', ('--random', '-1'), 0),
    ('analysis_tools/proxy_review', ('--side', '0'), 1),
    ('check_data', ('--examples', '0'), 1),
    ('check_data', ('--nproc', '0'), 1),
    ('model_converters/export_onnx', ('--size', '-32'), 1),
])
def test_number(refused, tool, argv, lowest):
    words = f'{argv[-1]} is not a whole number of at least {lowest}'
    assert words in refused(tool, *argv)


@pytest.mark.parametrize('tool, argv', [
    ('dataset_converters/proxy_to_labelme', ('images', 'out')),
    ('dataset_converters/proxy_to_yolo', ('out', )),
    ('dataset_converters/labelme_to_proxy', ('images', 'out.json')),
])
def test_boxes_are_no_proxy_file(refused, data, tool, argv):
    output = refused(tool, data.boxes, *(data.folder / name for name in argv))
    assert f'{data.boxes} is not a proxy file' in output


@pytest.mark.parametrize('tool, spoil, word', [
    ('check_data', image('cut_png'), 'image-damaged'),
    ('train', image('text'), 'the file is not an image'),
])
def test_as_a_process(data, tool, spoil, word):
    spoil(data)
    options = ('--work-dir', data.folder) if tool == 'train' else ()
    done = subprocess.run(
        [sys.executable, ROOT / f'tools/{tool}.py', data.labeller, *options],
        capture_output=True,
        text=True,
        timeout=300)
    assert done.returncode == 1
    last = (done.stdout + done.stderr).splitlines()[-12:]
    assert word in '\n'.join(last)
