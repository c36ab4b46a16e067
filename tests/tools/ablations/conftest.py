"""What the tests of the ablations share."""

from toolkit.core.progress import Steps
from toolkit.pipelines.jobs import Job


def one_after_the_other(jobs: list[Job[object]], at_once: int) -> Steps[None]:
    """In this process, which spares each job the start of another."""
    for job in jobs:
        yield from job.steps()
