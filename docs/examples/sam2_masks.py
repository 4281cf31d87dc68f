"""Masks of SAM 2 for the boxes of a COCO file, for tools/merge_masks.py.

It needs an environment of its own, with transformers, torch, pycocotools and
pillow: see docs/sam.md. For another promptable model replace the class Sam2.
"""
import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import torch
from PIL import Image, ImageOps
from pycocotools import mask as mask_utils


class Sam2:
    """SAM 2 of transformers, prompted with boxes.

    Args:
        name (str): Name of a checkpoint on the Hugging Face Hub, or a folder
            that holds one.
        device (str): Device to run on.
    """

    def __init__(self, name: str, device: str) -> None:
        from transformers import Sam2Model, Sam2Processor
        self.processor = Sam2Processor.from_pretrained(name)
        self.model = Sam2Model.from_pretrained(name).to(device)

    @torch.no_grad()
    def __call__(self, img: Image.Image, boxes: np.ndarray) -> np.ndarray:
        """Segment the object of every box.

        Args:
            img (Image.Image): RGB image of width W and height H.
            boxes (np.ndarray): Boxes in pixels, has shape (n, 4), xyxy.

        Returns:
            np.ndarray: Boolean masks, has shape (n, H, W).
        """
        inputs = self.processor(
            images=img, input_boxes=[boxes.tolist()], return_tensors='pt')
        outputs = self.model(
            **inputs.to(self.model.device), multimask_output=False)
        masks = self.processor.post_process_masks(
            outputs.pred_masks.float().cpu(), inputs['original_sizes'].cpu())
        return masks[0][:, 0].numpy()


def predict(segment: Callable, coco: dict, images: Path) -> Iterator[dict]:
    """Prompt a model with all boxes but crowds, image by image.

    Args:
        segment (Callable): Gets an image and boxes, see :class:`Sam2`.
        coco (dict): Content of the COCO file.
        images (Path): Folder of its images.

    Yields:
        dict: ``annotation_id`` and ``segmentation`` of a box.
    """
    annotations = defaultdict(list)
    for ann in coco['annotations']:
        if not ann.get('iscrowd'):
            annotations[ann['image_id']].append(ann)
    for i, info in enumerate(coco['images'], 1):
        print(f'\r{i} of {len(coco["images"])} images', end='', flush=True)
        own = annotations[info['id']]
        if not own:
            continue
        # Upright, as this project loads it.
        img = ImageOps.exif_transpose(Image.open(images / info['file_name']))
        boxes = np.array([ann['bbox'] for ann in own], dtype=np.float64)
        boxes[:, 2:] += boxes[:, :2]
        for ann, mask in zip(own, segment(img.convert('RGB'), boxes)):
            rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
            rle['counts'] = rle['counts'].decode()
            yield dict(annotation_id=ann['id'], segmentation=rle)
    print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description='Write masks of SAM 2 for tools/merge_masks.py.')
    parser.add_argument('boxes', type=Path, help='COCO file of the boxes')
    parser.add_argument('images', type=Path, help='folder of its images')
    parser.add_argument('out', type=Path, help='predictions (.json) to write')
    parser.add_argument('--model', default='facebook/sam2.1-hiera-large')
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    args = parser.parse_args()
    coco = json.loads(args.boxes.read_text('utf-8'))
    segment = Sam2(args.model, args.device)
    predictions = list(predict(segment, coco, args.images))
    args.out.write_text(json.dumps(predictions), 'utf-8')


if __name__ == '__main__':
    main()
