import shutil

from check_loaders import LOAD, box_dataset, check
from PIL import Image


def test_overlap_of_files(data):
    found, _ = check(
        train=box_dataset(data), val=box_dataset(data, per_image=True))
    assert len(found['overlap']) == 3
    assert found['overlap'][0] == f'{data.images}/a.png (the same file)'


def test_overlap_of_pixels(data):
    # The same picture in another format, as a salient image.
    other = data.folder / 'salient_img' / 'one.bmp'
    (data.folder / 'salient_img' / 'one.jpg').unlink()
    Image.open(data.images / 'c.png').save(other)
    Image.new('L', (30, 30), 255).save(data.masks / 'one.png')
    salient = dict(
        type='mmboxcaseg.SalientDataset',
        data_root=str(data.folder),
        data_prefix=dict(img='salient_img', mask='salient_mask'),
        pipeline=LOAD)
    found, _ = check(train=salient, val=box_dataset(data))
    assert found['overlap'] == [f'{data.images}/c.png (same pixels: {other})']
    # What is labelled is not measured on.
    assert 'overlap' not in check(label=box_dataset(data), train=salient)[0]


def test_links_are_the_same_file(data):
    copy = data.folder / 'val'
    copy.mkdir()
    for path in data.images.iterdir():
        (copy / path.name).symlink_to(path)
    val = dict(box_dataset(data), data_prefix=dict(img=str(copy)))
    found, _ = check(train=box_dataset(data), val=val)
    assert all('the same file' in example for example in found['overlap'])
    shutil.rmtree(copy)
