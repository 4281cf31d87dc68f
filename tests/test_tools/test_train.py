"""Broken files, each with the message that a user of train.py reads."""
import pytest
from spoil import annotation, area, edit, image, mask


@pytest.mark.parametrize('spoil, words', [
    (image('text'), ('boxes.json', 'the file is not an image', 'b.png')),
    (image('grey16'), ('more than 8 bits', 'b.png')),
    (image('plain'), ('has another size', 'b.png')),
    (lambda data: (data.images / 'b.png').unlink(), ('do not exist', 'b.png')),
    (annotation(bbox=[1, 2, 'x', 4]), ('annotation 5', 'finite numbers')),
    (annotation(category_id=99),
     ('boxes.json', 'annotation 5', 'unknown class', 'Correct or remove')),
    (edit(lambda d: d['annotations'].clear()),
     ('boxes.json', 'no annotations')),
    (mask(area(255, 20, 24)), ('salient_img', 'its mask has another size')),
    (mask(area(255, channels=(3, ))), ('its mask has colours', 'one.jpg')),
])
def test_train(refused, data, spoil, words):
    spoil(data)
    output = refused('train', data.labeller, '--work-dir',
                     data.folder / 'work')
    for word in words:
        assert word in output
    assert 'Epoch(train)' not in output
