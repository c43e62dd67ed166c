"""PyTorch's training steps."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from cases import SETTINGS, classifier, gradients, set_parameters, training


def options(settings):
    given = dict(settings, betas=(settings['beta1'], settings['beta2']))
    given['weight_decay'] = given.pop('weightDecay', 0)
    return {name: given[name] for name in ('lr', 'betas', 'eps', 'weight_decay')}


def adam(parameters):
    return torch.optim.Adam(parameters, **options(SETTINGS['adam']))


def sgd(parameters):
    return torch.optim.SGD(parameters, **SETTINGS['sgd'])


def mlp(i):
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10))
    return classifier(i, model, adam)


def cnn(i):
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 10))
    return classifier(i, model, sgd)


def lstm(i):
    names = ['weightIh', 'weightHh', 'biasIh', 'biasHh']
    layer = nn.LSTM(SETTINGS['lstm']['inputs'], SETTINGS['lstm']['hidden'])
    with torch.no_grad():
        for parameter, name in zip(layer.parameters(), names, strict=True):
            parameter.copy_(i[name])
    run, _ = gradients({'x': i['x'], 'g': i['g']}, lambda x: layer(x)[0])

    def step():
        layer.zero_grad(set_to_none=True)
        return run()

    def check():
        y = step()
        return [y, i['x'].grad] + [parameter.grad for parameter in layer.parameters()]
    return step, check


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.ln2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def attention(self, x, hidden):
        batch, length, width = x.shape
        q, k, v = (t.view(batch, length, self.heads, -1).transpose(1, 2) for t in self.qkv(x).chunk(3, 2))
        scores = q @ k.transpose(2, 3) / math.sqrt(width // self.heads)
        weights = torch.softmax(scores.masked_fill(hidden, -math.inf), 3)
        return self.projection((weights @ v).transpose(1, 2).reshape(batch, length, width))

    def forward(self, x, hidden):
        x = x + self.attention(self.ln1(x), hidden)
        return x + self.down(F.gelu(self.up(self.ln2(x)), approximate='tanh'))


class Gpt(nn.Module):
    def __init__(self, layers, width, heads, length, vocabulary, **_):
        super().__init__()
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary)
        self.positions = torch.arange(length)
        self.hidden = torch.ones(length, length, dtype=torch.bool).triu(1)

    def forward(self, tokens):
        x = self.token(tokens) + self.position(self.positions)
        for block in self.blocks:
            x = block(x, self.hidden)
        return self.head(self.ln(x))


def gpt(i):
    model = Gpt(**SETTINGS['gpt'])
    tokens, targets = i['tokens'], i['targets'].long().flatten()
    optimizer = torch.optim.AdamW(set_parameters(model, i), **options(SETTINGS['adamw']))
    return training(
        optimizer, lambda: F.cross_entropy(model(tokens).flatten(0, 1), targets), lambda: model(tokens))


class ResidualBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.conv2 = nn.Conv2d(64, 64, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(64)

    def forward(self, x):
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + x)


def resnet(i):
    model = ResidualBlock()
    optimizer = torch.optim.SGD(set_parameters(model, i), **SETTINGS['resnet'])
    return training(optimizer, lambda: F.mse_loss(model(i['x']), i['y']), lambda: model(i['x']))


def adam_update(i):
    indices = range(SETTINGS['updated']['count'])
    parameters = [nn.Parameter(i[f'parameter{n}']) for n in indices]
    optimizer = adam(parameters)
    for n, parameter in enumerate(parameters):
        parameter.grad = i[f'gradient{n}']

    def check():
        for _ in range(SETTINGS['checkedSteps']):
            optimizer.step()
        return parameters
    return optimizer.step, check


def tiny(i):
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(set_parameters(model, i), **SETTINGS['tiny'])
    return training(optimizer, lambda: F.mse_loss(model(i['x']), i['y']), lambda: model(i['x']))
