"""What is wrong with a data set: kinds of findings, and their collection."""
from collections import Counter
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from mmboxcaseg.datasets.coco import PROBLEMS, first_few


class Kind(NamedTuple):
    """A kind of finding.

    Args:
        severity (str): 'error': the work would fail, or learn what is wrong;
            'warning': data is lost, or likely wrong; 'note': nothing needs
            to be done.
        text (str): What is wrong.
        remedy (str): What to do about it.
    """
    severity: str
    text: str
    remedy: str


SEVERITIES = ('error', 'warning', 'note')
ERROR, WARNING, NOTE = SEVERITIES

KINDS: Dict[str, Kind] = {
    'dataset-config':
    Kind(ERROR, 'the data set cannot be built as the config says',
         'correct the config'),
    'dataset-unknown':
    Kind(NOTE, 'a data set of this type is not checked', 'check it by hand'),
    'json-unreadable':
    Kind(ERROR, 'the COCO file cannot be read', 'see the message'),
    'json-form':
    Kind(ERROR, 'an entry is not as a COCO file wants it',
         'correct or remove it'),
    'class-missing':
    Kind(ERROR, 'a class of the config is not in the file',
         'correct `metainfo.classes`'),
    'class-repeated':
    Kind(ERROR, 'two categories have the same name',
         'give every class one category'),
    'class-order':
    Kind(
        ERROR, 'the file has its classes in another order than the config, '
        "and mmdet numbers them in the file's",
        'write `metainfo.classes` in the order of the file'),
    'class-number':
    Kind(ERROR, '`num_classes` of the model is not the number of classes',
         'correct `num_classes`, or `metainfo.classes`'),
    'class-unused':
    Kind(NOTE, 'a class of the file is not in the config, its boxes are left '
         'out', 'add it to `metainfo.classes` if it is to be learnt'),
    'class-empty':
    Kind(NOTE, 'a class has no box', 'nothing, or add boxes'),
    'box-normalised':
    Kind(
        ERROR, 'the boxes are in 0..1, not in pixels',
        "multiply x and width by the image's width, y and height by its "
        'height'),
    'box-xyxy':
    Kind(ERROR, 'the boxes are [x0, y0, x1, y1], not [x, y, width, height]',
         'subtract the first corner from the second (--fix)'),
    'box-inverted':
    Kind(ERROR, 'a box has a negative width or height',
         'correct or remove it (--fix removes it)'),
    'box-outside':
    Kind(ERROR, 'a box is outside its image',
         'correct or remove it (--fix removes it)'),
    'box-none-left':
    Kind(ERROR, 'no box can be used', 'see the other findings'),
    'box-zero':
    Kind(WARNING, 'a box has no width or no height, it is left out',
         'correct or remove it (--fix removes it)'),
    'box-sticks-out':
    Kind(WARNING, 'a box leaves its image by more than a pixel, the rest is '
         'used', 'clip it (--fix)'),
    'box-small':
    Kind(WARNING, 'a box is narrower or lower than a pixel, mmdet leaves it '
         'out', 'remove it, or use larger images'),
    'box-repeated':
    Kind(WARNING, 'another annotation has the same image, class and box',
         'remove one (--fix)'),
    'box-crowd':
    Kind(NOTE, 'a crowd (iscrowd=1), it is left out',
         'set iscrowd to 0 if it is a single object'),
    'area-missing':
    Kind(ERROR, 'an annotation has no `area`, which CocoDataset needs',
         'write the area (--fix writes that of the box)'),
    'area-zero':
    Kind(WARNING, 'the `area` is not positive, mmdet leaves the box out',
         'correct it (--fix writes the area of the box)'),
    'mask-missing':
    Kind(
        ERROR, 'an annotation has no `segmentation`, which is used here',
        'use a file with masks; without one, set val_cfg, val_dataloader and '
        'val_evaluator to None'),
    'mask-broken':
    Kind(ERROR, 'the `segmentation` cannot be used', 'correct it'),
    'mask-bytes':
    Kind(ERROR, "`counts` of an RLE is the text of Python bytes, b'...'",
         'write counts.decode() (--fix)'),
    'mask-uncompressed':
    Kind(NOTE, '`counts` of an RLE is a list, which is large',
         'compress it (--fix); in a proxy file it must be'),
    'proxy-none':
    Kind(ERROR, 'it is no proxy file, no annotation has a mask',
         'make one with tools/label.py or tools/merge_masks.py'),
    'proxy-unscored':
    Kind(
        ERROR, 'a mask of a proxy file has no `mask_score`',
        'set true_masks=True if such masks are true ones; else score them '
        'with tools/merge_masks.py'),
    'proxy-low':
    Kind(WARNING, 'no mask is learnt, all score less than `mask_score_thr`',
         'lower it, or make better masks'),
    'image-missing':
    Kind(
        ERROR, 'the file does not exist',
        'correct `data_prefix.img`, get the file, or remove the image and '
        'its annotations (--fix)'),
    'image-damaged':
    Kind(ERROR, 'the file is damaged or was cut short',
         'get it again, or remove the image and its annotations (--fix)'),
    'image-repeated':
    Kind(WARNING, 'two images of the file have the same `file_name`',
         'make them one image with the boxes of both'),
    'image-no-box':
    Kind(NOTE, 'an image has no annotation', 'nothing'),
    'image-orientation':
    Kind(
        WARNING, 'an EXIF orientation turns or mirrors the image without '
        'changing its size; whether the boxes were drawn in it so cannot be '
        'told', 'look at it with its boxes'),
    'image-upright':
    Kind(NOTE, 'an EXIF orientation is applied, the boxes fit the upright '
         'image', 'nothing'),
    'image-transparent':
    Kind(WARNING, 'parts are transparent, loading shows the colour beneath',
         'lay it over a background'),
    'image-cmyk':
    Kind(NOTE, 'it is CMYK, converted without its colour profile',
         'convert it to RGB if colours matter'),
    'image-grey':
    Kind(NOTE, 'it is grey, loaded as three equal channels', 'nothing'),
    'image-palette':
    Kind(NOTE, 'it has a palette, loaded as its colours', 'nothing'),
    'salient-files':
    Kind(ERROR, 'images and masks cannot be paired', 'see the message'),
    'mask-dark':
    Kind(ERROR, 'nothing of the salient mask is brighter than 127',
         'write foreground as 255'),
    'mask-empty':
    Kind(ERROR, 'the salient mask is empty',
         'remove it and its image, or set single_object=True'),
    'mask-full':
    Kind(WARNING, 'the salient mask has no background',
         'remove it and its image'),
    'mask-grey':
    Kind(
        NOTE, 'the salient mask is not binary, what is brighter than 127 is '
        'foreground', 'nothing, or write 0 and 255'),
    'overlap':
    Kind(WARNING, 'an image for validation or test is trained on, too',
         'take it out of one of both'),
    **{
        code: Kind(ERROR, *problem)
        for code, problem in PROBLEMS.items()
    },
}


