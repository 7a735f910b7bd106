"""What runs on one host: web server or worker under the product's supervisor, which starts again what dies."""

import argparse
import dataclasses
import os
import signal
import sys

from project import supervisor
from project.lifeline import die_with_parent
from tests.faults.pace import PACES, VARIABLE
from tests.faults.site import WORKER

WEB, WORK = "web server", "worker"


def main() -> int:
    """Run until a signal to end; return the supervisor's status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=[WEB, WORK])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    die_with_parent(signal.SIGTERM, parent=os.getppid())
    pace = PACES.get(os.environ.get(VARIABLE, ""))
    if pace is not None:
        supervisor.LONGEST_PAUSE_SECONDS = pace.longest_pause
    with supervisor.listen(options.address, options.port) as listener:
        service = next(each for each in supervisor.site_services(listener) if each.name == options.role)
        if options.role == WORK and pace is not None:
            service = dataclasses.replace(service, command=WORKER)
        return supervisor.Supervisor([service]).run()


if __name__ == "__main__":
    sys.exit(main())
