"""The same boxes in every format that boxes_to_coco.py reads."""
import json

# xyxy, half-open. Fractions of 70 and 33 pixels have many decimals.
SIZES = {'a.jpg': (60, 70), 'deep/b.png': (33, 640)}
BOXES = {
    'a.jpg': [('dog', (0, 0, 70, 60)), ('cat', (3, 4, 13, 59))],
    'deep/b.png': [('cat', (100.25, 1.5, 639, 32)), ('dog', (17, 5, 18, 6)),
                   ('cat', (1, 2, 3, 30))]
}


def to_yolo(height: int, width: int, boxes: list) -> str:
    classes = dict(dog=0, cat=1)
    return ''.join(f'{classes[label]} {(x0 + x1) / 2 / width:.6f} '
                   f'{(y0 + y1) / 2 / height:.6f} {(x1 - x0) / width:.6f} '
                   f'{(y1 - y0) / height:.6f}\n'
                   for label, (x0, y0, x1, y1) in boxes)


def to_labelme(height: int, width: int, boxes: list) -> str:
    shapes = [
        # from the lower left to the upper right corner
        dict(
            label=label,
            points=[[x0, y1], [x1, y0]],
            group_id=None,
            shape_type='rectangle',
            flags={}) for label, (x0, y0, x1, y1) in boxes
    ]
    return json.dumps(
        dict(
            version='5.5.0',
            flags={},
            shapes=shapes,
            imagePath='whatever.jpg',
            imageData=None,
            imageHeight=height,
            imageWidth=width))


def to_voc(height: int, width: int, boxes: list) -> str:
    objects = ''.join(
        f'<object><name>{label}</name><difficult>1</difficult>'
        f'<bndbox><xmax>{x1}</xmax><xmin>{x0 + 1}</xmin>'
        f'<ymin>{y0 + 1}</ymin><ymax>{y1}</ymax></bndbox>'
        '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin>'
        '<xmax>2</xmax><ymax>2</ymax></bndbox></part></object>'
        for label, (x0, y0, x1, y1) in boxes)
    return ('<annotation><filename>whatever</filename>'
            f'<size><width>{width}</width><height>{height}</height>'
            f'<depth>3</depth></size>{objects}</annotation>')


def to_cvat() -> str:
    images = ''
    for i, name in enumerate(sorted(BOXES, reverse=True)):
        height, width = SIZES[name]
        boxes = ''.join(
            f'<box label="{label}" occluded="0" xtl="{x0:.2f}" ytl="{y0:.2f}" '
            f'xbr="{x1:.2f}" ybr="{y1:.2f}" z_order="0"></box>'
            for label, (x0, y0, x1, y1) in BOXES[name])
        images += (f'<image id="{i}" name="{name}" width="{width}" '
                   f'height="{height}">{boxes}</image>')
    return ('<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1'
            '</version><meta><task><labels><label><name>dog</name></label>'
            f'</labels></task></meta>{images}</annotations>')


FORMATS = dict(
    yolo=(to_yolo, '.txt'),
    labelme=(to_labelme, '.json'),
    voc=(to_voc, '.xml'))


def boxes_of(coco: dict) -> dict:
    """Classes and boxes (xyxy) by file name of the image."""
    names = {cat['id']: cat['name'] for cat in coco['categories']}
    files = {img['id']: img['file_name'] for img in coco['images']}
    boxes = {name: [] for name in files.values()}
    for ann in coco['annotations']:
        x, y, w, h = ann['bbox']
        boxes[files[ann['image_id']]].append(
            (names[ann['category_id']], (x, y, x + w, y + h)))
    return boxes
