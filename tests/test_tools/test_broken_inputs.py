"""Broken files, each with the message that a user reads.

Every case runs the program that a user would run. It must end within
seconds, with an error of this project, not with one of another library alone.
"""
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_kinds import write_kind
from small_data import ROOT, SmallData, end_of, run_tool

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
    (image('text'), ('boxes.json', 'the file is not an image', 'b.png')),
    (image('grey16'), ('more than 8 bits', 'b.png')),
    (image('plain'), ('has another size', 'b.png')),
    (lambda data: (data.images / 'b.png').unlink(), ('do not exist', 'b.png')),
    (annotation(bbox=[1, 2, 'x', 4]), ('annotation 5', 'finite numbers')),
    (annotation(category_id=99),
     ('boxes.json', 'annotation 5', 'unknown class', 'Correct or remove')),
    (edit(lambda d: d['annotations'].clear()),
     ('boxes.json', 'no annotations')),
    (mask(area(255, 20, 24)), ('salient_img', 'its mask has another size')),
    (mask(area(255, channels=(3, ))), ('its mask has colours', 'one.jpg')),
    (append('labeller.py', "train_dataloader['batch_size'] = 3\n"),
     ('a batch of 3 cannot be divided as 9:7', 'source_ratio=(2, 1)')),
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


NO_CHECKPOINT = 'is not a checkpoint or is incomplete'


def write_checkpoint(change):
    """Another content of the checkpoint."""

    def spoil(data):
        path = data.folder / 'labeller.pth'
        torch.save(change(torch.load(path)), path)

    return spoil


def enlarge(checkpoint):
    """A labeller of the same names whose weights have other shapes."""
    weights = checkpoint['state_dict']
    return {
        name: weight.new_zeros([n + 1 for n in weight.shape])
        for name, weight in weights.items()
    }


# How the data is spoilt, what label.py writes to, and what it says.
LABELLED = dict(
    empty_image=(image('empty'), 'out.json', ('not an image', 'b.png')),
    image_of_another_size=(image('plain'), 'out.json', ('has another size',
                                                        'b.png')),
    cut_image=([
        image('cut_png'),
        edit(lambda d: d['images'][1].update(width=64, height=48))
    ], 'out.json', ('b.png cannot be decoded', 'tools/check_data.py')),
    images_lost=(lambda data: shutil.rmtree(data.images), 'out.json',
                 ('3 of 3 images', '`data_prefix.img`')),
    no_boxes=(lambda data: data.boxes.unlink(), 'out.json', ('boxes.json',
                                                             'not found')),
    normalised_boxes=(boxes(normalised), 'out.json',
                      ('`bbox` of all 5 annotations is in 0..1', 'pixels')),
    boxes_outside=(boxes(lambda d: [[60, 60, 9, 9]] * 5), 'out.json',
                   ('no annotation is left', 'Correct these boxes')),
    no_json=(text('boxes.json', 'a,b,c'), 'out.json', ('not valid JSON', )),
    not_utf8=(lambda data: data.boxes.write_bytes(b'{"\xe9": 1}'), 'out.json',
              ('boxes.json is not valid JSON', 'utf-8')),
    no_checkpoint=(lambda data: (data.folder / 'labeller.pth').unlink(),
                   'out.json', ('checkpoint not found', 'labeller.pth')),
    checkpoint_of_text=(text('labeller.pth', 'weights'), 'out.json',
                        ('labeller.pth', NO_CHECKPOINT)),
    cut_checkpoint=(shorten('labeller.pth', 5000), 'out.json',
                    ('labeller.pth', NO_CHECKPOINT)),
    empty_checkpoint=(shorten('labeller.pth',
                              0), 'out.json', ('labeller.pth', NO_CHECKPOINT)),
    checkpoint_of_a_list=(write_checkpoint(lambda _: [1]), 'out.json',
                          ('labeller.pth', NO_CHECKPOINT)),
    checkpoint_of_another_model=(
        write_checkpoint(lambda _: dict(state_dict=dict(a=torch.zeros(1)))),
        'out.json', ('lacks 431 weights', )),
    weights_of_other_shapes=(write_checkpoint(enlarge), 'out.json',
                             ('or has them in other shapes', 'conv1.weight')),
    no_label_dataloader=(append('labeller.py', 'label_dataloader = None'),
                         'out.json', ('label_dataloader is None', )),
    no_pipeline=(append(
        'labeller.py',
        'label_dataloader = dict(_delete_=True, dataset=boxes)'), 'out.json',
                 ('label_dataloader.dataset has no `pipeline`', )),
    out_is_a_folder=(nothing, 'images', ('images is not a file', )),
    out_below_a_file=(nothing, 'boxes.json/out.json', ('cannot write',
                                                       'Not a directory')),
    out_is_the_input=(nothing, 'boxes.json', ('would be overwritten', )),
)


