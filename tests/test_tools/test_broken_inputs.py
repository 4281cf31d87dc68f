"""Broken files, each with the message that a user reads.

Every case runs the program that a user would run. It must end within
seconds, with an error of this project, not with one of another library alone.
"""
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_kinds import write_kind
from small_data import ROOT, SmallData, run_tool

XYXY = [[20, 20, 45, 38], [25, 10, 49, 39], [10, 10, 31, 47], [8, 20, 20, 40],
        [15, 14, 28, 29]]


@pytest.fixture
def data(tmp_path, tiny_coco, tiny_salient) -> SmallData:
    return SmallData(tmp_path, tiny_coco, tiny_salient)


def image(kind: str):
    """Another kind of file in place of the image b.png, 48 x 32 pixels."""

    def spoil(data):
        path = write_kind(kind, data.folder)
        path.rename(data.images / 'b.png')

    return spoil


def annotation(**values):
    """Other values of annotation 5 of image a.png."""
    return lambda data: data.edit(lambda d: d['annotations'][1].update(values))


def edit(change):
    return lambda data: data.edit(change)


def boxes(values):
    """Other boxes of all annotations."""

    def change(d):
        for ann, box in zip(d['annotations'], values(d)):
            ann['bbox'] = box

    return edit(change)


def normalised(d):
    sizes = {img['id']: img for img in d['images']}
    for ann in d['annotations']:
        img, (x, y, w, h) = sizes[ann['image_id']], ann['bbox']
        yield [
            x / img['width'], y / img['height'], w / img['width'],
            h / img['height']
        ]


def segmentation(counts, size=(40, 50)):
    return annotation(segmentation=dict(size=size, counts=counts))


def text(name: str, content: str):
    return lambda data: (data.folder / name).write_text(content)


def append(name: str, line: str):

    def spoil(data):
        path = data.folder / name
        path.write_text(path.read_text() + line)

    return spoil


def mask(*pixels):
    """Another mask of the salient image one.jpg, 24 x 20 pixels."""
    return lambda data: data.write_mask(np.concatenate(pixels))


def area(value, height=24, width=20, channels=()):
    return np.full((height, width, *channels), value, np.uint8)


def shorten(path: str, keep: int):

    def spoil(data):
        with open(data.folder / path, 'rb+') as file:
            file.truncate(keep)

    return spoil


def nothing(data):
    pass


def crowds(d):
    for ann in d['annotations']:
        ann['iscrowd'] = 1


def no_area(d):
    del d['annotations'][0]['area']


