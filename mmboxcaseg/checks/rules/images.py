import os.path as osp
from collections import Counter
from typing import Iterator

from mmboxcaseg.datasets.base_dataset import loads_upright
from mmboxcaseg.datasets.coco import PROBLEMS
from ..checked_source import CheckedSource
from ..findings import ERROR, NOTE, WARNING, Case, data_check

# Pillow's names of pixel formats that are worth a note.
MODES = dict.fromkeys(('1', 'L', 'LA'), 'image-grey')
# Formats with an alpha channel are noted only if pixels use it.
MODES.update(P='image-palette', CMYK='image-cmyk')


@data_check(('image-repeated', WARNING,
             'two images of the file have the same `file_name`',
             'make them one image with the boxes of both'),
            ('image-no-box', NOTE, 'an image has no annotation', 'nothing'))
def check_entries(one: CheckedSource) -> Iterator[Case]:
    """Images as the COCO file lists them."""
    annotated = {ann['image_id'] for ann in one.coco.annotations}
    names = Counter(img['file_name'] for img in one.coco.images.values())
    for img_id, img in one.coco.images.items():
        if names[img['file_name']] > 1:
            yield 'image-repeated', f'image {img_id} ({img["file_name"]})'
        if img_id not in annotated:
            yield 'image-no-box', f'image {img_id}'


@data_check(
    ('image-missing', ERROR, 'the file does not exist',
     'correct `data_prefix.img`, get the file, or remove the image and its '
     'annotations (--fix)'),
    ('image-damaged', ERROR, 'the file is damaged or was cut short',
     'get it again, or remove the image and its annotations (--fix)'),
    *[(code, ERROR, *problem) for code, problem in PROBLEMS.items()],
    ('image-cut', WARNING,
     'a JPEG was cut short; it is used, and missing pixels are grey',
     'get it again'),
    ('image-transparent', WARNING,
     'parts are transparent; loading drops the alpha channel and shows the '
     'colour below it', 'replace the transparency by a background colour'),
    ('image-cmyk', NOTE, 'it is CMYK, converted without its colour profile',
     'convert it to RGB if colours matter'),
    ('image-grey', NOTE, 'it is grey, loaded as three equal channels',
     'nothing'),
    ('image-palette', NOTE, 'it has a palette, loaded as its colours',
     'nothing'),
    salient=True,
)
def check_files(one: CheckedSource) -> Iterator[Case]:
    """Image files, of COCO files and of salient images."""
    folder = one.dataset.data_prefix['img'] or '.'
    for (path, _, _), facts in one.images():
        name = osp.relpath(path, folder) if one.coco else osp.basename(path)
        if facts.problem:
            yield facts.problem, name
            continue
        if facts.header.is_cut:
            yield 'image-cut', name
        if facts.header.mode in MODES:
            yield MODES[facts.header.mode], name
        if facts.transparent:
            yield 'image-transparent', name


@data_check(
    ('image-orientation', WARNING,
     'an EXIF orientation turns or mirrors the image without changing its '
     'size; the boxes may have been drawn in either',
     'look at the image with its boxes'),
    ('image-upright', NOTE,
     'an EXIF orientation is applied; the boxes fit the upright image',
     'nothing'))
def check_sizes(one: CheckedSource) -> Iterator[Case]:
    """Sizes of images, before and after their EXIF orientation."""
    upright = loads_upright(one.dataset.pipeline)
    for img, facts in zip(one.coco.images.values(), one.facts):
        if facts.problem:
            continue
        name, size = img['file_name'], (img['height'], img['width'])
        stored = facts.header.loaded_size(upright=False)
        if size != facts.size:
            kind = 'image-turned' if size == stored else 'image-size'
            yield kind, (f'{name} ({facts.size[1]}x{facts.size[0]}, the JSON '
                         f'says {size[1]}x{size[0]})')
        elif upright and facts.header.orientation > 1:
            kind = 'image-orientation' if size == stored else 'image-upright'
            yield kind, f'{name} (orientation {facts.header.orientation})'