@pytest.mark.parametrize('name', LABELLED)
def test_label(monkeypatch, capsys, data, checkpoint, name):
    spoil, out, words = LABELLED[name]
    for step in spoil if isinstance(spoil, list) else [spoil]:
        step(data)
    before = sorted(data.folder.iterdir())
    output = end_of(monkeypatch, capsys, 'label', data.labeller, checkpoint,
                    data.folder / out, '--work-dir', data.folder / 'work')
    for word in words:
        assert word in output
    # A failed start leaves no shards; cut_image fails while it labels.
    new = {path.name for path in set(data.folder.iterdir()) - set(before)}
    assert new <= {'work'
                   } | ({'out.json.shards'} if name == 'cut_image' else set())


def test_label_with_a_detector(monkeypatch, capsys, data, checkpoint):
    output = end_of(monkeypatch, capsys, 'label', data.detector, checkpoint,
                    data.folder / 'out.json')
    assert 'not the config of a labeller' in output


def test_label_on_a_full_disk(monkeypatch, data, checkpoint):
    # Here a disk is full after so many bytes of a file.
    data.edit(lambda d: d.update(info=dict(description='a' * 300_000)))
    argv = ('label', data.labeller, checkpoint, data.folder / 'out.json',
            '--work-dir', data.folder / 'work')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(
                SystemExit, match='out.json: File too large. Free some'):
            run_tool(monkeypatch, *argv)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (data.folder / 'out.json').exists()
    run_tool(monkeypatch, *argv)
    assert (data.folder / 'out.json').exists()


def test_byte_order_mark(monkeypatch, data, checkpoint):
    content = json.dumps(json.loads(data.boxes.read_text()), indent=1)
    data.boxes.write_bytes(b'\xef\xbb\xbf' +
                           content.replace('\n', '\r\n').encode())
    run_tool(monkeypatch, 'label', data.labeller, checkpoint,
             data.folder / 'out.json', '--work-dir', data.folder / 'work')
    labelled = json.loads((data.folder / 'out.json').read_text())
    assert sum('mask_score' in ann for ann in labelled['annotations']) == 4


TEST_CONFIG = '''
test_cfg = dict(type='TestLoop')
test_dataloader = dict(_delete_=True, **label_dataloader)
test_evaluator = dict(_delete_=True, type='mmboxcaseg.InstanceIoUMetric')
'''


@pytest.mark.parametrize('lines, options, words', [
    ('', (), 'has no test_dataloader'),
    (TEST_CONFIG, (), 'test_evaluator compares with true masks'),
    (TEST_CONFIG + 'test_evaluator = None', (), 'not set: test_evaluator'),
    (TEST_CONFIG, ('--out', 'a.pkl'), '--out is for detectors'),
    (TEST_CONFIG, ('--out', 'images/a.png/a.pkl'), 'cannot be written'),
])
def test_test(monkeypatch, capsys, data, checkpoint, lines, options, words):
    monkeypatch.chdir(data.folder)
    append('labeller.py', lines)(data)
    output = end_of(monkeypatch, capsys, 'test', data.labeller, checkpoint,
                    '--work-dir', data.folder / 'work', *options)
    assert words in output


@pytest.mark.parametrize('values, words', [
    (dict(image='no.png'), 'image not found'),
    (dict(image='boxes.json'), 'the file is not an image'),
    (dict(config='detector.py'), 'not the config of a labeller'),
    (dict(checkpoint='boxes.json'), NO_CHECKPOINT),
    (dict(boxes='1,2,3'), "'1,2,3' is not a box"),
    (dict(boxes='90,90,5,5'), 'has no area inside the image of 50x40'),
    (dict(out='boxes.json'), 'boxes.json cannot be written'),
    (dict(device='gpu'), "'gpu' cannot be used here"),
])
def test_label_image(monkeypatch, capsys, data, checkpoint, values, words):
    monkeypatch.chdir(data.folder)
    args = dict(
        image='images/a.png',
        config='labeller.py',
        checkpoint=checkpoint,
        boxes='1,1,9,9',
        out='out',
        device='cpu')
    args.update(values)
    output = end_of(monkeypatch, capsys, 'label_image', args['image'],
                    args['config'], args['checkpoint'], '--box', args['boxes'],
                    '--out', args['out'], '--device', args['device'])
    assert words in output


