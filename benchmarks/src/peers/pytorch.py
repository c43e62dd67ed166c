"""PyTorch's rows: reads inputs from files, takes requests on stdin, answers on file descriptor 3 (see src/case.ts)."""
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

threads, row, directory, result_file, training_json = sys.argv[1:6]
torch.set_num_threads(int(threads))
TRAINING = json.loads(training_json)
answers = os.fdopen(3, 'w')


def answer(message):
    answers.write(json.dumps(message) + '\n')
    answers.flush()


def read_inputs():
    raw = open(f'{directory}/{row}.bin', 'rb').read()
    inputs = {}
    for entry in json.load(open(f'{directory}/{row}.json')):
        count = int(np.prod(entry['shape']))
        values = np.frombuffer(raw, entry['dtype'], count, entry['byteOffset']).reshape(entry['shape'])
        inputs[entry['name']] = torch.from_numpy(values.copy())
    return inputs


def forward(compute):
    def run():
        with torch.no_grad():
            return compute()
    return run, lambda: [run()]


def training(inputs, model, optimizer):
    names = [name for name in inputs if '.' in name]
    model.load_state_dict({key: inputs[name] for key, name in zip(model.state_dict(), names)})
    x, y = inputs['x'], inputs['labels'].long()
    criterion = torch.nn.CrossEntropyLoss()
    updates = optimizer(model.parameters())

    def step():
        updates.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        updates.step()
        return loss.item()

    def check():
        losses = torch.tensor([step() for _ in range(TRAINING['checkedSteps'])])
        with torch.no_grad():
            return [losses, model(x)]
    return step, check


def chain(i):
    return forward(lambda: F.gelu(i['x'] * 1.5 + 0.5, approximate='tanh') * torch.sigmoid(i['x']))


def mlp(i):
    nn = torch.nn
    adam = TRAINING['adam']
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    return training(i, model, lambda p: torch.optim.Adam(
        p, lr=adam['lr'], betas=(adam['beta1'], adam['beta2']), eps=adam['eps']))


def cnn(i):
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10))
    return training(i, model, lambda p: torch.optim.SGD(p, **TRAINING['sgd']))


def additions(i):
    def compute():
        x = i['x']
        for _ in range(TRAINING['additions']):
            x = x + i['y']
        return x
    return forward(compute)


def matmul(i):
    return forward(lambda: i['a'] @ i['b'])


ROWS = {
    'matmul-256': matmul,
    'matmul-512': matmul,
    'matmul-1024': matmul,
    'chain': chain,
    'softmax': lambda i: forward(lambda: torch.softmax(i['x'], 1)),
    'layer-norm': lambda i: forward(lambda: F.layer_norm(i['x'], (768,), i['weight'], i['bias'])),
    'sum-all': lambda i: forward(lambda: i['x'].sum()),
    'sum-dim0': lambda i: forward(lambda: i['x'].sum(0)),
    'sum-dim1': lambda i: forward(lambda: i['x'].sum(1)),
    'mlp-step': mlp,
    'cnn-step': cnn,
    'additions': additions,
}


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


try:
    run, check = ROWS[row](read_inputs())
    results = [np.ascontiguousarray(r.numpy(), np.float32).tobytes() for r in check()]
    open(result_file, 'wb').write(b''.join(results))
    answer({'ready': {'firstMs': timed(run)}})
    for line in sys.stdin:
        answer({'times': measure(run, **json.loads(line))})
except Exception as e:
    answer({'error': str(e).split('\n')[0] or type(e).__name__})
