"""Ways to break the files of ``SmallData``; each takes the data."""
import numpy as np
from image_kinds import write_kind

NO_CHECKPOINT = 'is not a checkpoint or is incomplete'


def image(kind: str):
    """Replace the image b.png, 48 x 32 pixels, by another kind of file."""

    def spoil(data):
        path = write_kind(kind, data.folder)
        path.rename(data.images / 'b.png')

    return spoil


def annotation(**values):
    """Change annotation 5 of image a.png."""
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

    def spoil(data):
        path = data.folder / name
        path.write_text(path.read_text() + line)

    return spoil


def mask(*pixels):
    """Replace the mask of the salient image one.jpg, 24 x 20 pixels."""
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
