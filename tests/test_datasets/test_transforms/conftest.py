import json

import cv2
import numpy as np
import pytest
from proxy_pipelines import HEIGHT, NAMES, NUM_IMAGES, NUM_OBJECTS, WIDTH

from mmboxcaseg.structures import encode_window


@pytest.fixture
def write(tmp_path, rng):
    """Writes images of six objects, each of a class of its own.

    ``change`` gets each annotation, which has a full-size mask.
    """

    def write_file(change=lambda ann: None) -> dict:
        data = dict(
            images=[],
            annotations=[],
            categories=[dict(id=i, name=name) for i, name in enumerate(NAMES)])
        for i in range(NUM_IMAGES):
            name = f'{i}.png'
            pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3))
            cv2.imwrite(str(tmp_path / name), pixels)
            data['images'].append(
                dict(id=i, file_name=name, height=HEIGHT, width=WIDTH))
        for label in range(NUM_OBJECTS):
            x, y = rng.integers(0, (WIDTH - 50, HEIGHT - 40)).tolist()
            w, h = rng.integers(15, (50, 40)).tolist()
            ann = dict(
                id=label,
                image_id=label % NUM_IMAGES,
                category_id=label,
                iscrowd=0,
                area=w * h,
                bbox=[x, y, w, h],
                segmentation=encode_window(
                    np.ones((h, w)), (x, y, x + w, y + h), HEIGHT, WIDTH))
            change(ann)
            data['annotations'].append(ann)
        path = tmp_path / 'masks.json'
        path.write_text(json.dumps(data))
        return dict(
            ann_file=str(path),
            data_prefix=dict(img=str(tmp_path)),
            metainfo=dict(classes=NAMES))

    return write_file
