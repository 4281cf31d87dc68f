import argparse
from collections import Counter
from pathlib import Path
from typing import Iterator, List

from labelformat.formats.yolov8 import (YOLOv8InstanceSegmentationOutput,
                                        YOLOv8ObjectDetectionOutput)
from labelformat.model import instance_segmentation as segmentation
from labelformat.model import object_detection as detection
from labelformat.model.bounding_box import BoundingBox, BoundingBoxFormat
from labelformat.model.category import Category
from labelformat.model.image import Image
from labelformat.model.multipolygon import MultiPolygon
from mmengine.utils import track_iter_progress

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import file_names, load_coco, new_folder
from mmboxcaseg.proxy import load_proxy, mask_to_polygons
from mmboxcaseg.utils.cli import check_file, exit_on_bad_input


class CocoFile:
    """Classes and images of a COCO file, as labelformat reads them.

    Args:
        data (dict): Content of the file.

    Attributes:
        counts (Counter): What was read and what was left out or changed.
    """

    def __init__(self, data: dict) -> None:
        self.data = data
        self.counts = Counter()
        # YOLO counts classes from 0.
        self.categories = {
            cat['id']: Category(id=i, name=cat['name'])
            for i, cat in enumerate(data['categories'])
        }
        self.annotations = {img['id']: [] for img in data['images']}
        for ann in data['annotations']:
            self.annotations[ann['image_id']].append(ann)

    @staticmethod
    def add_cli_arguments(parser: argparse.ArgumentParser) -> None:
        """Not used: labelformat's own program is not."""

    def get_categories(self) -> Iterator[Category]:
        """Classes in the order of the file."""
        yield from self.categories.values()

    def get_images(self) -> Iterator[Image]:
        """Images in the order of the file."""
        for img in self.data['images']:
            yield Image(img['id'], img['file_name'], img['width'],
                        img['height'])


class CocoBoxes(CocoFile, detection.ObjectDetectionInput):
    """The boxes of a COCO file; crowds are left out."""

    def get_labels(self) -> Iterator[detection.ImageObjectDetection]:
        """Boxes of one image after the other, with a progress bar."""
        for image in track_iter_progress(list(self.get_images())):
            objects = []
            for ann in self.annotations[image.id]:
                crowd = bool(ann.get('iscrowd'))
                self.counts['crowds' if crowd else 'written'] += 1
                if not crowd:
                    objects.append(
                        detection.SingleObjectDetection(
                            self.categories[ann['category_id']],
                            BoundingBox.from_format(ann['bbox'],
                                                    BoundingBoxFormat.XYWH)))
            yield detection.ImageObjectDetection(image, objects)


class ProxyMasks(CocoFile, segmentation.InstanceSegmentationInput):
    """The masks of a proxy file.

    Args:
        data (dict): Content of the proxy file.
        parts (str): What becomes of a mask of several parts: 'join' links
            them by lines without width, 'largest' keeps one, 'error' raises.
        tolerance (float): See :func:`mask_to_polygons`.
        min_score (float): Masks that score less are left out.
    """

    def __init__(self, data: dict, parts: str, tolerance: float,
                 min_score: float) -> None:
        super().__init__(data)
        self.parts = parts
        self.tolerance = tolerance
        self.min_score = min_score

    def get_labels(self) -> Iterator[segmentation.ImageInstanceSegmentation]:
        """Masks of one image after the other, with a progress bar.

        Raises:
            InputError: A mask has several parts, and that is an error.
        """
        for image in track_iter_progress(list(self.get_images())):
            objects = [
                segmentation.SingleInstanceSegmentation(
                    self.categories[ann['category_id']],
                    MultiPolygon(polygons))
                for ann in self.annotations[image.id]
                if (polygons := self._polygons(ann))
            ]
            yield segmentation.ImageInstanceSegmentation(image, objects)

    def _polygons(self, ann: dict) -> List[list]:
        """Outlines of a mask; none if it is left out."""
        if 'mask_score' not in ann:
            self.counts['unlabelled'] += 1
            return []
        if ann['mask_score'] < self.min_score:
            self.counts['low'] += 1
            return []
        polygons, holes = mask_to_polygons(ann['segmentation'], self.tolerance)
        several = len(polygons) > 1
        if several and self.parts == 'error':
            raise InputError(
                f'the mask of annotation {ann["id"]} has {len(polygons)} '
                'parts. Choose --parts join or --parts largest.')
        self.counts['written' if polygons else 'empty'] += 1
        self.counts.update(several=several, holes=holes, with_holes=holes > 0)
        if self.parts == 'largest':
            polygons = polygons[:1]
        return [polygon.tolist() for polygon in polygons]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Write the masks of a proxy file as labels for YOLO '
        'segmentation, or the boxes of a COCO file as labels for YOLO '
        'detection: data.yaml and a text file an image. See '
        'docs/proxy_file.md.')
    parser.add_argument('proxy', help='proxy file; with --boxes any COCO file')
    parser.add_argument(
        'out_dir', help='folder to make; put the images in OUT_DIR/images')
    parser.add_argument(
        '--boxes',
        action='store_true',
        help='write all boxes but those of crowds; --parts, --min-score and '
        '--tolerance are of masks')
    parser.add_argument(
        '--parts',
        choices=('join', 'largest', 'error'),
        default='join',
        help='what becomes of a mask of several parts: link them by lines '
        'without width, keep the largest, or stop (default: %(default)s)')
    parser.add_argument(
        '--min-score',
        type=float,
        default=0,
        help='leave out masks with a lower mask_score (default: all masks '
        'but empty ones are written)')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=0.4,
        help='how far a point may be from the outline that it is left out '
        'of, in pixels (default: %(default)s)')
    parser.add_argument(
        '--split', default='train', help='its name in data.yaml')
    args = parser.parse_args()
    if args.tolerance < 0:
        parser.error('--tolerance must not be negative')
    return args


def export(output: type, source: CocoFile, args: argparse.Namespace) -> None:
    """Write the folder."""
    file_names(source.data['images'], '.txt', args.proxy)
    with new_folder(args.out_dir) as folder:
        output(Path(folder) / 'data.yaml', args.split).save(source)


def export_boxes(args: argparse.Namespace) -> None:
    """Write the boxes and print what was left out."""
    boxes = CocoBoxes(load_coco(args.proxy))
    export(YOLOv8ObjectDetectionOutput, boxes, args)
    print(f'\n{args.out_dir}: {boxes.counts["written"]} boxes written; left '
          f'out: {boxes.counts["crowds"]} boxes of crowds')


def export_masks(args: argparse.Namespace) -> None:
    """Write the masks and print what was left out or changed."""
    masks = ProxyMasks(
        load_proxy(args.proxy), args.parts, args.tolerance, args.min_score)
    export(YOLOv8InstanceSegmentationOutput, masks, args)
    counts = masks.counts
    parts = dict(join='joined', largest='cut to the largest', error='refused')
    print(f'\n{args.out_dir}: {counts["written"]} masks written; left out: '
          f'{counts["unlabelled"]} annotations without a mask, '
          f'{counts["low"]} masks under the score, {counts["empty"]} empty\n'
          f'{counts["several"]} masks of several parts '
          f'{parts[args.parts]}, {counts["holes"]} holes in '
          f'{counts["with_holes"]} masks filled')


@exit_on_bad_input()
def main() -> None:
    args = parse_args()
    check_file(args.proxy, 'COCO file' if args.boxes else 'proxy file')
    export_boxes(args) if args.boxes else export_masks(args)


if __name__ == '__main__':
    main()
