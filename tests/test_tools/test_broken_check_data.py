"""What check_data.py says of damaged data sets."""
import shutil
import subprocess
import sys

import pytest
from damage import (XYXY, annotation, append, area, boxes, crowds, edit, image,
                    mask, no_area, normalised, nothing, segmentation, shorten,
                    text)
from small_data import ROOT, end_of, run_tool

# How the data is damaged, and what the program prints.
CHECKED = dict(
    lost_image=(lambda data: (data.images / 'b.png').unlink(),
                ('image-missing', 'b.png', 'data_prefix')),
    empty_image=(image('empty'), ('image-unreadable', 'b.png')),
    text_as_image=(image('text'), ('image-unreadable', 'b.png')),
    web_page_as_image=(image('html'), ('image-unreadable', 'b.png')),
    head_of_an_image=(image('head'), ('image-unreadable', 'b.png')),
    cut_jpeg=(image('cut'), ('image-cut', 'b.png', 'cut short')),
    jpeg_without_end=(image('cut_end'), ('image-cut', 'b.png')),
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


@pytest.mark.parametrize('name', CHECKED)
def test_check_data(monkeypatch, capsys, data, name):
    damage, words = CHECKED[name]
    for step in damage if isinstance(damage, list) else [damage]:
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


@pytest.mark.parametrize('damage, words', [
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
def test_check_data_of_a_detector(monkeypatch, capsys, data, damage, words):
    damage(data)
    output = end_of(monkeypatch, capsys, 'check_data', data.detector,
                    '--nproc', 1)
    for word in words:
        assert word in output


def test_as_a_process(data):
    image('cut_png')(data)
    done = subprocess.run(
        [sys.executable, ROOT / 'tools/check_data.py', data.labeller],
        capture_output=True,
        text=True,
        timeout=300)
    assert done.returncode == 1
    assert 'image-damaged' in done.stdout + done.stderr
