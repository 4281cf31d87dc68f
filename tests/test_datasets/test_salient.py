from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets.transforms import LoadAnnotations

from mmboxcaseg.datasets import SalientDataset
from mmboxcaseg.datasets.transforms import PackCrops


def test_images_and_masks_are_paired_by_stem(tiny_salient):
    dataset = SalientDataset(
        **tiny_salient(('b', 'a'), ('a', 'b')), pipeline=[lambda item: item])
    assert [item['img_id'] for item in dataset] == ['a', 'b']
    for item in dataset:
        assert item['img_path'].endswith(f'_img/{item["img_id"]}.jpg')
        assert item['seg_map_path'].endswith(f'_mask/{item["img_id"]}.png')


@pytest.mark.parametrize('suffix', ['.JPG', '.tif', '.webp', '.Jpeg'])
def test_image_suffixes(tiny_salient, suffix):
    files = tiny_salient()
    for key, new in dict(img=suffix, mask='.PNG').items():
        for path in Path(files['data_prefix'][key]).iterdir():
            path.rename(path.with_suffix(new))
    dataset = SalientDataset(**files, pipeline=[lambda item: item])
    assert [Path(item['img_path']).name
            for item in dataset] == [f'one{suffix}', f'two{suffix}']


def test_items_load(tiny_salient):
    pipeline = [
        LoadImageFromFile(),
        LoadAnnotations(with_bbox=False, with_label=False, with_seg=True),
        PackCrops()
    ]
    dataset = SalientDataset(**tiny_salient(), pipeline=pipeline)
    for index, stem in enumerate(('one', 'two')):
        item = dataset[index]
        assert item['inputs'].shape == (1, 3, 24, 20)
        mask = cv2.imread(dataset.get_data_info(index)['seg_map_path'], 0)
        masks = item['data_samples'].gt_instances.masks
        assert masks[0].tolist() == (mask > 127).tolist()
        assert item['data_samples'].img_id == stem


@pytest.mark.parametrize('images, masks, unpaired', [
    (('a', 'b', 'c'), ('b', ), "['a', 'c']"),
    (('a', ), ('a', 'b'), "['b']"),
    ((), ('a', ), "['a']"),
])
def test_unpaired_files(tiny_salient, images, masks, unpaired):
    files = tiny_salient(images, masks)
    with pytest.raises(FileNotFoundError) as error:
        SalientDataset(**files)
    message = str(error.value)
    assert f'no partner: {unpaired}' in message
    assert 'data_prefix' in message
    for folder in files['data_prefix'].values():
        assert folder in message


def test_empty_folders(tiny_salient):
    with pytest.raises(FileNotFoundError, match='0 of 0 images'):
        SalientDataset(**tiny_salient((), ()))


@pytest.mark.parametrize('key', ['img', 'mask'])
def test_missing_folder(tiny_salient, key):
    files = tiny_salient()
    files['data_prefix'][key] += '_lost'
    with pytest.raises(FileNotFoundError, match='_lost does not exist.*Set'):
        SalientDataset(**files)


def test_seg_map_suffix(tiny_salient):
    files = tiny_salient()
    with pytest.raises(FileNotFoundError, match=r'masks \(\*_gt.png\)'):
        SalientDataset(**files, seg_map_suffix='_gt.png')
    for path in list(Path(files['data_prefix']['mask']).iterdir()):
        path.rename(path.with_name(f'{path.stem}_gt.PNG'))
    assert len(SalientDataset(**files, seg_map_suffix='_gt.png')) == 2


def test_single_object(tiny_salient, log):
    files = tiny_salient(('one', 'speck', 'two', 'none', 'grey'),
                         ('one', 'speck', 'two', 'none', 'grey'))
    masks = {
        name: np.zeros((24, 20), np.uint8)
        for name in ('one', 'speck', 'two', 'none', 'grey')
    }
    for name in ('one', 'speck', 'two', 'grey'):
        masks[name][2:14, 2:14] = 255
    masks['one'][14, 14] = 255  # corners touch
    masks['speck'][20, 18] = 255
    masks['two'][18:20, 16:19] = 255
    masks['grey'][18:20, 16:19] = 127
    for name, mask in masks.items():
        cv2.imwrite(f'{files["data_prefix"]["mask"]}/{name}.png', mask)
    dataset = SalientDataset(**files, single_object=True, pipeline=[])
    assert [item['img_id'] for item in dataset] == ['grey', 'one', 'speck']
    assert '2 of 5 salient images left out' in log.text


def test_no_single_object(tiny_salient):
    files = tiny_salient(('none', ), ('none', ))
    cv2.imwrite(f'{files["data_prefix"]["mask"]}/none.png',
                np.zeros((24, 20), np.uint8))
    with pytest.raises(ValueError, match='no mask shows exactly one object'):
        SalientDataset(**files, single_object=True)


def test_broken_mask(tiny_salient):
    files = tiny_salient()
    path = f'{files["data_prefix"]["mask"]}/one.png'
    with open(path, 'rb+') as file:
        file.truncate(60)  # its header is whole
    with pytest.raises(ValueError, match='one.png cannot be read'):
        SalientDataset(**files, single_object=True)


def test_list_of_images(tiny_salient, tmp_path):
    files = tiny_salient(('a', 'b b', 'c', 'd'), ('a', 'b b', 'c', 'd'))
    listed = tmp_path / 'list.txt'
    listed.write_text('d\nb b\n\n')
    for ann_file in (dict(ann_file=str(listed)),
                     dict(ann_file='list.txt', data_root=str(tmp_path))):
        dataset = SalientDataset(**ann_file, **files, pipeline=[])
        assert [item['img_id'] for item in dataset] == ['b b', 'd']


@pytest.mark.parametrize('text, message', [
    ('a\nz.jpg\n', '1 of 2 images of .*list.txt .*: z.jpg. The list'),
    ('\n', '0 of 0 images of .*list.txt'),
])
def test_wrong_list(tiny_salient, tmp_path, text, message):
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(FileNotFoundError, match=message):
        SalientDataset(
            ann_file=str(tmp_path / 'list.txt'),
            **tiny_salient(('a', ), ('a', )))


def test_some_images(tiny_salient):
    stems = [f'{i:02d}' for i in range(12)]
    files = tiny_salient(stems, stems)
    drawn = [[
        item['img_id']
        for item in SalientDataset(**files, num_images=num, pipeline=[])
    ] for num in (5, 5, 12)]
    assert drawn[0] == drawn[1] == sorted(set(drawn[0]))
    assert len(drawn[0]) == 5 and drawn[0] != stems[:5]
    assert drawn[2] == stems
    for num in (0, 13):
        with pytest.raises(ValueError, match='between 1 and 12'):
            SalientDataset(**files, num_images=num)
