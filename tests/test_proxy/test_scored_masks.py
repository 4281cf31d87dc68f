import pytest
from proxy_files import edit_annotations, remove_mask, write_proxy_files

from mmboxcaseg import InputError
from mmboxcaseg.proxy import ScoredMasks


@pytest.fixture
def files(tiny_coco, rng):
    return write_proxy_files(tiny_coco(), rng)


def read(files) -> ScoredMasks:
    return ScoredMasks(files.proxy, files.img_prefix)


def change_first(**values):

    def change(anns):
        anns[0].update(values)

    return change


def test_arrays_follow_image_and_annotation_ids(files):
    masks = read(files)
    assert len(masks) == 4
    assert masks.ids.tolist() == [8, 3, 5, 11]
    assert masks.labels.tolist() == [0, 1, 1, 0]
    assert masks.areas.tolist() == [32 * 48, 30, 30 * 30.5, 300]
    assert masks.scores.tolist() == [
        ann['mask_score'] for ann in masks.annotations
    ]
    assert masks.rle(1) == masks.annotations[1]['segmentation']
    assert masks.provenance == dict(mask_source='tiny@1234', merge=True)

    edit_annotations(files.proxy, lambda anns: anns.reverse())
    assert read(files).ids.tolist() == [8, 3, 5, 11]


def test_area_of_the_box_where_the_file_has_none(files):
    expected = read(files).areas.tolist()
    edit_annotations(files.proxy, lambda anns: anns[1].pop('area'))
    assert read(files).areas.tolist() == expected


def test_what_is_left_out_is_named(files, log):
    edit_annotations(files.proxy, lambda anns: remove_mask(anns[0]))
    masks = read(files)
    assert masks.left_out == {'a crowd': [9], 'without `mask_score`': [11]}
    assert masks.ids.tolist() == [8, 3, 5]
    assert '1 annotations left out, without `mask_score`' in log.messages[-1]


def test_boxes_alone(files):

    def change(anns):
        for ann in anns:
            remove_mask(ann)

    edit_annotations(files.proxy, change)
    with pytest.raises(ValueError, match='not a proxy file: none of 4 ann'):
        read(files)


@pytest.mark.parametrize('score', [None, 'high', -0.1, 1.01, float('nan')])
def test_wrong_score(files, score):
    edit_annotations(files.proxy, change_first(mask_score=score))
    with pytest.raises(ValueError, match='`mask_score` .*: annotation 11'):
        read(files)


def test_missing_image(files):
    with pytest.raises(FileNotFoundError, match='3 of 3 images'):
        ScoredMasks(files.proxy, files.img_prefix + '/elsewhere')


def test_fingerprint_is_that_of_the_masks(files):
    first = read(files).fingerprint
    edit_annotations(files.proxy, change_first(mask_weight=1, mask_score=0.5))
    assert read(files).fingerprint == first
    edit_annotations(files.proxy, lambda anns: remove_mask(anns[0]))
    assert read(files).fingerprint != first


def test_counts_that_do_not_fit_the_image(files):
    edit_annotations(files.proxy,
                     lambda anns: anns[0]['segmentation'].update(counts='0'))
    with pytest.raises(InputError, match='do not sum up'):
        read(files)
