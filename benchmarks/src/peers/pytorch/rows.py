"""PyTorch's rows: from a row's inputs to what is timed and what is compared."""
import json

import numpy as np
import torch
import torch.nn.functional as F

import training
from cases import SETTINGS, forward, gradients


def start(threads):
    torch.set_num_threads(threads)


def read_inputs(directory, row):
    raw = open(f'{directory}/{row}.bin', 'rb').read()
    inputs = {}
    for entry in json.load(open(f'{directory}/{row}.json')):
        count = int(np.prod(entry['shape']))
        values = np.frombuffer(raw, entry['dtype'], count, entry['byteOffset']).reshape(entry['shape'])
        inputs[entry['name']] = torch.from_numpy(values.copy())
    return inputs


def of(compute):
    return lambda i: forward(lambda: compute(*i.values()))


def additions(x, y):
    for _ in range(SETTINGS['additions']):
        x = x + y
    return x


def conv(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=1)


def depthwise(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=1, groups=64)


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(1, 2) / 8, 2) @ v


matmul = of(lambda a, b: a @ b)

ROWS = {
    'matmul-256': matmul,
    'matmul-512': matmul,
    'matmul-1024': matmul,
    'matmul-2048': matmul,
    'matmul-tn-512': of(lambda a, b: a.T @ b),
    'matmul-nt-512': of(lambda a, b: a @ b.T),
    'matmul-tt-512': of(lambda a, b: a.T @ b.T),
    'matmul-1x1024x1024': matmul,
    'matmul-4x1024x1024': matmul,
    'matmul-1024x1024x1': matmul,
    'chain': of(lambda x: F.gelu(x * 1.5 + 0.5, approximate='tanh') * torch.sigmoid(x)),
    'softmax': of(lambda x: torch.softmax(x, 1)),
    'layer-norm': of(lambda x, weight, bias: F.layer_norm(x, (768,), weight, bias)),
    'sum-all': of(lambda x: x.sum()),
    'sum-dim0': of(lambda x: x.sum(0)),
    'sum-dim1': of(lambda x: x.sum(1)),
    'conv-forward': of(conv),
    'conv-backward': lambda i: gradients(i, conv),
    'depthwise-forward': of(depthwise),
    'depthwise-backward': lambda i: gradients(i, depthwise),
    'attention-forward': of(attention),
    'attention-backward': lambda i: gradients(i, attention),
    'additions': of(additions),
    'mlp-step': training.mlp,
    'cnn-step': training.cnn,
    'lstm': training.lstm,
    'gpt-step': training.gpt,
    'resnet-step': training.resnet,
    'adam-1m': training.adam_update,
    'tiny-step': training.tiny,
    'import-first': of(lambda a, b: torch.relu(a @ b)),
    'cold-mlp': training.mlp,
    'cold-gpt': training.gpt,
}
