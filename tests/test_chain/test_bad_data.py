"""Files that cannot be used end a training before it starts."""
import pytest
from mmengine.fileio import dump, load


def lose_image(data: dict) -> None:
    data['images'][0]['file_name'] = 'lost.jpg'


def forget_class(data: dict) -> None:
    data['annotations'][1].update(id=4711, category_id=99)


def remove_annotations(data: dict) -> None:
    data['annotations'] = []


@pytest.mark.parametrize('spoil, words', [
    (lose_image, ('lost.jpg', '`data_prefix.img`')),
    (forget_class, ('annotation 4711', 'unknown class', 'Correct or remove')),
    (remove_annotations, ('no annotations', '`annotations` (each with')),
])
def test_bad_coco_file(workspace, labeller_config, tmp_path, spoil, words):
    data = load(workspace.root / 'data/toy/annotations/boxes_train.json')
    spoil(data)
    bad = tmp_path / 'bad.json'
    dump(data, bad)
    output = workspace.run(
        'train.py',
        labeller_config,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        f'train_dataloader.dataset.datasets.0.ann_file={bad}',
        fails=True)
    last_lines = '\n'.join(output.splitlines()[-4:])
    for word in (str(bad), *words):
        assert word in last_lines
    assert 'Epoch(train)' not in output
    assert not list(tmp_path.glob('*.pth'))
