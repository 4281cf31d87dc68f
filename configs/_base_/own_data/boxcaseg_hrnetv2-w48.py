# For the labellers that tools/new_dataset.py writes; they set the paths.
_base_ = [
    '../models/boxcaseg_hrnetv2-w48.py', '../datasets/boxes_salient.py',
    '../schedules/sgd_poly_warmup.py', '../default_runtime.py'
]

model = dict(pixel_heads_on='all')  # better than the paper's on small sets
