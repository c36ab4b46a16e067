"""`python -m tools`: what makes the repository's records and contracts, from a clone."""

import sys

from toolkit.cli.program import Group, Moved, Program, Stage
from toolkit.core.options import Options

ablate = Group("Compare with and without")
make = Group("Make what every platform reads")


@ablate.command("ablate augment", "what each group of augmentation gives")
def _augment() -> Stage[Options]:
    from tools.ablations.augment import Augmentations, run

    return Stage(Augmentations, run)


@ablate.command("ablate techniques", "what the ways of training are worth")
def _techniques() -> Stage[Options]:
    from tools.ablations.techniques import Techniques, run

    return Stage(Techniques, run)


@ablate.command("ablate losses", "what each loss of heatmaps and of coordinates gives")
def _losses() -> Stage[Options]:
    from tools.ablations.losses import Losses, run

    return Stage(Losses, run)


@ablate.command("ablate ingredients", "what each ingredient of the released models gives")
def _ingredients() -> Stage[Options]:
    from tools.ablations.ingredients import Ingredients, run

    return Stage(Ingredients, run)


@ablate.command("ablate distil", "what each part of distillation gives (Table 6)")
def _distil() -> Stage[Options]:
    from tools.ablations.distillation import Distillation, run

    return Stage(Distillation, run)


@ablate.command("ablate masks", "what masked inputs give where faces are hidden")
def _masks() -> Stage[Options]:
    from tools.ablations.masks import Masks, run

    return Stage(Masks, run)


@ablate.command("ablate slim", "ways to choose operations, at equal MACs")
def _slim() -> Stage[Options]:
    from tools.ablations.importances import Slimmings, run

    return Stage(Slimmings, run)


@ablate.command("ablate budgets", "edges, layers, channels at budgets of operations")
def _budgets() -> Stage[Options]:
    from tools.ablations.budgets import Budgets, run

    return Stage(Budgets, run)


@ablate.command("ablate channels", "ways to choose channels, at equal MACs")
def _channels() -> Stage[Options]:
    from tools.ablations.channels import Channels, run

    return Stage(Channels, run)


@ablate.command("ablate rewrites", "what each exact rewrite gives, on one bundle")
def _rewrites() -> Stage[Options]:
    from tools.ablations.rewrites import Rewrites, run

    return Stage(Rewrites, run)


@ablate.command("ablate convert", "ways to convert one bundle, measured")
def _convert() -> Stage[Options]:
    from tools.ablations.conversions import Conversions, run

    return Stage(Conversions, run)


@ablate.command("detectors", "the detector beside MediaPipe's own")
def _detectors() -> Stage[Options]:
    from tools.detector import Detectors, run

    return Stage(Detectors, run)


@ablate.command("small-faces", "which small faces are found, by where is looked")
def _small_faces() -> Stage[Options]:
    from tools.small_faces import SmallFaces, run

    return Stage(SmallFaces, run)


@ablate.command("stages", "where a photo's time goes, beside Face Mesh")
def _stages() -> Stage[Options]:
    from tools.stages import Stages, run

    return Stage(Stages, run)


@ablate.command("flicker", "what a second look takes off the flicker, beside Face Mesh")
def _flicker() -> Stage[Options]:
    from tools.flicker import Flicker, run

    return Stage(Flicker, run)


@ablate.command("first-crop", "crops from the detector's keypoints rather than its box")
def _first_crop() -> Stage[Options]:
    from tools.first_crop import FirstCrop, run

    return Stage(FirstCrop, run)


@ablate.command("layout", "how far points are annotated from where drawn faces have them")
def _layout() -> Stage[Options]:
    from tools.layout import Layout, run

    return Stage(Layout, run)


@make.command("contract", "contract.json and golden/ in deploy")
def _contract() -> Stage[Options]:
    from tools.contract.command import Contract, run

    return Stage(Contract, run)


@make.command("pictures", "the pictures of the README")
def _pictures() -> Stage[Options]:
    from tools.pictures import Pictures, run

    return Stage(Pictures, run)


TOOLS = Program(
    name="python -m tools",
    about="What makes the records and contracts of this repository.",
    start="Run it in the root of a clone.",
    groups=(ablate, make),
    moved=(Moved("ablate recipe", "ablate techniques"),),
)

if __name__ == "__main__":
    sys.exit(TOOLS.main())
