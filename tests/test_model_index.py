"""The files that ``mim search`` and ``mim download`` read are complete."""
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import modelindex
import pytest
from mmengine.config import Config
from mmengine.fileio import load

ROOT = Path(__file__).resolve().parents[1]
METAFILES = [ROOT / path for path in load(ROOT / 'model-index.yml')['Import']]
COLLECTIONS = [
    entry for path in METAFILES for entry in load(path)['Collections']
]
MODELS = [entry for path in METAFILES for entry in load(path)['Models']]


def configs_of_models() -> list:
    """The configs that have a model, so not those of pipelines."""
    return sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob('configs/*/*.py') if
        path.parent.name != '_base_' and not path.stem.endswith('_pipeline'))


def test_every_config_is_listed_once():
    assert sorted(METAFILES) == sorted(ROOT.glob('configs/*/metafile.yml'))
    assert sorted(entry['Config'] for entry in MODELS) == configs_of_models()


def test_collections():
    names = Counter(entry['Name'] for entry in COLLECTIONS)
    assert set(names.values()) == {1}
    assert set(names) == {entry['In Collection'] for entry in MODELS}
    for entry in COLLECTIONS:
        assert (ROOT / entry['README']).is_file()
        assert entry['Paper']['Title']
        assert entry['Paper']['URL'].startswith('https://arxiv.org/abs/')


@pytest.mark.parametrize('entry', MODELS, ids=lambda entry: entry['Name'])
def test_model(entry):
    assert entry['Name'] == Path(entry['Config']).stem
    metadata = entry['Metadata']
    assert metadata['Training Data'] and metadata['Architecture']
    cfg = Config.fromfile(ROOT / entry['Config'])
    if 'train_cfg' not in cfg:
        # Its weights are not trained here.
        assert cfg.model.weights is None
        assert not {'Epochs', 'Iterations'} & set(metadata)
    elif 'max_iters' in cfg.train_cfg:
        assert metadata['Iterations'] == cfg.train_cfg.max_iters
    else:
        times = cfg.train_dataloader.dataset.get('times', 1)
        assert metadata['Epochs'] == cfg.train_cfg.max_epochs * times
    uses_proxies = 'ProxyCocoDataset' in cfg.pretty_text
    assert (entry['In Collection'] == 'Proxy Mask R-CNN') == uses_proxies
    # No weights are published.
    assert 'Weights' not in entry


def test_index_is_loaded():
    index = modelindex.load(str(ROOT / 'model-index.yml'))
    index.check()
    names = [model.name for model in index.models]
    assert names == [entry['Name'] for entry in MODELS]
    assert not any(model.check_errors for model in index.models)


def test_dataset_index():
    """It has the keys that openmim reads, and a script that exists."""
    for entry in load(ROOT / 'dataset-index.yml').values():
        assert set(entry) == {
            'dataset', 'download_root', 'data_root', 'script'
        }
        # For odl the name is what precedes a slash.
        assert '/' not in entry['dataset']
        assert entry['script'].startswith('tools/')
        assert (ROOT / entry['script']).is_file()


def unpack_coco(*folders) -> subprocess.CompletedProcess:
    entry = load(ROOT / 'dataset-index.yml')['coco2017']
    return subprocess.run([ROOT / entry['script'], *folders],
                          capture_output=True,
                          text=True)


def test_coco_is_unpacked(tmp_path):
    archives = tmp_path / 'COCO_2017/raw/Images'
    archives.mkdir(parents=True)
    data_root = tmp_path / 'data/coco'
    data_root.mkdir(parents=True)
    for archive, file in {
            'train2017': 'train2017/1.jpg',
            'val2017': 'val2017/2.jpg',
            'annotations_trainval2017': 'annotations/instances_val2017.json'
    }.items():
        lacking = unpack_coco(tmp_path, data_root)
        assert lacking.returncode == 1
        assert f'{archive}.zip is not in {tmp_path}' in lacking.stderr
        with zipfile.ZipFile(archives / f'{archive}.zip', 'w') as zipped:
            zipped.writestr(file, archive)
    assert unpack_coco(tmp_path, data_root).returncode == 0
    cfg = Config.fromfile(
        ROOT / 'configs/_base_/datasets/coco_boxes_duts.py').val_dataloader
    assert cfg.dataset.data_root == 'data/coco/'
    assert (data_root /
            cfg.dataset.ann_file).read_text() == ('annotations_trainval2017')
    assert (data_root / 'train2017/1.jpg').is_file()
