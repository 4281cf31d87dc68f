"""What the README tells a newcomer to type must work."""
import re
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmboxcaseg.registry import DATASETS

README = Path(__file__).resolve().parents[1] / 'README.md'


def write_config(tmp_path, coco: dict, salient: dict) -> Path:
    """The config of the section on own data, with the paths of a test."""
    text = README.read_text(encoding='utf-8')
    code = re.search(r'```python\n(.*?)```', text, re.DOTALL).group(1)
    for old, new in {
            "'configs/": f"'{README.parent}/configs/",
            '/data/mine/boxes.json': coco['ann_file'],
            '/data/mine/images': coco['data_prefix']['img'],
            "img='images'": f"img='{salient['data_prefix']['img']}'",
            "mask='masks'": f"mask='{salient['data_prefix']['mask']}'"
    }.items():
        assert old in code
        code = code.replace(old, new)
    path = tmp_path / 'my_labeller.py'
    path.write_text(code, encoding='utf-8')
    return path


def test_config_for_own_data(tmp_path, tiny_coco, tiny_salient):
    path = write_config(tmp_path, tiny_coco(), tiny_salient())
    cfg = Config.fromfile(path)
    init_default_scope('mmdet')
    train = DATASETS.build(cfg.train_dataloader.dataset)
    assert [len(source) for source in train.datasets] == [4, 2]
    assert train[0]['inputs'].shape == train[5]['inputs'].shape
    assert len(DATASETS.build(cfg.label_dataloader.dataset)) == 3
    assert cfg.val_dataloader is None and cfg.test_evaluator is None


def test_commands_and_files_exist():
    text = README.read_text(encoding='utf-8')
    folders = '(?:tools|configs|docs|mmboxcaseg)'
    paths = re.findall(rf'(?<![\w/]){folders}/[\w./-]+\w', text)
    assert len(paths) > 10
    for path in paths:
        assert (README.parent / path).exists(), path
