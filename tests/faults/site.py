"""The site as `manage.py serve` runs it, with the instrumented worker in the worker's place."""

import dataclasses
import os
import signal
import sys

from project import supervisor
from project.lifeline import die_with_parent
from tests.faults.pace import PACES, VARIABLE

WORKER = (sys.executable, "-m", "tests.faults.worker")


def main() -> int:
    """Run the supervisor until a signal to end; return its status."""
    die_with_parent(signal.SIGTERM, parent=os.getppid())
    supervisor.LONGEST_PAUSE_SECONDS = PACES[os.environ[VARIABLE]].longest_pause
    listener = supervisor.listen("127.0.0.1", 0)
    with listener:
        services = [
            dataclasses.replace(service, command=WORKER) if service.name == "worker" else service
            for service in supervisor.site_services(listener)
        ]
        return supervisor.Supervisor(services).run()


if __name__ == "__main__":
    sys.exit(main())
