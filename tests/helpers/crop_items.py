"""Items of BoxCropDataset, before their crops are cut."""
import numpy as np

HEIGHT, WIDTH, SIZE = 100, 120, 96


def make_item(boxes, img=None) -> dict:
    if img is None:
        img = np.random.default_rng(0).integers(
            0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    instances = [
        dict(bbox=box, bbox_label=i, ann_id=10 + i, area=7. * i)
        for i, box in enumerate(boxes)
    ]
    return dict(
        img=img,
        img_path='a.png',
        img_id=5,
        ori_shape=img.shape[:2],
        height=HEIGHT,
        width=WIDTH,
        instances=instances)


def random_boxes(rng, num: int) -> np.ndarray:
    corners = rng.integers(0, (WIDTH - 20, HEIGHT - 20), (num, 2))
    ends = rng.integers(corners + 20, (WIDTH + 1, HEIGHT + 1))
    return np.hstack([corners, ends])
