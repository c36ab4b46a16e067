"""SD-HRNet face landmarks from training to a phone.

Data flows one way; each stage reads the folder of the one before and writes its own:

    data -> stages.teacher, stages.supernet -> stages.slim -> stages.distil   (bundles)
         -> stages.convert -> stages.verify -> stages.benchmark -> stages.report   (files, records, a page)
         -> runtime and detect: points on a photo, without torch

Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
