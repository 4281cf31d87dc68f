"""The scripts in docs/examples work with the tools of this project."""
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from odd_masks import add_masks
from PIL import Image

from mmboxcaseg.proxy import apply_review, load_proxy
from mmboxcaseg.structures import decode_window

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ellipses(img: Image.Image, boxes: np.ndarray) -> np.ndarray:
    """A replacement for SAM 2: an ellipse per box, and a pixel elsewhere."""
    assert img.mode == 'RGB'
    ys, xs = np.mgrid[:img.height, :img.width] + 0.5
    x0, y0, x1, y1 = boxes.T[:, :, None, None]
    masks = ((2 * (xs - x0) / (x1 - x0) - 1)**2 + (2 * (ys - y0) /
                                                   (y1 - y0) - 1)**2) <= 1
    masks[:, -1, -1] = True
    return masks


def test_sam2_masks(tiny_coco, tmp_path, monkeypatch, capsys):
    """From boxes to a proxy file, as in docs/sam.md."""
    boxes = tiny_coco()
    coco = json.loads(Path(boxes['ann_file']).read_text('utf-8'))
    images = Path(boxes['data_prefix']['img'])
    predictions = list(
        load('docs/examples/sam2_masks.py').predict(ellipses, coco, images))
    # In the order of the images in the file; 9 is a crowd.
    assert [p['annotation_id'] for p in predictions] == [11, 5, 8, 3]

    monkeypatch.chdir(tmp_path)
    Path('masks.json').write_text(json.dumps(predictions), 'utf-8')
    arguments = [boxes['ann_file'], 'masks.json', 'label.json']
    monkeypatch.setattr(sys, 'argv', ['merge_masks.py', *arguments])
    load('tools/merge_masks.py').main()
    # The box of 8 covers its image, so that its mask cannot leave it.
    assert '3 masks leave their boxes and were clipped' in \
        capsys.readouterr().out
    found = {ann['id']: ann for ann in load_proxy('label.json')['annotations']}
    assert found[8]['mask_score'] == 1 and 'mask_score' not in found[9]
    x, y, w, h = found[3]['bbox']
    box = np.array([[x, y, x + w, y + h]])
    img = Image.open(images / 'c.png')
    assert (decode_window(found[3]['segmentation'],
                          box[0]) == ellipses(img, box)[0, y:y + h,
                                                        x:x + w]).all()


def test_fiftyone_review(tiny_coco, monkeypatch):
    """Tags become decisions that apply_review() accepts, without FiftyOne."""
    proxy = Path(tiny_coco(add_masks)['ann_file'])
    fiftyone = SimpleNamespace(Dataset=object)
    monkeypatch.setitem(sys.modules, 'fiftyone', fiftyone)
    script = load('docs/examples/fiftyone_review.py')

    def review(**tags: list) -> dict:
        masks = [
            SimpleNamespace(coco_id=int(key[1:]), tags=names)
            for key, names in tags.items()
        ]
        sample = SimpleNamespace(
            ground_truth=SimpleNamespace(detections=masks))
        dataset = SimpleNamespace(select_fields=lambda name: [sample])
        return script.review(dataset, proxy)

    # 9 has no proxy mask.
    found = review(a11=['keep'], a5=['drop', 'mine'], a8=[], a9=['drop'])
    assert found['decisions'] == {'11': 'keep', '5': 'drop'}
    path = proxy.with_name('decisions.json')
    path.write_text(json.dumps(found))
    _, counts = apply_review(str(proxy), str(path))
    assert counts == dict(keep=1, drop=1, open=2)
    with pytest.raises(SystemExit, match='annotation 5 is tagged both'):
        review(a5=['drop', 'keep'])
