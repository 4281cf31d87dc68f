"""Look at proxy masks in FiftyOne, and take tags back as decisions.

Masks that are tagged `keep` or `drop` in the app are written for
tools/apply_review.py when the app is closed. It needs its own environment
with fiftyone and pycocotools, see docs/other_tools.md.
"""
import argparse
import hashlib
import json
from pathlib import Path

import fiftyone as fo

DECISIONS = {'keep', 'drop'}


def load(proxy: Path, images: Path, name: str) -> fo.Dataset:
    """Load a proxy file, once; later calls return what was loaded.

    Args:
        proxy (Path): Proxy file with RLE masks.
        images (Path): Folder of its images.
        name (str): Name of the data set in FiftyOne.

    Returns:
        fo.Dataset: Every mask is a detection whose attributes are the scores
        and the source; ``coco_id`` is the annotation id.

    Raises:
        SystemExit: A data set of this name has other masks.
    """
    digest = digest_masks(proxy)
    if fo.dataset_exists(name):
        dataset = fo.load_dataset(name)
        if dataset.info.get('masks_sha256') != digest:
            raise SystemExit(
                f'the data set {name!r} of FiftyOne has other masks than '
                f'{proxy}: choose another --name, or delete it (fiftyone '
                f'datasets delete {name!r}).')
        return dataset
    dataset = fo.Dataset.from_dir(
        dataset_type=fo.types.COCODetectionDataset,
        data_path=str(images),
        labels_path=str(proxy),
        label_types=['segmentations'],
        include_annotation_id=True,
        name=name)
    dataset.persistent = True
    dataset.info['masks_sha256'] = digest
    dataset.save()
    return dataset


def masks_of(proxy: Path) -> list:
    """Annotation id and ``counts`` of all proxy masks."""
    annotations = json.loads(proxy.read_text('utf-8'))['annotations']
    return [[ann['id'], ann['segmentation']['counts']] for ann in annotations
            if 'mask_score' in ann]


def digest_masks(proxy: Path) -> str:
    """Compute the fingerprint of the masks as mmboxcaseg does."""
    return hashlib.sha256(json.dumps(masks_of(proxy)).encode()).hexdigest()


def review(dataset: fo.Dataset, proxy: Path) -> dict:
    """Read the tags of all masks.

    Args:
        dataset (fo.Dataset): Of :func:`load`.
        proxy (Path): The proxy file that was loaded.

    Returns:
        dict: What tools/apply_review.py reads: ``proxy_file``,
        ``masks_sha256`` and ``decisions`` by annotation id.
    """
    decisions, ids = {}, {ann_id for ann_id, _ in masks_of(proxy)}
    for sample in dataset.select_fields('ground_truth'):
        for mask in sample.ground_truth.detections:
            tags = DECISIONS.intersection(mask.tags)
            if len(tags) > 1:
                raise SystemExit(f'annotation {mask.coco_id} is tagged both '
                                 '"keep" and "drop": remove one of the tags.')
            if tags and mask.coco_id in ids:
                decisions[str(mask.coco_id)] = tags.pop()
    return dict(
        proxy_file=proxy.name,
        masks_sha256=digest_masks(proxy),
        decisions=decisions)


def main() -> None:
    parser = argparse.ArgumentParser(
        description='Review proxy masks in FiftyOne.')
    parser.add_argument('proxy', type=Path, help='proxy file with RLE masks')
    parser.add_argument('images', type=Path, help='folder of its images')
    parser.add_argument('out', type=Path, help='decisions (.json) to write')
    parser.add_argument('--name', help='name of the data set in FiftyOne')
    args = parser.parse_args()
    dataset = load(args.proxy, args.images, args.name or args.proxy.stem)
    fo.launch_app(dataset).wait()
    found = review(dataset, args.proxy)
    args.out.write_text(json.dumps(found), 'utf-8')
    print(f'{args.out}: {len(found["decisions"])} decisions')


if __name__ == '__main__':
    main()
