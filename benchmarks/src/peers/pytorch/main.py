"""PyTorch's process: reads inputs from files, takes requests on stdin, answers on file descriptor 3 (see src/case.ts)."""
import json
import os
import sys
import time

row, directory, result_file, threads, timing = sys.argv[1:6]
answers = os.fdopen(3, 'w')


def answer(message):
    answers.write(json.dumps(message) + '\n')
    answers.flush()


def timed(run):
    start = time.perf_counter()
    run()
    return (time.perf_counter() - start) * 1e3


def measure(run, ms, calls):
    times = []
    end = time.perf_counter() + ms / 1e3
    if calls > 1:
        timed(run)
    while not times or (len(times) < calls and time.perf_counter() < end):
        times.append(timed(run))
    return times


def load():
    """The rows' module is what imports the library."""
    import rows
    rows.start(int(threads))
    return rows


def make(rows):
    return rows.ROWS[row](rows.read_inputs(directory, row))


def write(results):
    arrays = [r.detach().numpy().astype('float32') for r in results]
    with open(result_file, 'wb') as file:
        for array in arrays:
            file.write(array.tobytes())
    return [array.size for array in arrays]


def once(timing):
    """Imports and makes the case with the clock running, as `timing` says; the results are compared afterwards."""
    rows = load() if timing == 'first step' else None
    start = time.perf_counter()
    run, check = make(rows or load())
    run()
    ms = (time.perf_counter() - start) * 1e3
    answer({'ready': {'firstMs': ms, 'lengths': write(check())}})


def serve():
    run, check = make(load())
    lengths = write(check())
    answer({'ready': {'firstMs': timed(run), 'lengths': lengths}})
    for line in sys.stdin:
        answer({'times': measure(run, **json.loads(line))})


try:
    serve() if timing == 'warm' else once(timing)
except Exception as e:
    answer({'error': str(e).split('\n')[0] or type(e).__name__})