PIPELINE = '''
labeller, detector = 'labeller.py', 'proxy.py'
train = dict(boxes='boxes.json', images='images')
'''


@pytest.mark.parametrize('content, words', [
    (None, 'config not found'),
    ('= =', 'cannot be read as a config: SyntaxError'),
    ('', 'does not set labeller, detector, train.boxes'),
    (PIPELINE, 'files that do not exist: proxy.py'),
    (PIPELINE + "detector = 'detector.py'", 'set mask_score_thr'),
    (PIPELINE + "twin = 'detector.py'", 'set `val`, too'),
    (PIPELINE + "train = dict(images='a')", 'does not set train.boxes'),
])
def test_run_pipeline(monkeypatch, capsys, data, content, words):
    monkeypatch.chdir(data.folder)
    if content is not None:
        (data.folder / 'pipeline.py').write_text(content)
    output = end_of(monkeypatch, capsys, 'run_pipeline', 'pipeline.py',
                    '--work-dir', 'work')
    assert words in output
    assert not (data.folder / 'work').exists()


NEW = ('--boxes', 'boxes.json', '--images', 'images', '--salient',
       'salient_img', 'salient_mask', '--size', 'tiny', '--out')
DUTS = 'dataset_converters/duts_to_single'


def add_salient_images(data):
    """Enough for a batch."""
    for i in range(7):
        for kind, suffix in dict(img='.jpg', mask='.png').items():
            folder = data.folder / f'salient_{kind}'
            shutil.copy(folder / f'one{suffix}', folder / f'{i}{suffix}')


# The programs that write, where they cannot.
@pytest.mark.parametrize('tool, argv, words', [
    ('check_data', ('labeller.py', '--out', 'images'), 'images is not a file'),
    ('check_data', ('labeller.py', '--fix', 'boxes.json/a'), 'boxes.json can'),
    ('new_dataset', (*NEW, 'boxes.json'), 'cannot write boxes.json/'),
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
    ('analysis_tools/baseline_masks',
     ('boxes.json', 'images', 'boxes.json'), 'overwritten'),
    ('model_converters/boxcaseg_release_to_mmboxcaseg',
     ('boxes.json', 'images'), 'images is not a file'),
])
def test_output(monkeypatch, capsys, data, tool, argv, words):
    monkeypatch.chdir(data.folder)
    add_salient_images(data)
    masks = [dict(annotation_id=5, segmentation=[[1, 2, 3, 4, 5, 6]])]
    (data.folder / 'masks.json').write_text(json.dumps(masks))
    before = data.boxes.read_bytes()
    assert words in end_of(monkeypatch, capsys, tool, *argv)
    assert data.boxes.read_bytes() == before


# The programs that read, what is not there or is another thing.
@pytest.mark.parametrize('tool, argv, words', [
    ('new_dataset', (*NEW, 'out', '--boxes', 'images'), 'not found: images'),
    ('new_dataset', (*NEW, 'out', '--salient', 'no'), 'no/images does not'),
    ('new_dataset', (*NEW, 'out', '--gpus', '5'), 'needs 35'),
    ('new_dataset', (*NEW, 'out', '--val', 'boxes.json'), 'true masks'),
    ('dataset_converters/boxes_only', ('images', 'out'), 'not found: images'),
    (DUTS, ('images', 'boxes.json', 'out'), 'boxes.json does not exist, or is '
     'no folder'),
    ('merge_masks', ('boxes.json', 'images', 'out'), 'not found: images'),
    ('analysis_tools/proxy_report', ('boxes.json', '--images', 'images',
                                     '--out', 'out'), 'is not a proxy file'),
    ('analysis_tools/eval_masks',
     ('boxes.json', 'boxes.json'), 'is not a proxy file'),
    ('analysis_tools/baseline_masks',
     ('boxes.json', 'no', 'out'), '3 of 3 images'),
    ('model_converters/boxcaseg_release_to_mmboxcaseg',
     ('boxes.json', 'out'), 'boxes.json is not a checkpoint'),
])
def test_input(monkeypatch, capsys, data, tool, argv, words):
    monkeypatch.chdir(data.folder)
    add_salient_images(data)
    assert words in end_of(monkeypatch, capsys, tool, *argv)
    assert not (data.folder / 'out').exists()


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