# How the data is spoilt, and what tools/check_data.py then prints.
CHECKED = dict(
    lost_image=(lambda data: (data.images / 'b.png').unlink(),
                ('image-missing', 'b.png', 'data_prefix')),
    empty_image=(image('empty'), ('image-unreadable', 'b.png')),
    text_as_image=(image('text'), ('image-unreadable', 'b.png')),
    web_page_as_image=(image('html'), ('image-unreadable', 'b.png')),
    head_of_an_image=(image('head'), ('image-unreadable', 'b.png')),
    cut_jpeg=(image('cut'), ('image-damaged', 'b.png', 'cut short')),
    jpeg_without_end=(image('cut_end'), ('image-damaged', 'b.png')),
    cut_png=(shorten('images/b.png', 200), ('image-damaged', 'b.png')),
    grey_of_16_bits=(image('grey16'), ('image-depth', 'b.png', '8 bits')),
    colours_of_16_bits=(image('colour16'), ('image-depth', 'b.png')),
    floating_point=(image('float32'), ('image-depth', 'b.png')),
    other_size=(image('plain'), ('image-size', '64x48', 'JSON says 32x48')),
    exif_turn=([
        image('exif6'),
        edit(lambda d: d['images'][1].update(width=64, height=48))
    ], ('image-turned', 'color_ignore_orientation')),
    no_json=(lambda data: data.boxes.unlink(), ('json-unreadable',
                                                'does not exist')),
    empty_json=(text('boxes.json', ''), ('json-unreadable', 'not valid JSON')),
    cut_json=(shorten('boxes.json', 300), ('json-unreadable', 'cut short')),
    json_list=(text('boxes.json', '[]'), ('json-unreadable', 'no images')),
    no_annotations=(edit(lambda d: d['annotations'].clear()),
                    ('json-unreadable', 'no annotations')),
    no_box=(edit(lambda d: d['annotations'][1].pop('bbox')),
            ('json-form', 'annotation 5: it has no `bbox`')),
    nan_in_box=(annotation(bbox=[1, 2, float('nan'), 4]),
                ('json-form', 'four finite numbers', "'NaN'")),
    three_numbers=(annotation(bbox=[1, 2, 3]), ('json-form', '[1, 2, 3]')),
    text_in_box=(annotation(bbox=['1', '2', '3', '4']),
                 ('json-form', 'four finite numbers')),
    inverted_box=(annotation(bbox=[30, 30, -10, 5]), ('box-inverted', '-10')),
    box_outside=(annotation(bbox=[60, 4, 9, 9]), ('box-outside', '(50x40)')),
    normalised_boxes=(boxes(normalised), ('box-normalised', 'multiply')),
    corners_as_boxes=(boxes(lambda d: XYXY), ('box-xyxy', 'subtract')),
    annotation_id_twice=(annotation(id=11), ('json-form',
                                             '11: its `id` is not unique')),
    image_id_twice=(edit(lambda d: d['images'][1].update(id=7)),
                    ('json-form', 'image 7: its `id` is not unique')),
    unknown_image=(annotation(image_id=99), ('json-form', 'not in `images`')),
    unknown_class=(annotation(category_id=99), ('json-form', 'unknown class')),
    class_twice=(edit(lambda d: d['categories'][1].update(name='cat')),
                 ('class-repeated', 'cat')),
    class_not_in_file=(append(
        'labeller.py', "boxes['metainfo'] = dict(classes=('cow', ))\n"
        'label_dataloader = dict(dataset=boxes)\n'), ('class-missing', 'cow')),
    crowds_only=(edit(crowds), ('box-none-left', 'iscrowd')),
    counts_of_bytes=(segmentation("b'PPYo0'"), ('mask-bytes', 'decode()')),
    counts_of_another_image=(segmentation('PPYo0', (50, 40)),
                             ('mask-broken', 'annotation 5', '`size`')),
    counts_too_short=(segmentation([1, 2]), ('mask-broken', 'do not sum up')),
    odd_polygon=(annotation(segmentation=[[1, 2, 3, 4, 5, 6, 7]]),
                 ('mask-broken', 'odd number')),
    salient_without_mask=(lambda data: (data.masks / 'one.png').unlink(),
                          ('salient-files', "['one']")),
    salient_folder_lost=(lambda data: shutil.rmtree(data.masks),
                         ('salient-files', 'does not exist')),
    coloured_mask=(mask(area(255, channels=(3, ))), ('mask-form', 'one.jpg',
                                                     'grey image')),
    mask_of_another_size=(mask(area(255, 20, 24)), ('mask-size', 'one.jpg')),
    mask_of_ones=(mask(area(1, 12), area(0, 12)), ('mask-dark', 'as 255')),
    empty_mask=(mask(area(0)), ('mask-empty', 'single_object')),
    cut_mask=(shorten('salient_mask/one.png',
                      60), ('mask-unreadable', 'one.jpg')),
    unknown_dataset=(append(
        'labeller.py', "boxes['type'] = 'BoxDataset'\n"
        'label_dataloader = dict(dataset=boxes)\n'), ('dataset-config',
                                                      'BoxDataset')),
    unknown_argument=(append(
        'labeller.py', "boxes['per_box'] = True\n"
        'label_dataloader = dict(dataset=boxes)\n'), ('dataset-config',
                                                      'per_box')),
    broken_config=(append('labeller.py', '= ='), ('cannot be read as a config',
                                                  'SyntaxError')),
    lost_base=(text('labeller.py', "_base_ = './no.py'"),
               ('cannot be read as a config', 'no.py')),
    no_dataloader=(text('labeller.py',
                        'model = dict()'), ('nothing to check', )),
)


def end_of(monkeypatch, capsys, tool: str, *argv) -> str:
    """What a program prints that must end with an error of ours."""
    with pytest.raises((SystemExit, FileNotFoundError, ValueError)) as error:
        run_tool(monkeypatch, tool, *argv)
    assert getattr(error.value, 'code', 1) not in (0, None, False)
    source = Path(error.traceback[-1].path)
    assert source.is_relative_to(ROOT) and '.venv' not in source.parts
    streams = capsys.readouterr()
    return f'{streams.out}\n{streams.err}\n{error.value}'


@pytest.mark.parametrize('name', CHECKED)
def test_check_data(monkeypatch, capsys, data, name):
    spoil, words = CHECKED[name]
    for step in spoil if isinstance(spoil, list) else [spoil]:
        step(data)
    output = end_of(monkeypatch, capsys, 'check_data', data.labeller,
                    '--nproc', 1)
    for word in words:
        assert word in output


def test_there_is_nothing_wrong_before(monkeypatch, capsys, data):
    # Else the cases above could fail for another reason.
    with pytest.raises(SystemExit) as end:
        run_tool(monkeypatch, 'check_data', data.labeller, '--nproc', 1)
    assert end.value.code == 0
    assert '0 errors, 0 warnings' in capsys.readouterr().out


