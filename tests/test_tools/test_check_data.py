import json
import shutil

import pytest
from small_data import run_tool
from spoil import (annotation, append, area, boxes, edit, image, mask,
                   normalised, nothing, segmentation, shorten, text)


@pytest.fixture
def check(monkeypatch, capsys, data):
    """Runs the program; returns its exit status and what it prints."""

    def run(config, *argv):
        with pytest.raises(SystemExit) as end:
            run_tool(monkeypatch, 'check_data', config, '--nproc', 1, *argv)
        return end.value.code, capsys.readouterr().out

    return run


def spoil_two_boxes(data):
    """One error, one warning."""

    def edit(content):
        content['annotations'][0]['bbox'] = [60, 0, 9, 9]
        content['annotations'][1]['bbox'] = [40, 0, 20, 9]

    data.edit(edit)


def test_status_and_table(check, data):
    assert check(data.labeller)[0] == 0
    spoil_two_boxes(data)
    status, output = check(data.labeller)
    assert status == 1
    for word in ('box-outside', 'box-sticks-out', '1 error, 1 warning'):
        assert word in output


def test_findings_file(check, data):
    spoil_two_boxes(data)
    out = data.folder / 'findings.json'
    check(data.labeller, '--out', out)
    content = json.loads(out.read_text())
    assert content['counts'] == dict(error=1, warning=1, note=1)
    assert content['findings'][0]['kind'] == 'box-outside'


def test_fixed_file_is_good(check, data):
    spoil_two_boxes(data)
    out = data.folder / 'fixed.json'
    status, output = check(data.labeller, '--fix', out)
    assert status == 1  # of the file that was checked
    assert 'boxes clipped to their images' in output
    assert '4  annotations in 3 images are left' in output
    data.boxes.write_text(out.read_text())
    status, output = check(data.labeller)
    assert status == 0 and '0 errors, 0 warnings' in output


@pytest.mark.parametrize('name, words', [
    ('boxes.json', None),
    ('other.json', '0 COCO files could be meant'),
])
def test_file_to_fix(check, data, name, words):
    spoil_two_boxes(data)
    out = data.folder / 'fixed.json'
    status, _ = check(data.labeller, '--fix', out, '--fix-file',
                      data.folder / name)
    assert out.exists() == (words is None)
    assert status == 1 if words is None else words in status


def test_options(check, data, capsys):
    # The settings of the command line count.
    status, output = check(
        data.labeller, '--cfg-options',
        'train_dataloader.dataset.datasets.0.ann_file=no.json')
    assert status == 1 and 'no.json does not exist' in output


@pytest.mark.parametrize('argv', [('--fix-file', 'a'), ('--nproc', 0),
                                  ('--examples', 0)])
def test_bad_arguments(check, data, argv):
    assert check(data.labeller, *argv)[0] == 2


XYXY = [[20, 20, 45, 38], [25, 10, 49, 39], [10, 10, 31, 47], [8, 20, 20, 40],
        [15, 14, 28, 29]]


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
    ], ('image-turned', 'remove the EXIF orientation from the file')),
    no_json=(lambda data: data.boxes.unlink(), ('json-unreadable',
                                                'does not exist')),
    empty_json=(text('boxes.json', ''), ('json-unreadable', 'not valid JSON')),
    cut_json=(shorten('boxes.json', 300), ('json-unreadable', 'cut short')),
    json_list=(text('boxes.json',
                    '[]'), ('json-unreadable', 'not a COCO file')),
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
def test_check_data(refused, data, name):
    spoil, words = CHECKED[name]
    for step in spoil if isinstance(spoil, list) else [spoil]:
        step(data)
    output = refused('check_data', data.labeller, '--nproc', 1)
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
def test_check_data_of_a_detector(refused, data, spoil, words):
    spoil(data)
    output = refused('check_data', data.detector, '--nproc', 1)
    for word in words:
        assert word in output
