import sys

import pytest

from mmboxcaseg import track


@pytest.mark.parametrize('num, lines', [(0, 0), (1, 1), (7, 7), (10, 10),
                                        (1234, 10)])
def test_one_line_per_ten_per_cent(capsys, num, lines):
    assert list(track(range(num))) == list(range(num))
    out = capsys.readouterr().out
    assert len(out.splitlines()) == lines
    assert '\r' not in out
    if num:
        assert out.splitlines()[-1].startswith(f'{num}/{num} (100 %)')


def test_number_of_an_iterator(capsys):
    assert list(track(iter('abcd'), 4)) == list('abcd')
    assert capsys.readouterr().out.startswith('1/4 (25 %)')


def test_bar_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True)
    assert list(track(range(30))) == list(range(30))
    assert 'ETA' in capsys.readouterr().out