@pytest.mark.parametrize('spoil, words', [
    (edit(no_area), ('area-missing', 'annotation 11')),
    (nothing, ('mask-missing', 'annotation 11')),
    (edit(lambda d: d['categories'].reverse()), ('class-order', 'order')),
    (append('detector.py', "model['roi_head']['bbox_head']['num_classes']=9"),
     ('class-number', 'model.roi_head.bbox_head.num_classes=9')),
    (append(
        'detector.py', "boxes['type'] = 'mmboxcaseg.ProxyCocoDataset'\n"
        'label_dataloader = dict(dataset=boxes)\n'),
     ('proxy-none', 'tools/label.py')),
])
def test_check_data_of_a_detector(monkeypatch, capsys, data, spoil, words):
    spoil(data)
    output = end_of(monkeypatch, capsys, 'check_data', data.detector,
                    '--nproc', 1)
    for word in words:
        assert word in output


@pytest.mark.parametrize('spoil, words', [
    (image('text'), ('boxes.json', 'the file is no image', 'b.png')),
    (image('grey16'), ('more than 8 bits', 'b.png')),
    (image('plain'), ('has another size', 'b.png')),
    (lambda data: (data.images / 'b.png').unlink(), ('do not exist', 'b.png')),
    (annotation(bbox=[1, 2, 'x', 4]), ('annotation 5', 'finite numbers')),
    (mask(area(255, 20, 24)), ('salient_img', 'its mask has another size')),
    (mask(area(255, channels=(3, ))), ('its mask has colours', 'one.jpg')),
    (append('labeller.py', "train_dataloader['batch_size'] = 3\n"),
     ('batch_size is 3', 'sampler 16')),
])
def test_train(monkeypatch, capsys, data, spoil, words):
    spoil(data)
    output = end_of(monkeypatch, capsys, 'train', data.labeller, '--work-dir',
                    data.folder / 'work')
    for word in words:
        assert word in output
    assert 'Epoch(train)' not in output


@pytest.fixture
def checkpoint(build_labeller, tmp_path) -> Path:
    path = tmp_path / 'labeller.pth'
    torch.save(dict(state_dict=build_labeller().state_dict()), path)
    return path


@pytest.mark.parametrize('spoil, words', [
    (image('empty'), ('the file is no image', 'b.png')),
    (image('plain'), ('has another size', 'b.png')),
    ([
        image('cut'),
        edit(lambda d: d['images'][1].update(width=64, height=48))
    ], ('b.png cannot be decoded', 'tools/check_data.py')),
    (lambda data: data.boxes.unlink(), ('boxes.json', 'not found')),
])
def test_label(monkeypatch, capsys, data, checkpoint, spoil, words):
    for step in spoil if isinstance(spoil, list) else [spoil]:
        step(data)
    output = end_of(monkeypatch, capsys, 'label', data.labeller, checkpoint,
                    data.folder / 'out.json', '--work-dir',
                    data.folder / 'work')
    for word in words:
        assert word in output
    assert not (data.folder / 'out.json').exists()


def test_label_with_a_detector(monkeypatch, capsys, data, checkpoint):
    output = end_of(monkeypatch, capsys, 'label', data.detector, checkpoint,
                    data.folder / 'out.json')
    assert 'no config of a labeller' in output


@pytest.mark.parametrize('predictions, words', [
    ([], ('neither a list of predictions', )),
    ([dict(segmentation=[[1, 2, 3, 4, 5, 6]])], ('[0]', 'annotation_id')),
    ([dict(annotation_id=77, segmentation=[[1, 2, 3, 4, 5, 6]])],
     ('not in the file of the boxes', 'annotation 77')),
    ([dict(annotation_id=5, segmentation=dict(size=[9, 9], counts='0'))],
     ('`size` of its RLE', 'annotation 5')),
    ([dict(annotation_id=5, segmentation='mask')], ('[0]', 'polygons')),
])
def test_merge_masks(monkeypatch, capsys, data, predictions, words):
    path = data.folder / 'predictions.json'
    path.write_text(json.dumps(predictions))
    output = end_of(monkeypatch, capsys, 'merge_masks', data.boxes, path,
                    data.folder / 'out.json')
    for word in (str(path), *words):
        assert word in output


@pytest.mark.parametrize('tool, argv', [
    ('dataset_converters/proxy_to_labelme', ('images', 'out')),
    ('dataset_converters/proxy_to_yolo', ('out', )),
    ('dataset_converters/labelme_to_proxy', ('images', 'out.json')),
])
def test_boxes_are_no_proxy_file(monkeypatch, capsys, data, tool, argv):
    output = end_of(monkeypatch, capsys, tool, data.boxes,
                    *(data.folder / name for name in argv))
    assert f'{data.boxes} is no proxy file' in output


@pytest.mark.parametrize('tool, spoil, word', [
    ('check_data', image('cut'), 'image-damaged'),
    ('train', image('text'), 'the file is no image'),
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
