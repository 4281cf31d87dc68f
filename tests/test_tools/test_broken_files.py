"""What programs say of files that they cannot read or write."""
import json
import shutil

import pytest
from small_data import end_of

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
