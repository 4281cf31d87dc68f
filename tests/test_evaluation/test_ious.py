import pytest
from slow_ious import encode, slow_iou, slow_summary

from mmboxcaseg.evaluation import mask_iou, summarize_ious

HEIGHT, WIDTH = 20, 25


@pytest.mark.parametrize('density', [0, 0.1, 0.6, 1])
def test_mask_iou_against_counting(rng, density):
    for other in (0, 0.3, 1):
        a = rng.random((HEIGHT, WIDTH)) < density
        b = rng.random((HEIGHT, WIDTH)) < other
        iou = mask_iou(encode(a), encode(b))
        assert iou == pytest.approx(slow_iou(a, b))


@pytest.mark.parametrize('num_classes', [None, 80])
def test_summarize_ious_against_loops(rng, num_classes):
    ious, labels = rng.random(60), rng.choice([0, 3, 17], 60, p=[.7, .2, .1])
    thresholds = (25, 50, 70, 75)
    assert summarize_ious(ious, labels, thresholds,
                          num_classes) == pytest.approx(
                              slow_summary(ious, labels, thresholds,
                                           num_classes))


def test_classes_count_alike_and_thresholds_include_themselves():
    summary = summarize_ious([1, 1, 1, 0.5], [0, 0, 0, 1])
    assert summary == dict(mIoU_star=0.75, IoU_50=1, IoU_75=0.75)


@pytest.mark.parametrize('num_classes', [None, 80])
def test_summary_of_no_instances(num_classes):
    summary = summarize_ious([], [], (25, 50), num_classes)
    assert summary == dict(mIoU_star=-1, IoU_25=-1, IoU_50=-1)
