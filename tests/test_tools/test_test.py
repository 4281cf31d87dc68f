"""Configs and arguments that test.py refuses."""
import pytest
from spoil import append

TEST_CONFIG = '''
test_cfg = dict(type='TestLoop')
test_dataloader = dict(_delete_=True, **label_dataloader)
test_evaluator = dict(_delete_=True, type='mmboxcaseg.InstanceIoUMetric')
'''


@pytest.mark.parametrize('lines, options, words', [
    ('', (), 'has no test_dataloader'),
    (TEST_CONFIG, (), '(test_evaluator): 5 of 5 annotations have no'),
    (TEST_CONFIG + 'test_evaluator = None', (), 'not set: test_evaluator'),
    (TEST_CONFIG, ('--out', 'a.pkl'), '--out is for detectors'),
    (TEST_CONFIG, ('--out', 'images/a.png/a.pkl'), 'cannot be written'),
    (TEST_CONFIG, ('--out', 'a.json'), '--out must end in .pkl'),
])
def test_test(monkeypatch, refused, data, checkpoint, lines, options, words):
    monkeypatch.chdir(data.folder)
    append('labeller.py', lines)(data)
    output = refused('test', data.labeller, checkpoint, '--work-dir',
                     data.folder / 'work', *options)
    assert words in output


def test_missing_checkpoint(refused, data):
    output = refused('test', data.labeller, 'no/such.pth')
    assert 'checkpoint not found: no/such.pth' in output
