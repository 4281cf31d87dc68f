"""The scripts in docs/examples work with the tools of this project."""
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from odd_masks import add_masks

from mmboxcaseg.proxy import apply_review

ROOT = Path(__file__).resolve().parents[1]


def load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
