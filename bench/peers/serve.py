"""The protocol of serve.mjs for engines in Python."""

import json
import platform
import sys
import time

MARK = "@bench "


class Unsupported(Exception):
    """A case that an engine cannot do, for a reason that is no failure."""


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
        return names[0] if names else platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def run(case, calls):
    begin = time.perf_counter()
    for _ in range(calls):
        case.run()
    return {"ms": (time.perf_counter() - begin) * 1000}


def serve(about, prepare):
    """Answers requests until stdin ends. `about`: adapter, driver and version; `prepare(request)` makes a case, which has
    `run()` and `finish()`."""
    case = None
    for line in sys.stdin:
        request = json.loads(line)
        op = request["op"]
        if op == "close":
            break
        try:
            if op == "open":
                answer = about
            elif op == "prepare":
                case, answer = None, {}
                case = prepare(request)
            elif op == "run":
                answer = run(case, request["calls"])
            else:
                case, answer = None, {"info": case.finish()}
        except Unsupported as error:
            answer = {"unsupported": str(error)}
        except Exception as error:  # whatever went wrong belongs to this case, not to the run
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(MARK + json.dumps(answer), flush=True)
