"""The commands of `sdhrnet`, by what one wants to do; each is imported when it is called."""

from itertools import chain
from typing import TYPE_CHECKING

from toolkit.cli.program import Group, Moved, OldOption, Stage

if TYPE_CHECKING:
    from toolkit.core.options import Options

start = Group("Start")
train = Group("Train a network")
convert = Group("Convert it and prove the files")
measure = Group("Measure and compare")
data = Group("Prepare labelled faces")
live = Group("Find landmarks in pictures, videos and a browser")
GROUPS = (start, train, convert, measure, data, live)


@start.command("quickstart", "the whole pipeline, small, on synthetic faces; ends with a report")
def _quickstart() -> "Stage[Options]":
    from toolkit.pipelines.quickstart import Quickstart, run

    return Stage(Quickstart, run)


@train.command("teacher", "train the teacher, HRNetV2-W18")
def _teacher() -> "Stage[Options]":
    from toolkit.commands.train.teacher import Teacher, run

    return Stage(Teacher, run)


@train.command("supernet", "train HRSuperNet and its importance factors")
def _supernet() -> "Stage[Options]":
    from toolkit.commands.train.supernet import Supernet, run

    return Stage(Supernet, run)


@train.command("slim", "cut the supernet down to a budget")
def _slim() -> "Stage[Options]":
    from toolkit.commands.train.slim import Slim, run

    return Stage(Slim, run)


@train.command("slim sweep", "a family over budgets, each trained on, with plots")
def _slim_sweep() -> "Stage[Options]":
    from toolkit.pipelines.sweep import Sweep, run

    return Stage(Sweep, run)


@train.command("latency-table", "time each kind of operation on this device, for slimming")
def _latency_table() -> "Stage[Options]":
    from toolkit.commands.train.latency_table import MakeTable, run

    return Stage(MakeTable, run)


@train.command("distil", "refine the slimmed network by triple distillation")
def _distil() -> "Stage[Options]":
    from toolkit.commands.train.distil import Distil, run

    return Stage(Distil, run)


@train.command("shape", "fit a layer that corrects each point by all of the face's")
def _shape() -> "Stage[Options]":
    from toolkit.commands.train.shape import Shape, run

    return Stage(Shape, run)


@train.command("throughput", "faces a second of each training stage, or at inference")
def _throughput() -> "Stage[Options]":
    from toolkit.pipelines.throughput import Throughput, run

    return Stage(Throughput, run)


@train.command("paper", "the paper's tables and figures, by its own recipe")
def _paper() -> "Stage[Options]":
    from toolkit.pipelines.paper import Paper, run

    return Stage(Paper, run)


@train.command("release", "train, convert and prove what ships in the package")
def _release() -> "Stage[Options]":
    from toolkit.pipelines.release import Release, run

    return Stage(Release, run)


@convert.command("convert", "to TFLite, CoreML and ONNX, each with its parity")
def _convert() -> "Stage[Options]":
    from toolkit.commands.convert.convert import Convert, run

    return Stage(Convert, run)


@convert.command("verify", "compare converted files with their bundle, in pixels")
def _verify() -> "Stage[Options]":
    from toolkit.commands.convert.verify import Verify, run

    return Stage(Verify, run)


@convert.command("verify arm", "compare TFLite files on an emulated Arm processor")
def _verify_arm() -> "Stage[Options]":
    from toolkit.commands.convert.verify_arm import VerifyArm, run

    return Stage(VerifyArm, run)


@convert.command("verify engine", "compare files on a phone's kind of engine, simulated")
def _verify_engine() -> "Stage[Options]":
    from toolkit.commands.convert.verify_engine import VerifyEngine, run

    return Stage(VerifyEngine, run)


@convert.command("describe", "parameters, MACs and edges of a bundle, file or architecture")
def _describe() -> "Stage[Options]":
    from toolkit.commands.convert.describe import Describe, run

    return Stage(Describe, run)


@convert.command("compare", "bundles before and after: counts, operations, size and time")
def _compare() -> "Stage[Options]":
    from toolkit.commands.convert.compare import Compare, run

    return Stage(Compare, run)


@measure.command("evaluate", "NME, FR@10 and AUC@10 of any bundle or converted file")
def _evaluate() -> "Stage[Options]":
    from toolkit.commands.measure.evaluate import Evaluate, run

    return Stage(Evaluate, run)


@measure.command("benchmark", "accuracy, time and size of every model, beside its competitors")
def _benchmark() -> "Stage[Options]":
    from toolkit.commands.measure.benchmark import Benchmark, run

    return Stage(Benchmark, run)


@measure.command("benchmark robustness", "the same under corruptions; flicker")
def _benchmark_robustness() -> "Stage[Options]":
    from toolkit.commands.measure.robustness import Robustness, run

    return Stage(Robustness, run)


@measure.command("benchmark angles", "the same where faces are turned in the picture, all around")
def _benchmark_angles() -> "Stage[Options]":
    from toolkit.commands.measure.angles import Angles, run

    return Stage(Angles, run)


