"""Configs of pipelines that are refused before the first step."""
import pytest

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
