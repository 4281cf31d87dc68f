"""Ways to damage a SmallData: each returns a function that does it."""
import numpy as np
from image_kinds import write_kind

XYXY = [[20, 20, 45, 38], [25, 10, 49, 39], [10, 10, 31, 47], [8, 20, 20, 40],
        [15, 14, 28, 29]]


def image(kind: str):
    """Replace the image b.png, 48 x 32 pixels, by another kind of file."""

    def damage(data):
        path = write_kind(kind, data.folder)
        path.rename(data.images / 'b.png')

    return damage


def annotation(**values):
    """Change values of annotation 5 of image a.png."""
    return lambda data: data.edit(lambda d: d['annotations'][1].update(values))


def edit(change):
    return lambda data: data.edit(change)


def boxes(values):
    """Change the boxes of all annotations."""

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

    def damage(data):
        path = data.folder / name
        path.write_text(path.read_text() + line)

    return damage


def mask(*pixels):
    """Replace the mask of the salient image one.jpg, 24 x 20 pixels."""
    return lambda data: data.write_mask(np.concatenate(pixels))


def area(value, height=24, width=20, channels=()):
    return np.full((height, width, *channels), value, np.uint8)


def shorten(path: str, keep: int):

    def damage(data):
        with open(data.folder / path, 'rb+') as file:
            file.truncate(keep)

    return damage


def nothing(data):
    pass


def crowds(d):
    for ann in d['annotations']:
        ann['iscrowd'] = 1


def no_area(d):
    del d['annotations'][0]['area']
