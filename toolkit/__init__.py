"""SD-HRNet face landmarks from training to a phone.

Data flows one way; each stage reads the folder of the one before and writes its own:

    data -> stages.teacher, stages.supernet -> stages.slim -> stages.distil   (bundles)
         -> stages.convert -> stages.verify -> stages.benchmark -> stages.report   (files, records, a page)
         -> runtime, detect and live: points on a photo, a video, a camera, without torch

`road`, `ablations` and `release` (by `recipe`) string stages together; `bench` holds what a benchmark compares with,
`contract` what every platform in deploy/ reads, `server` what gives a browser the page.

Importing this package imports nothing heavy.
"""

__version__ = "0.2.0.dev0"
