import json

import pytest
from small_data import run_tool


@pytest.fixture
def check(monkeypatch, capsys, data):
    """Runs the program; returns its exit status and what it prints."""

    def run(config, *argv):
        with pytest.raises(SystemExit) as end:
            run_tool(monkeypatch, 'check_data', config, '--nproc', 1, *argv)
        return end.value.code, capsys.readouterr().out

    return run


def break_two_boxes(data):
    """One error, one warning."""

    def edit(content):
        content['annotations'][0]['bbox'] = [60, 0, 9, 9]
        content['annotations'][1]['bbox'] = [40, 0, 20, 9]

    data.edit(edit)


def test_status_and_table(check, data):
    assert check(data.labeller)[0] == 0
    break_two_boxes(data)
    status, output = check(data.labeller)
    assert status == 1
    for word in ('box-outside', 'box-sticks-out', '1 error, 1 warning'):
        assert word in output


def test_findings_file(check, data):
    break_two_boxes(data)
    out = data.folder / 'findings.json'
    check(data.labeller, '--out', out)
    content = json.loads(out.read_text())
    assert content['counts'] == dict(error=1, warning=1, note=1)
    assert content['findings'][0]['kind'] == 'box-outside'


def test_fixed_file_is_good(check, data):
    break_two_boxes(data)
    out = data.folder / 'fixed.json'
    status, output = check(data.labeller, '--fix', out)
    assert status == 1  # of the file that was checked
    assert 'boxes clipped to their images' in output
    assert '4  annotations in 3 images are left' in output
    data.boxes.write_text(out.read_text())
    status, output = check(data.labeller)
    assert status == 0 and '0 errors, 0 warnings' in output


@pytest.mark.parametrize('name, words', [
    ('boxes.json', None),
    ('other.json', '0 COCO files could be meant'),
])
def test_file_to_fix(check, data, name, words):
    break_two_boxes(data)
    out = data.folder / 'fixed.json'
    status, _ = check(data.labeller, '--fix', out, '--fix-file',
                      data.folder / name)
    assert out.exists() == (words is None)
    assert status == 1 if words is None else words in status


def test_options(check, data, capsys):
    # The settings of the command line count.
    status, output = check(
        data.labeller, '--cfg-options',
        'train_dataloader.dataset.datasets.0.ann_file=no.json')
    assert status == 1 and 'no.json does not exist' in output


@pytest.mark.parametrize('argv', [('--fix-file', 'a'), ('--nproc', 0),
                                  ('--examples', 0)])
def test_bad_arguments(check, data, argv):
    assert check(data.labeller, *argv)[0] == 2
