"""What PyTorch's rows have in common: a case is a function to time and one that gives the results to compare."""
import json
import sys

import torch

# Sizes and rates that all peers share.
SETTINGS = json.loads(sys.argv[6])


def forward(compute):
    def run():
        with torch.no_grad():
            return compute()
    return run, lambda: [run()]


def gradients(inputs, compute):
    """The loss sum(y * g) and the gradients of all inputs but `g`."""
    g = inputs['g']
    leaves = [value.requires_grad_() for name, value in inputs.items() if name != 'g']

    def run():
        for leaf in leaves:
            leaf.grad = None
        y = compute(*leaves)
        (y * g).sum().backward()
        return y

    def check():
        y = run()
        return [y] + [leaf.grad for leaf in leaves]
    return run, check


def training(optimizer, loss, output):
    def step():
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        value.backward()
        optimizer.step()
        return value.item()

    def check():
        losses = torch.tensor([step() for _ in range(SETTINGS['checkedSteps'])])
        with torch.no_grad():
            return [losses, output()]
    return step, check


def set_parameters(model, inputs):
    """Gives a model the inputs whose names have a dot, in the order of registration."""
    values = [value for name, value in inputs.items() if '.' in name]
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(value)
    return model.parameters()


def classifier(inputs, model, optimizer):
    x, y = inputs['x'], inputs['labels'].long()
    criterion = torch.nn.CrossEntropyLoss()
    updates = optimizer(set_parameters(model, inputs))
    return training(updates, lambda: criterion(model(x), y), lambda: model(x))
