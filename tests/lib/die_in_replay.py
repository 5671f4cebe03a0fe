"""Run a replay and kill this very process, for real, right after its NTH commit.

python die_in_replay.py NTH CONFIG
"""

import itertools
import os
import signal
import sys

from headrace.lake import replays
from pipelines import replay

if __name__ == "__main__":
    nth, config = int(sys.argv[1]), sys.argv[2]
    commit, passed = replays.commit_once, itertools.count(1)

    def dying(*args, **kwargs):
        done = commit(*args, **kwargs)
        if next(passed) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    replays.commit_once = dying
    sys.exit(replay.main(["--config", config, "--json"]))
