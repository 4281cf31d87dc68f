"""A round of self-training as a stage of run_pipeline.py."""
import pytest
from mmengine.config import Config
from mmengine.fileio import load

STUDENT = '''
_base_ = '{labeller}'

surest = dict(
    type='mmboxcaseg.MaskedCropDataset',
    ann_file='set by run_pipeline.py',
    data_prefix=dict(img='data/toy/train'),
    min_size=16,
    mask_filter=dict(key='expected_iou', keep_share=0.5),
    pipeline=_base_.train_dataloader.dataset.datasets[1].pipeline)
boxes, salient = _base_.train_dataloader.dataset.datasets
train_dataloader = dict(
    batch_sampler=dict(source_ratio=(9, 2, 5)),
    dataset=dict(datasets=[boxes, surest, salient]))
train_cfg = dict(max_epochs=1)
'''


@pytest.mark.slow
def test_student_labels_in_place_of_the_labeller(workspace, labeller_config,
                                                 pipeline_config, tmp_path):
    student = tmp_path / 'student.py'
    student.write_text(STUDENT.format(labeller=labeller_config))
    cfg = Config.fromfile(pipeline_config)
    cfg.merge_from_dict(dict(student=str(student), val=None, twin=None))
    cfg.label_options = ('--merge-by', 'probability')
    cfg.labeller, cfg.detector = (
        str(pipeline_config.parent / cfg[key])
        for key in ('labeller', 'detector'))
    pipeline = tmp_path / 'pipeline.py'
    cfg.dump(pipeline)
    command = 'run_pipeline.py', pipeline, '--work-dir', tmp_path / 'out'
    output = workspace.run(*command)
    assert '[student]' in output and '[student_label]' in output
    seconds = load(tmp_path / 'out/summary.json')['seconds']
    assert {'labeller', 'student', 'student_label'} <= set(seconds)

    trained = Config.fromfile(tmp_path / 'out/student/student.py')
    assert trained.load_from.startswith(str(tmp_path / 'out/labeller'))
    source = trained.train_dataloader.dataset.datasets[1]
    assert source.ann_file == str(tmp_path / 'out/label.json')
    detector = Config.fromfile(tmp_path / 'out/proxy/detector.py')
    assert detector.train_dataloader.dataset.ann_file == str(
        tmp_path / 'out/student_label.json')
    rounds = [
        load(tmp_path / 'out' / name)['info']['mmboxcaseg']
        for name in ('label.json', 'student_label.json')
    ]
    assert {r['merge_by'] for r in rounds} == {'probability'}
    assert rounds[0]['checkpoint_sha256'] != rounds[1]['checkpoint_sha256']

    again = workspace.run(*command)
    assert '[student] done before' in again
    assert '[student_label] done before' in again
