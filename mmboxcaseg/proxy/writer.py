import json
import os
import os.path as osp
import shutil
from collections import Counter, defaultdict
from contextlib import ExitStack, suppress
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple

from mmengine.fileio import get_text

from mmboxcaseg import InputError
from mmboxcaseg.datasets.coco import check_target, write_atomically, writing
from mmboxcaseg.structures.scores import SCORES
from .polygons import outline_records
from .provenance import describe_source


class ProxyWriter:
    """Write a proxy file: results go to shards first, the JSON comes last.

    Every process appends to its own shard in the folder ``OUT.shards``, one
    line per image. A run that was interrupted continues where it stopped.
    The final file is the source file with ``segmentation``, ``mask_score``,
    ``mask_source`` and, where it is known, ``expected_iou`` added to the
    labelled annotations; what described an old mask of theirs is removed. Its
    bytes do not depend on the number of processes or restarts, and it is
    either complete or not there. The masks are never all in memory.

    Args:
        out_file (str): The proxy file to write.
        source_file (str): COCO JSON file of the boxes.
        provenance (dict): Where the masks come from, stored under
            ``info.mmboxcaseg``. It contains the ``mask_source`` that the
            annotations get.
        polygons (float, optional): Write polygons with this tolerance, see
            :func:`mask_to_polygons`. Defaults to None: RLE.

    Attributes:
        losses (Counter): What is lost by writing polygons, see
            :func:`outline_records`.
    """

    def __init__(self,
                 out_file: str,
                 source_file: str,
                 provenance: dict,
                 polygons: Optional[float] = None) -> None:
        self.out_file = out_file
        self.source_file = source_file
        self.provenance = dict(provenance)
        self.polygons = polygons
        self.losses: Counter = Counter()
        if polygons is not None:
            self.provenance['polygon_tolerance'] = polygons
        self.folder = out_file + '.shards'

    def prepare(self, backend_args: Optional[dict] = None) -> None:
        """Make the folder of the shards, or check an existing one.

        Call it in one process first, but after all other checks: a failed
        start should not leave a folder behind.

        Args:
            backend_args (dict, optional): See :meth:`finish`.

        Raises:
            OSError: The folder cannot be written.
            InputError: It contains images of another labelling run, or the
                output is the file of the boxes or not a file.
        """
        if osp.realpath(self.out_file) == osp.realpath(self.source_file):
            raise InputError(f'{self.out_file} is the file of the boxes and '
                             'would be overwritten: choose another name.')
        check_target(self.out_file)
        # The content counts, too: masks of changed boxes would be wrong.
        content = describe_source(
            self.source_file, backend_args=backend_args)['sha256']
        source = dict(source=self.source_file, source_sha256=content)
        head = json.dumps(dict(source, **self.provenance), indent=1)
        head_file = osp.join(self.folder, 'head.json')
        if osp.isfile(head_file) and get_text(head_file) == head:
            return  # the same labelling run is continued
        if osp.isdir(self.folder) and self._index():
            raise InputError(
                f'{self.folder} contains an unfinished labelling run with '
                'another config or checkpoint, or of other boxes than those '
                f'now in {self.source_file}. Remove it, or choose another '
                'name for the output.')
        with writing(self.folder):
            os.makedirs(self.folder, exist_ok=True)
        write_atomically(head_file, [head])

    def append(self, rank: int, img_id: int, records: List[dict]) -> None:
        """Store the masks of one image.

        Args:
            rank (int): Number of the process.
            img_id (int): Image id.
            records (list[dict]): One per box: ``id`` of the annotation,
                ``segmentation``, ``mask_score``, optionally ``expected_iou``,
                ``mask_weight``, and ``mask_source`` if it is not the one of
                the file.

        Raises:
            OSError: The file cannot be written; the message says what to do.
        """
        path = osp.join(self.folder, f'rank{rank}.jsonl')
        line = json.dumps([img_id, records], separators=(',', ':')) + '\n'
        with writing(path), open(path, 'ab+') as file:
            # A killed process can leave half a line: start a new one.
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b'\n':
                    file.write(b'\n')
            file.write(line.encode())

    def finished(self) -> Set[int]:
        """Ids of the images in the shards.

        Raises:
            FileNotFoundError: The folder is on a disk of another machine.
        """
        if not osp.isdir(self.folder):
            raise FileNotFoundError(
                f'{self.folder} was made by the first process, but this one '
                'cannot see it: the output must be on a disk that all '
                'machines share, under the same path.')
        return set(self._index())

    def finish(self,
               num_images: int = 0,
               backend_args: Optional[dict] = None) -> dict:
        """Join the shards to the proxy file and remove them.

        Call it in one process, when all have finished.

        Args:
            num_images (int): Lowest number of images in the shards.
            backend_args (dict, optional): To read the source file, see
                :func:`mmengine.fileio.get`.

        Returns:
            dict: Number of labelled ``instances``, their ``mean_score`` and,
            if any expected IoU is known, ``mean_expected_iou``.

        Raises:
            InputError: Images are missing. The shards are kept.
        """
        index = self._index()
        if len(index) < num_images:
            raise InputError(
                f'{self.folder} has {len(index)} of {num_images} images. All '
                'machines must write to one shared disk. If they do, it was '
                'slow to show their files: run the same command again.')
        data = json.loads(
            get_text(self.source_file, 'utf-8-sig', backend_args))
        data['info'] = dict(data.get('info') or {}, mmboxcaseg=self.provenance)
        scores: Dict[str, List[float]] = defaultdict(list)
        write_atomically(self.out_file, self._encode(data, index, scores))
        shutil.rmtree(self.folder)
        agreements, ious = scores['mask_score'], scores['expected_iou']
        num = len(agreements)
        result = dict(instances=num, mean_score=sum(agreements) / max(num, 1))
        if ious:
            result['mean_expected_iou'] = sum(ious) / len(ious)
        return result

    def summary(self,
                instances: int,
                mean_score: float,
                mean_expected_iou: Optional[float] = None) -> str:
        """Describe the file in a few lines, from the result of finish()."""
        text = (f'{self.out_file}: {instances} masks, mean score '
                f'{mean_score:.3f}')
        if mean_expected_iou is not None:
            text += f', mean expected IoU {mean_expected_iou:.3f}'
        losses = self.losses
        if losses['masks']:
            text += (f'\npolygons: {losses["holes"]} holes in '
                     f'{losses["with_holes"]} masks filled, '
                     f'{losses["vanished"]} masks lost all pixels, mean IoU '
                     f'with the masks {losses["iou"] / losses["masks"]:.4f}')
        return text

    def _encode(self, data: dict, index: Dict[int, Tuple[str, int]],
                scores: Dict[str, List[float]]) -> Iterator[str]:
        """Yield the source file with masks as JSON, piece by piece.

        A mask is read from its shard when its annotation is written. Its
        scores are appended to ``scores``.
        """
        source = dict(mask_source=self.provenance['mask_source'])
        with ExitStack() as stack:
            find = _open_shards(index, stack)
            for i, (key, value) in enumerate(data.items()):
                yield f'{", " if i else "{"}{json.dumps(key)}: '
                if key != 'annotations':
                    yield json.dumps(value)
                    continue
                for k, ann in enumerate(value):
                    mask = find(ann['image_id']).get(ann['id'])
                    if mask:
                        if self.polygons is not None:
                            outline_records([mask], self.polygons, self.losses)
                        for name in SCORES:
                            if name in mask:
                                scores[name].append(mask[name])
                        ann = {**_without_mask(ann), **source, **mask}
                    yield (', ' if k else '[') + json.dumps(ann)
                yield ']'
        yield '}'

    def _index(self) -> Dict[int, Tuple[str, int]]:
        """Path of the shard and offset by image; skips incomplete lines."""
        index = {}
        names = os.listdir(self.folder)
        for name in sorted(n for n in names if n.endswith('.jsonl')):
            path, start = osp.join(self.folder, name), 0
            with open(path, 'rb') as file:
                for line in file:
                    # If an image was labelled twice, its last line counts.
                    with suppress(ValueError):
                        index[json.loads(line)[0]] = path, start
                    start += len(line)
        return index


def _without_mask(ann: dict) -> dict:
    """Copy an annotation without what describes its old mask."""
    stale = ['expected_iou', 'predicted_iou']
    # The weight of a box without a mask is meant for the new mask.
    if ann.get('segmentation') or 'mask_score' in ann:
        stale.append('mask_weight')
    return {key: ann[key] for key in ann if key not in stale}


def _open_shards(index: Dict[int, Tuple[str, int]],
                 stack: ExitStack) -> Callable[[int], dict]:
    """Return a function from an image id to its records by annotation id."""
    paths = {path for path, _ in index.values()}
    files = {path: stack.enter_context(open(path, 'rb')) for path in paths}

    # Cached, because the annotations of an image may be far apart.
    @lru_cache(maxsize=1024)
    def find(img_id: int) -> dict:
        if img_id not in index:
            return {}
        path, start = index[img_id]
        files[path].seek(start)
        _, records = json.loads(files[path].readline())
        return {record['id']: record for record in records}

    return find
