"""Labelling of any kind of image, and messages about broken files."""
import json
import resource
import shutil

import pytest
import torch
from image_kinds import LOADED, expected, write_kind
from small_data import run_tool
from spoil import (NO_CHECKPOINT, append, boxes, edit, image, normalised,
                   nothing, shorten, text)

from mmboxcaseg.proxy import load_proxy


def test_every_kind_of_image(monkeypatch, data, checkpoint):
    """Images of every kind that loads are labelled."""
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
    out = data.folder / 'out.json'
    run_tool(monkeypatch, 'label', data.labeller, checkpoint, out,
             '--work-dir', data.folder / 'work')
    anns = load_proxy(str(out))['annotations']
    assert [tuple(ann['segmentation']['size']) for ann in anns] == sizes


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
    out_below_a_file=(nothing, 'boxes.json/out.json',
                      ('boxes.json cannot be written', )),
    out_is_the_input=(nothing, 'boxes.json', ('would be overwritten', )),
)


@pytest.mark.parametrize('name', LABELLED)
def test_label(refused, data, checkpoint, name):
    spoil, out, words = LABELLED[name]
    for step in spoil if isinstance(spoil, list) else [spoil]:
        step(data)
    before = sorted(data.folder.iterdir())
    output = refused('label', data.labeller, checkpoint, data.folder / out,
                     '--work-dir', data.folder / 'work')
    for word in words:
        assert word in output
    # A failed start leaves no shards; cut_image fails while it labels.
    new = {path.name for path in set(data.folder.iterdir()) - set(before)}
    assert new <= {'work'
                   } | ({'out.json.shards'} if name == 'cut_image' else set())


def test_label_with_a_detector(refused, data, checkpoint):
    output = refused('label', data.detector, checkpoint,
                     data.folder / 'out.json')
    assert 'not the config of a labeller' in output


def test_label_on_a_full_disk(monkeypatch, data, checkpoint):
    # The limit stands for a full disk.
    data.edit(lambda d: d.update(info=dict(description='a' * 300_000)))
    argv = ('label', data.labeller, checkpoint, data.folder / 'out.json',
            '--work-dir', data.folder / 'work')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(SystemExit, match='File too large. Free some'):
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


def test_options_of_the_masks(monkeypatch, data, checkpoint):
    out = data.folder / 'out.json'
    run_tool(monkeypatch, 'label', data.labeller, checkpoint, out,
             '--work-dir', data.folder / 'work', '--truncate', '--polygons',
             '--mask-weight-thr', '1', '--merge-by', 'mask')
    content = json.loads(out.read_text())
    record = content['info']['mmboxcaseg']
    assert record['merge_by'] == 'mask'
    assert record['pipeline'][1]['truncate']
    assert (record['polygon_tolerance'], record['mask_weight_thr']) == (0.4, 1)
    masks = [ann for ann in content['annotations'] if 'mask_score' in ann]
    assert len(masks) == 4
    for ann in masks:
        assert isinstance(ann['segmentation'], list)
        assert ('mask_weight' in ann) == (ann['mask_score'] < 1)
