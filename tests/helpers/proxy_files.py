"""A small proxy file with its unmerged and its true masks."""
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from mmboxcaseg.proxy import make_records
from mmboxcaseg.structures import pixel_boxes

CLASS_NAME = 'cat & <b>"dog"</b>'


def rename_class(data: dict) -> None:
    """An edit of ``tiny_coco``: a name that HTML must escape."""
    data['categories'][0]['name'] = CLASS_NAME


def write_proxy_files(dataset: dict,
                      rng: np.random.Generator) -> SimpleNamespace:
    """Label the boxes of ``tiny_coco`` at random, three times.

    Args:
        dataset (dict): What ``tiny_coco`` returns.
        rng (np.random.Generator): Draws the masks.

    Returns:
        SimpleNamespace: Paths ``proxy``, ``unmerged`` and ``truth`` of the
        files and ``img_prefix`` of the images.
    """
    source = Path(dataset['ann_file'])
    data = json.loads(source.read_text())
    records = dict(proxy={}, unmerged={}, truth={})
    for img in data['images']:
        anns = [
            ann for ann in data['annotations']
            if ann['image_id'] == img['id'] and not ann['iscrowd']
        ]
        boxes = np.array([ann['bbox'] for ann in anns], dtype=float)
        boxes[:, 2:] += boxes[:, :2]
        shape = img['height'], img['width']
        windows = pixel_boxes(boxes, *shape)
        predicted, true = ([
            rng.random((y1 - y0, x1 - x0)) < 0.8 for x0, y0, x1, y1 in windows
        ] for _ in range(2))
        ids, areas = ([ann[key] for ann in anns] for key in ('id', 'area'))
        for name, masks, merge_by in (('proxy', predicted,
                                       'box'), ('unmerged', predicted, None),
                                      ('truth', true, None)):
            for record in make_records(
                    ids, masks, windows, areas, shape, merge_by=merge_by):
                record['mask_source'] = 'tiny@1234'
                records[name][record['id']] = record
    paths = {}
    for name, masks in records.items():
        anns = [{
            **ann,
            **masks.get(ann['id'], {})
        } for ann in data['annotations']]
        info = dict(mmboxcaseg=dict(mask_source='tiny@1234', merge=True))
        path = source.with_name(f'{name}.json')
        path.write_text(json.dumps(dict(data, info=info, annotations=anns)))
        paths[name] = str(path)
    return SimpleNamespace(**paths, img_prefix=dataset['data_prefix']['img'])


def remove_mask(ann: dict) -> None:
    """Make an annotation of a proxy file one that was not labelled."""
    for key in ('segmentation', 'mask_score', 'mask_source'):
        ann.pop(key, None)


def edit_annotations(path: str, change) -> None:
    """Change the list of annotations of a COCO file in place."""
    data = json.loads(Path(path).read_text())
    change(data['annotations'])
    Path(path).write_text(json.dumps(data))