class Finding(NamedTuple):
    """All cases of one kind in one place.

    Args:
        kind (str): A key of ``KINDS``.
        where (str): The COCO file, the folder or the part of the config.
        examples (list[str]): One a case.
    """
    kind: str
    where: str
    examples: List[str]


class Findings:
    """Collects findings, in an order that does not depend on chance."""

    def __init__(self) -> None:
        # Of the examples only the keys count: each is told once.
        self._cases: Dict[Tuple[str, str], Dict[str, None]] = {}

    def add(self, kind: str, where: str, example: str) -> None:
        """Add a case.

        Args:
            kind (str): A key of ``KINDS``.
            where (str): The COCO file, the folder or the part of the config.
            example (str): What the case is about.
        """
        self._cases.setdefault((kind, where), {})[example] = None

    def __iter__(self) -> Iterator[Finding]:
        """Findings, errors first, then in the order of ``KINDS``."""
        order = {kind: i for i, kind in enumerate(KINDS)}

        def rank(key: Tuple[str, str]) -> tuple:
            kind, where = key
            severity = SEVERITIES.index(KINDS[kind].severity)
            return severity, order[kind], where

        for kind, where in sorted(self._cases, key=rank):
            yield Finding(kind, where, list(self._cases[kind, where]))

    def counts(self) -> Dict[str, int]:
        """Number of cases by severity."""
        counts: Counter = Counter()
        for finding in self:
            counts[KINDS[finding.kind].severity] += len(finding.examples)
        return {severity: counts[severity] for severity in SEVERITIES}

    def table(self, num_examples: int = 3) -> str:
        """Write the findings for people.

        Args:
            num_examples (int): Cases to show of each. Defaults to 3.

        Returns:
            str: A block of lines for each finding, then the counts.
        """
        blocks = []
        for finding in self:
            kind = KINDS[finding.kind]
            blocks.append(
                f'{kind.severity:8}{finding.kind:19}{len(finding.examples):8}'
                f'  {finding.where}\n'
                f'        {kind.text}:\n'
                f'        {first_few(finding.examples, num_examples)}\n'
                f'        remedy: {kind.remedy}')
        counts = [
            f'{number} {severity}{"" if number == 1 else "s"}'
            for severity, number in self.counts().items()
        ]
        return '\n'.join([*blocks, ', '.join(counts)])

    def to_json(self, num_examples: Optional[int] = None) -> dict:
        """Write the findings for programs.

        Args:
            num_examples (int, optional): Cases to list of each. Defaults to
                all.

        Returns:
            dict: ``counts`` by severity, and ``findings``, each with
            ``severity``, ``kind``, ``where``, ``count``, ``text``,
            ``remedy`` and ``examples``.
        """
        findings = [
            dict(
                severity=KINDS[finding.kind].severity,
                kind=finding.kind,
                where=finding.where,
                count=len(finding.examples),
                text=KINDS[finding.kind].text,
                remedy=KINDS[finding.kind].remedy,
                examples=finding.examples[:num_examples]) for finding in self
        ]
        return dict(counts=self.counts(), findings=findings)
