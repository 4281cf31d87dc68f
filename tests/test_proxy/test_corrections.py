import pytest

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import CocoBoxes
from mmboxcaseg.proxy import load_proxy
from mmboxcaseg.proxy.corrections import (DrawnMasks, corrected_record,
                                          is_shown, known_of, outlines,
                                          write_corrected)
from mmboxcaseg.structures import to_rle

SQUARE = [[1, 1, 5, 1, 5, 5, 1, 5]]
ANN = dict(
    id=4,
    category_id=1,
    bbox=[1, 1, 4, 4],
    segmentation=to_rle(SQUARE, 8, 9),
    mask_score=1.,
    mask_source='x')


@pytest.mark.parametrize('changes, expected', [
    ({}, True),
    (dict(mask_weight=1), True),
    (dict(mask_weight=0), False),
    (dict(segmentation=to_rle([], 8, 9)), False),
])
def test_is_shown(changes, expected):
    assert is_shown(dict(ANN, **changes)) == expected
    assert not is_shown(dict(id=1, segmentation=SQUARE))


def test_known_of():
    assert known_of(dict(ANN, mask_weight=0)) == dict(
        annotation_id='4', mask_score='1.0', mask_weight='0', mask_source='x')


def test_outlines_are_rounded():
    for polygon in outlines(ANN, 0.4):
        assert polygon == [round(value, 2) for value in polygon]


@pytest.fixture
def drawn() -> DrawnMasks:
    return DrawnMasks(dict(height=8, width=9), [ANN], {1: 'cat'})


@pytest.mark.parametrize('parts, corrected', [
    (SQUARE, False),
    ([[1, 1, 3, 1, 3, 5, 1, 5], [3, 1, 5, 1, 5, 5, 3, 5]], False),
    ([[1, 1, 3, 1, 3, 5, 1, 5]], True),
    ([], True),
])
def test_corrected(drawn, parts, corrected):
    for part in parts:
        drawn.add('4', 'cat', 'name', [part])
    union = to_rle(parts, 8, 9)
    expected = [corrected_record(4, union)] if corrected else []
    assert drawn.corrected(None) == expected
    assert not drawn.ignored


def test_shapes_of_no_annotation(drawn):
    for ann_id in ('5', 'x', None):
        drawn.add(ann_id, 'cat', f'shape {ann_id}', SQUARE)
    (names, ) = drawn.ignored.values()
    assert names == ['shape 5', 'shape x', 'shape None']


def test_ids_of_a_class_lost(drawn):
    for name in ('first', 'second'):
        drawn.add(None, 'cat', name, SQUARE)
    with pytest.raises(
            InputError, match='annotation_id.*annotation 4 .*first, second'):
        drawn.corrected(None)


def test_one_id_of_several_lost():
    others = dict(ANN, id=7), dict(ANN, id=8, category_id=2)
    drawn = DrawnMasks(
        dict(height=8, width=9), [ANN, *others], {
            1: 'cat',
            2: 'dog'
        })
    drawn.add('4', 'cat', 'whole', SQUARE)
    drawn.add(None, 'cat', 'redrawn', SQUARE)
    with pytest.raises(InputError, match='annotation 7 would.*: redrawn'):
        drawn.corrected(None)
    # The other class has no shape without an id: its mask was deleted.
    drawn.add('7', 'cat', 'whole, too', SQUARE)
    assert drawn.corrected(None) == [corrected_record(8, to_rle([], 8, 9))]


@pytest.mark.parametrize('ids, label', [(('4', None), 'cat'), ((None, ), 'x')])
def test_shapes_of_no_mask_that_is_gone(drawn, ids, label):
    for ann_id in ids:
        drawn.add(ann_id, label, 'name', SQUARE)
    assert len(drawn.corrected(None)) == ('4' not in ids)


@pytest.mark.parametrize('number', [float('nan'), float('inf'), -1e9])
def test_polygon_that_would_fill_the_memory(drawn, number):
    with pytest.raises(InputError, match='name: a polygon has a point far'):
        drawn.add('4', 'cat', 'name', [[1, 1, 5, 1, 5, number]])


def test_write_corrected(tiny_coco, tmp_path):

    def edit(data):
        data['info'] = dict(mmboxcaseg=dict(mask_source='x'))

    coco = CocoBoxes(tiny_coco(edit)['ann_file'], None)
    out = str(tmp_path / 'out.json')
    records = {
        7: [corrected_record(11, to_rle(SQUARE, 40, 50))],
        4: [corrected_record(3, to_rle([], 30, 30))]
    }
    assert write_corrected(out, coco, records) == (2, 1)
    data = load_proxy(out)
    assert data['info']['mmboxcaseg']['corrected'] == dict(mask_source='x')
    assert {
        a['id']: a.get('mask_source')
        for a in data['annotations']
    } == {
        11: 'human',
        5: None,
        8: None,
        9: None,
        3: 'human'
    }
