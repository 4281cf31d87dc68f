import os.path as osp
import re
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmengine.fileio import get_text, isdir, list_dir_or_file
from mmengine.logging import print_log

from mmboxcaseg import InputError, track
from mmboxcaseg.registry import DATASETS
from .base_dataset import CropDataset, loads_upright
from .coco import (IMAGE_SUFFIXES, check_headers, first_few, header_problem,
                   is_remote, mask_problem, read_header, read_image)


def count_objects(path: str,
                  speck: float = 0.01,
                  backend_args: Optional[dict] = None) -> int:
    """Count the connected components of a mask file.

    Args:
        path (str): Mask file; its foreground is brighter than 127.
        speck (float): Components with a smaller share of the foreground do
            not count. Defaults to 0.01.
        backend_args (dict, optional): See :func:`mmengine.fileio.get`.

    Returns:
        int: The number of 8-connected components.

    Raises:
        InputError: The file is not an image.
    """
    # Edges may be grey (antialiased): half of the range is the limit.
    mask = read_image(path, 'grayscale', backend_args) > 127
    stats = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2]
    areas = stats[1:, cv2.CC_STAT_AREA]  # the first is the background
    return int((areas >= speck * mask.sum()).sum())


@DATASETS.register_module()
class SalientDataset(CropDataset):
    """Salient images with object masks: two folders with equal file stems.

    Args:
        ann_file (str): List of the images to use, one stem per line, see
            tools/dataset_converters/duts_to_single.py. Defaults to '': all.
        data_prefix (dict): ``img`` is the folder of the images, ``mask`` the
            folder of the masks (foreground brighter than 127).
        single_object (bool): Whether to leave out images whose mask does not
            have exactly one component, see :func:`count_objects`. Every mask
            is read. Defaults to False.
        num_images (int, optional): Number of images to draw at random,
            always the same ones (Table 3). Defaults to all.
        kwargs: Arguments of :class:`CropDataset`, such as ``crop_size`` and
            ``seg_map_suffix``, the ending of the mask files ('.png').

    Raises:
        FileNotFoundError: A folder does not exist or is empty, an image or
            mask has no partner, or an image of the list is missing.
        InputError: Two images have the same stem, no mask shows a single
            object, there are fewer than ``num_images`` images, a file cannot
            be decoded or has 16 bits, or a mask has colours or another size.
    """

    FOLDERS = ('img', 'mask')

    def __init__(self,
                 *args,
                 data_prefix: dict = dict(img='images', mask='masks'),
                 single_object: bool = False,
                 num_images: Optional[int] = None,
                 **kwargs) -> None:
        self.single_object = single_object
        self.num_images = num_images
        super().__init__(*args, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> List[dict]:
        """Check and select the items.

        Returns:
            list[dict]: The items of :meth:`pair_files` that are used.
        """
        items = self.pair_files()
        # Headers first: decoding all masks takes long.
        self._check_headers(items)
        if self.single_object:
            items = self._keep_single(items)
        return items if self.num_images is None else self._draw(items)

    def pair_files(self) -> List[dict]:
        """Pair the images with their masks.

        Returns:
            list[dict]: Items with ``img_path``, ``seg_map_path`` and
            ``img_id`` (the stem), sorted by stem.

        Raises:
            FileNotFoundError: A folder does not exist or is empty, a file has
                no partner, or an image of the list is missing.
            InputError: Two images have the same stem, or the list is not a
                text file.
        """
        img_dir, mask_dir = self.data_prefix['img'], self.data_prefix['mask']
        images = self._stems(img_dir, IMAGE_SUFFIXES)
        masks = self._stems(mask_dir, [self.seg_map_suffix])
        unpaired = sorted(images.keys() ^ masks.keys())
        if unpaired or not images:
            raise FileNotFoundError(
                f'{len(unpaired)} of {len(images)} images in {img_dir} and '
                f'{len(masks)} masks (*{self.seg_map_suffix}) in {mask_dir} '
                f'have no partner: {unpaired[:5]}. Every salient image needs '
                'a mask of the same name; correct `data_prefix` or add the '
                'missing files.')
        items = [
            dict(
                img_path=osp.join(img_dir, images[stem]),
                seg_map_path=osp.join(mask_dir, masks[stem]),
                img_id=stem) for stem in sorted(images)
        ]
        return self._listed(items) if self.ann_file else items

    def _check_headers(self, items: List[dict]) -> None:
        upright = loads_upright(self.pipeline)
        found = []
        for item in items:
            if not is_remote(item['img_path'], self.backend_args):
                img = read_header(item['img_path'])
                problem = header_problem(img) or mask_problem(
                    img, read_header(item['seg_map_path']), upright)
                name = osp.basename(item['img_path'])
                found.append((name, img, problem))
        check_headers(found, self.data_prefix['img'])

    def _listed(self, items: List[dict]) -> List[dict]:
        """Keep the items that the list names."""
        try:
            # Editors on Windows begin the file with a byte order mark.
            text = get_text(self.ann_file, 'utf-8-sig', self.backend_args)
        except UnicodeDecodeError as error:
            raise InputError(
                f'{self.ann_file} is not UTF-8 text: {error}.') from error
        listed = {line.strip() for line in text.splitlines() if line.strip()}
        lost = sorted(listed - {item['img_id'] for item in items})
        if lost or not listed:
            raise FileNotFoundError(
                f'{len(lost)} of {len(listed)} images of {self.ann_file} are '
                f'not in {self.data_prefix["img"]}: {first_few(lost)}. The '
                'list must have one name without suffix per line; correct '
                '`ann_file`.')
        return [item for item in items if item['img_id'] in listed]

    def _draw(self, items: List[dict]) -> List[dict]:
        if not 0 < self.num_images <= len(items):
            raise InputError(f'num_images={self.num_images} must be between 1 '
                             f'and {len(items)}, the number of images.')
        # A fixed seed: all runs of Table 3 must use the same images.
        rng = np.random.default_rng(0)
        drawn = rng.choice(len(items), self.num_images, replace=False)
        return [items[i] for i in sorted(drawn)]

    def _keep_single(self, items: List[dict]) -> List[dict]:
        """Keep the items whose mask shows one object; print the count."""
        kept = [
            item for item in track(items) if count_objects(
                item['seg_map_path'], backend_args=self.backend_args) == 1
        ]
        folder = self.data_prefix['mask']
        if not kept:
            raise InputError(f'{folder}: no mask shows exactly one object; '
                             'set single_object=False.')
        print_log(
            f'{folder}: {len(items) - len(kept)} of {len(items)} salient '
            'images left out, their masks do not show exactly one object',
            'current')
        return kept

    def _stems(self, folder: str, suffixes: Sequence[str]) -> Dict[str, str]:
        """Map stems to names, for the files with these suffixes."""
        if not isdir(folder, backend_args=self.backend_args):
            raise FileNotFoundError(
                f'{folder} does not exist, or is not a folder. Set '
                '`data_prefix` (or `data_root`) of SalientDataset to the '
                'folders of images and masks.')
        stems: Dict[str, str] = {}
        names = list_dir_or_file(
            folder, list_dir=False, backend_args=self.backend_args)
        ending = '|'.join(map(re.escape, suffixes))
        # Storage backends list names in any order; messages must not vary.
        for name in sorted(names):
            match = re.fullmatch(f'(.+)({ending})', name, re.IGNORECASE)
            other = stems.setdefault(match[1], name) if match else name
            if other != name:
                raise InputError(
                    f'{folder} holds {other} and {name}, which need different '
                    'stems to be told apart: rename one and its mask.')
        return stems
