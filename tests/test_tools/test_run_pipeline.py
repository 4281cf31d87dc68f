"""Configs of pipelines: what is refused, and what the steps depend on."""
import json

import pytest
from mmengine.config import Config
from small_data import ROOT, load_tool

PIPELINE = '''
labeller, detector = 'labeller.py', 'proxy.py'
train = dict(boxes='boxes.json', images='images')
'''


@pytest.mark.parametrize('content, words', [
    (None, 'config not found'),
    ('= =', 'cannot be read as a config: SyntaxError'),
    ('', 'does not set labeller, detector, train.boxes'),
    (PIPELINE, 'files that do not exist: proxy.py'),
    (PIPELINE + "detector = 'detector.py'", 'set mask_score_thr'),
    (PIPELINE + "twin = 'detector.py'", 'set `val`, too'),
    (PIPELINE + "train = dict(images='a')", 'does not set train.boxes'),
    (PIPELINE + "student = 'no.py'", 'files that do not exist: no.py'),
])
def test_run_pipeline(monkeypatch, refused, data, content, words):
    monkeypatch.chdir(data.folder)
    if content is not None:
        (data.folder / 'pipeline.py').write_text(content)
    output = refused('run_pipeline', 'pipeline.py', '--work-dir', 'work')
    assert words in output
    assert not (data.folder / 'work').exists()


def test_val_box_that_cannot_be_labelled(monkeypatch, refused, data):
    """Its mask could not be evaluated, after hours of training."""
    monkeypatch.chdir(data.folder)
    val = json.loads((data.folder / 'boxes.json').read_text())
    val['annotations'][1]['bbox'][2] = 0
    (data.folder / 'val.json').write_text(json.dumps(val))
    (data.folder / 'pipeline.py').write_text(
        PIPELINE.replace('proxy.py', 'detector.py') +
        "val = dict(instances='val.json', images='images')")
    output = refused('run_pipeline', 'pipeline.py', '--work-dir', 'work')
    assert 'val.json: 1 boxes of `val` cannot be labelled' in output


@pytest.mark.parametrize('dataset, rule', [
    ("dict(mask_score_thr=0.8)", ('mask_score', 0.8, None)),
    ("dict(mask_score_thr=0.8, mask_filter=dict(key='expected_iou', "
     'keep_share=0.3))', ('expected_iou', 0, 0.3)),
])
def test_rule_of_the_detector_is_used(tmp_path, dataset, rule):
    (tmp_path /
     'detector.py').write_text(f'train_dataloader = dict(dataset={dataset})')
    (tmp_path / 'pipeline.py').write_text("detector = 'detector.py'")
    cfg = Config.fromfile(tmp_path / 'pipeline.py')
    found = load_tool('run_pipeline').used_masks(cfg)
    assert (found.key, found.thr, found.keep_share) == rule


def test_sources_of_labeller_and_student(tmp_path):
    """A teacher with a filter stays one in the second round."""
    source = "dict(ann_file='{}', mask_filter=dict(keep_share=0.3))"
    datasets = ["dict(ann_file='boxes.json', data_root='data')", 'dict(a=1)']
    for name, file in dict(labeller='others.json', student='own.json').items():
        datasets.append(source.format(file))
        (tmp_path / f'{name}.py').write_text(
            'train_dataloader = dict(dataset=dict(datasets='
            f'[{", ".join(datasets)}]))')
    pipeline = tmp_path / 'pipeline.py'
    pipeline.write_text("labeller, student = 'labeller.py', 'student.py'")
    cfg = Config.fromfile(pipeline)
    tool = load_tool('run_pipeline')
    own = 'train_dataloader.dataset.datasets.3'
    assert tool.own_sources(cfg) == [own]
    for name in ('labeller', 'student'):
        assert tool.source_paths(cfg,
                                 name) == ['data/boxes.json', 'others.json']


@pytest.mark.parametrize('wrapped', [False, True])
def test_labeller_of_one_source(tmp_path, wrapped):
    """Its annotations are inputs of the training, too."""
    source = "dict(ann_file='masks.json')"
    if wrapped:
        source = f"dict(type='RepeatDataset', times=2, dataset={source})"
    (tmp_path /
     'labeller.py').write_text(f'train_dataloader = dict(dataset={source})')
    pipeline = tmp_path / 'pipeline.py'
    pipeline.write_text("labeller = 'labeller.py'")
    tool, cfg = load_tool('run_pipeline'), Config.fromfile(pipeline)
    assert tool.source_paths(cfg, 'labeller') == ['masks.json']


def test_label_options_of_every_row(monkeypatch):
    """`weak` and `fused` differ from `merged` only in merging and output."""
    labelled = {}

    class Steps:

        def label(self, name, config, checkpoint, boxes, images, *options):
            labelled[name] = options
            return f'{name}.json'

    tool = load_tool('run_pipeline')
    monkeypatch.setattr(tool, 'evaluate_mask_file', lambda *args: args)
    pipeline = Config(
        dict(
            labeller='labeller.py',
            val=dict(instances='val.json', images='images'),
            label_options=('--merge-by', 'probability')),
        filename=str(ROOT / 'configs/toy/toy_pipeline.py'))
    rows = tool.label_val(pipeline, Steps(), 'a.pth')
    assert rows['weak'] == ('val_weak.json', 'val.json')
    merged = ('--merge-by', 'probability')
    fused = (*merged, '--no-merge')
    assert labelled == dict(
        val_merged=merged,
        val_fused=fused,
        val_weak=(*fused, '--cfg-options', 'model.test_cfg.output=weak'))


@pytest.mark.parametrize('val, written', [
    (None, 'summary.json\n'),
    (dict(instances='a.json'), 'summary.json and the figures\n'),
])
def test_figures_need_val(monkeypatch, capsys, tmp_path, val, written):
    tool = load_tool('run_pipeline')
    monkeypatch.setattr(tool, 'read_pipeline', lambda path: dict(val=val))
    monkeypatch.setattr(tool, 'run', lambda cfg, steps: {})
    monkeypatch.setattr(tool, 'format_table', lambda summary: '')
    argv = ['run_pipeline', 'pipeline.py', '--work-dir', str(tmp_path)]
    monkeypatch.setattr('sys.argv', argv)
    tool.main()
    assert capsys.readouterr().out.endswith(f'{tmp_path}: {written}')
