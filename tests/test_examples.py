"""The scripts in docs/examples work with the tools of this project."""
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from mmboxcaseg.proxy import load_proxy
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