@measure.command("benchmark false-faces", "faces seen where there are none; how sure of true ones")
def _benchmark_false_faces() -> "Stage[Options]":
    from toolkit.commands.measure.false_faces import FalseFaceRate, run

    return Stage(FalseFaceRate, run)


@measure.command("benchmark phone", "accuracy and time on an Android phone")
def _benchmark_phone() -> "Stage[Options]":
    from toolkit.commands.measure.benchmark_phone import AdbBenchmark, run

    return Stage(AdbBenchmark, run)


@measure.command("benchmark import", "records that a phone, browser or app exported")
def _benchmark_import() -> "Stage[Options]":
    from toolkit.commands.measure.benchmark_import import ImportRecords, run

    return Stage(ImportRecords, run)


@measure.command("report", "render a run's records as one HTML page")
def _report() -> "Stage[Options]":
    from toolkit.commands.measure.report import Report, run

    return Stage(Report, run)


@data.command("data check", "whether a folder of labelled faces is whole and sound")
def _data_check() -> "Stage[Options]":
    from toolkit.commands.data.check import Check, run

    return Stage(Check, run)


@data.command("data preview", "a contact sheet of labelled faces")
def _data_preview() -> "Stage[Options]":
    from toolkit.commands.data.preview import Preview, run

    return Stage(Preview, run)


@data.command("data label", "label your own photos, for training")
def _data_label() -> "Stage[Options]":
    from toolkit.commands.data.label import LabelPhotos, run

    return Stage(LabelPhotos, run)


@data.command("data pseudo-label", "label a set anew with trained networks")
def _data_pseudo_label() -> "Stage[Options]":
    from toolkit.commands.data.pseudo_label import PseudoLabel, run

    return Stage(PseudoLabel, run)


@data.command("data repose", "studio portraits seen anew: many faces of few")
def _data_repose() -> "Stage[Options]":
    from toolkit.commands.data.repose import Repose, run

    return Stage(Repose, run)


@data.command("data pack", "a set as one memory-mapped file of faces, cut already")
def _data_pack() -> "Stage[Options]":
    from toolkit.commands.data.pack import Pack, run

    return Stage(Pack, run)


@data.command("data boxes", "how a detector's boxes differ from those of the landmarks")
def _data_boxes() -> "Stage[Options]":
    from toolkit.commands.data.boxes import Boxes, run

    return Stage(Boxes, run)


@data.command("data throughput", "how many synthetic faces a second one core draws")
def _data_throughput() -> "Stage[Options]":
    from toolkit.commands.data.synthetic_throughput import SyntheticThroughput, run

    return Stage(SyntheticThroughput, run)


@live.command("models", "the released models: error, licence, and where files lie")
def _models() -> "Stage[Options]":
    from toolkit.commands.live.models import Models, run

    return Stage(Models, run)


@live.command("photo", "find faces in a photo and draw their landmarks")
def _photo() -> "Stage[Options]":
    from toolkit.commands.live.photo import Photo, run

    return Stage(Photo, run)


@live.command("video", "follow the faces of a video; draw and write their landmarks")
def _video() -> "Stage[Options]":
    from toolkit.commands.live.video import Video, run

    return Stage(Video, run)


@live.command("video measure", "its speed by stage and its jitter, on films of known points")
def _video_measure() -> "Stage[Options]":
    from toolkit.commands.live.video_throughput import VideoThroughput, run

    return Stage(VideoThroughput, run)


@live.command("webcam", "follow the faces before a camera, in a window or to a file")
def _webcam() -> "Stage[Options]":
    from toolkit.commands.live.webcam import Webcam, run

    return Stage(Webcam, run)


@live.command("serve", "the page that finds landmarks in a browser, for a phone too")
def _serve() -> "Stage[Options]":
    from toolkit.commands.live.serve import Serve, run

    return Stage(Serve, run)


COMMANDS = {command.name: command for command in chain.from_iterable(group.commands for group in GROUPS)}
"""Every command by its name."""

PRESET_STAGES = ("quickstart", "teacher", "supernet", "distil")
MOVED: tuple[Moved | OldOption, ...] = (
    Moved("slim --sweep", "slim sweep"),
    Moved("verify --arm", "verify arm"),
    Moved("benchmark --robustness", "benchmark robustness"),
    Moved("benchmark --device adb", "benchmark phone"),
    Moved("data pace", "data throughput"),
    Moved("video --measure", "video measure"),
    *(Moved(f"{stage} --preset paper", f"{stage} --preset paper-300w") for stage in PRESET_STAGES),
    Moved("distil --published 300w", "distil --peers-weight 4 --teacher-weight 1"),
    Moved("distil --published cofw", "distil --peers-weight 3 --teacher-weight 0.1"),
    Moved("distil --published wflw", "distil --peers-weight 0.3 --teacher-weight 0.1"),
    OldOption("evaluate", "--boxes", ("--boxes", "detector"), "evaluate --boxes detector", ("labels", "detector")),
    OldOption("benchmark", "--peers", ("--competitors",), "benchmark --competitors"),
    OldOption("photo", "--image", (), "photo IMAGE"),
)
"""Old spellings, understood for one version."""
