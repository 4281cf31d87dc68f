"""Prompt SAM 2 with the boxes of a COCO file.

Writes masks for tools/merge_masks.py. It needs its own environment with
transformers, torch, pycocotools and pillow, see docs/sam.md. For another
promptable model, replace the class Sam2.
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
        name (str): A checkpoint on the Hugging Face Hub, or a local folder.
        device (str): Device of the model.
    """

    def __init__(self, name: str, device: str) -> None:
        from transformers import Sam2Model, Sam2Processor
        self.processor = Sam2Processor.from_pretrained(name)
        self.model = Sam2Model.from_pretrained(name).to(device)

    @torch.no_grad()
    def __call__(self, img: Image.Image, boxes: np.ndarray) -> np.ndarray:
        """Segment the object in every box.

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
    """Prompt a model with all boxes except crowds, image by image.

    Args:
        segment (Callable): Called with an image and boxes, as :class:`Sam2`.
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
        # This project loads images upright, so the boxes refer to that.
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
        description='Write SAM 2 masks for tools/merge_masks.py.')
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
