"""Stage: train the teacher, HRNetV2-W18, on ground truth."""

from dataclasses import dataclass

from torch import Tensor

from toolkit import bundle
from toolkit.core.progress import Outcome, Steps
from toolkit.data.batches import Batch
from toolkit.models import HRNet
from toolkit.models.spec import HRNetSpec
from toolkit.train.inference import normalised
from toolkit.train.job import Job, Pass
from toolkit.train.loop import fit
from toolkit.train.losses import mse, targets
from toolkit.train.setup import Training, open_session


@dataclass(frozen=True, kw_only=True)
class Teacher(Training):
    """Train HRNetV2-W18, whose heatmaps the students later learn from."""


def run(options: Teacher) -> Steps[Outcome]:
    """Train and write the bundle; see Teacher."""
    session = yield from open_session(options)
    net = HRNet(HRNetSpec(points=session.train.faces.scheme.points)).to(session.device)

    def step(batch: Batch) -> dict[str, Tensor]:
        truth, known = targets(batch, options.sigma, session.device)
        return {"mse": mse(net(normalised(batch.images, session.device)), truth, known)}

    job = Job(
        nets={"teacher": net},
        passes=(Pass(name="weights", optimiser=options.optim.optimiser(list(net.parameters())), step=step),),
        optim=options.optim,
        faces=session.train,
        validation=session.validation,
        augment=options.augment,
        seed=options.seed,
        sigma_px=options.sigma,
        identity=session.identity("teacher"),
    )
    log = yield from fit(job, options.out, resume=options.resume)
    card = session.card("hrnet-w18", "teacher", log, metrics={"val": log[-1]["val_teacher"]})
    bundle.write(bundle.of_network(net, card, tuple(log)), options.out)
    nme = log[-1]["val_teacher"]["nme_mean"]
    return Outcome(
        text=f"teacher written to {options.out}: validation NME {nme:.2f} %", records=({"kind": "stage", **log[-1]},)
    )
