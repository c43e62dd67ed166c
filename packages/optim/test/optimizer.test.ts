import {
  full,
  resetStats,
  StaleTensorError,
  StateDictError,
  scalarInput,
  stats,
  type Tensor,
  tensor,
  use,
  ValueError,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import { Adam, AdamW, RAdam, SGD } from '../src/index.js';
import { parameter, setGrad, values } from './helpers.js';

beforeAll(async () => {
  await use(reference());
});

describe('parameter groups', () => {
  test('have options of their own and share the defaults', async () => {
    const [a, b] = [parameter([1], [1]), parameter([1], [1])];
    const optimizer = new SGD([{ params: [a] }, { params: b, lr: 0.5 }], { lr: 0.1, momentum: 0.9 });
    expect(optimizer.paramGroups.map(({ lr, momentum }) => [lr, momentum])).toEqual([
      [0.1, 0.9],
      [0.5, 0.9],
    ]);
    await optimizer.step();
    expect([await values(a), await values(b)]).toEqual([[Math.fround(0.9)], [0.5]]);
  });

  test('can be added later', async () => {
    const [a, b] = [parameter([1], [1]), parameter([2], [1])];
    const optimizer = new Adam([a]);
    await optimizer.step();
    optimizer.addParamGroup({ params: [b], lr: 1 });
    await optimizer.step();
    expect((await values(b))[0]).toBeCloseTo(1, 5);
    expect(optimizer.stateDict().state).toMatchObject({ 0: { step: 2 }, 1: { step: 1 } });
  });

  test('parameters without a gradient stay, and get no state', async () => {
    const [a, b] = [parameter([1], [1]), parameter([2])];
    const optimizer = new Adam([a, b], { lr: 1 });
    await optimizer.step();
    expect(await values(b)).toEqual([2]);
    expect(Object.keys(optimizer.stateDict().state)).toEqual(['0']);
    setGrad(b, [1]);
    await optimizer.step();
    expect((await values(b))[0]).toBeCloseTo(1, 5);
  });

  test('a step without any gradient does nothing', async () => {
    const a = parameter([1]);
    expect(await new SGD([a], { lr: 1 }).step()).toBeUndefined();
    expect(await values(a)).toEqual([1]);
  });

  test('a generator of parameters is used once', () => {
    const params = [parameter([1]), parameter([2])];
    expect(new SGD(params.values(), { lr: 1 }).paramGroups[0].params).toEqual(params);
  });
});

describe('wrong use', () => {
  const a = parameter([1]);
  test.each<[string, () => unknown, RegExp]>([
    [
      'a tensor instead of a list',
      () => new SGD(a as never, { lr: 1 }),
      /SGD: expected an iterable .* got a tensor of shape \[1\]/,
    ],
    [
      'nothing',
      () => new SGD(undefined as never, { lr: 1 }),
      /expected an iterable of parameters or of groups, got undefined/,
    ],
    ['an empty list', () => new SGD([], { lr: 1 }), /got an empty parameter list/],
    [
      'something else in the list',
      () => new SGD([3 as never], { lr: 1 }),
      /can only optimize tensors, got a value of type Number/,
    ],
    ['a non-leaf', () => new SGD([a.mul(2)], { lr: 1 }), /can't optimize a non-leaf tensor of shape \[1\]/],
    [
      'one parameter in two groups',
      () => new SGD([{ params: [a] }, { params: [a] }], { lr: 1 }),
      /more than one parameter group/,
    ],
    ['one parameter twice', () => new SGD([a, a], { lr: 1 }), /a group contains a parameter twice/],
    ['no learning rate', () => new SGD([a]), /a group has no lr/],
    ['a negative learning rate', () => new SGD([a], { lr: -1 }), /SGD: invalid learning rate: -1/],
    [
      'a learning rate that is no number',
      () => new SGD([a], { lr: Number.NaN }),
      /invalid learning rate: NaN/,
    ],
    ['a negative momentum', () => new SGD([a], { lr: 1, momentum: -0.1 }), /invalid momentum value: -0.1/],
    ['a negative decay', () => new AdamW([a], { weightDecay: -1 }), /AdamW: invalid weightDecay value: -1/],
    [
      'nesterov without momentum',
      () => new SGD([a], { lr: 1, nesterov: true }),
      /Nesterov momentum requires a momentum and zero dampening/,
    ],
    ['a beta of one', () => new Adam([a], { betas: [0.9, 1] }), /Adam: invalid beta parameter at index 1: 1/],
    ['a negative epsilon', () => new Adam([a], { eps: -1 }), /invalid epsilon value: -1/],
    [
      'an option in snake_case',
      () => new Adam([a], { weight_decay: 1 } as never),
      /Adam: no option 'weight_decay' among lr, betas/,
    ],
    ['a bad option in a group', () => new Adam([{ params: [a], lr: -3 }]), /invalid learning rate: -3/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(ValueError);
    expect(make).toThrow(message);
  });
});

describe('zeroGrad', () => {
  test('forgets gradients, or sets them to zero', async () => {
    const a = parameter([1, 2], [3, 4]);
    const optimizer = new SGD([a], { lr: 1 });
    optimizer.zeroGrad({ setToNone: false });
    expect(await values(a.grad as Tensor)).toEqual([0, 0]);
    optimizer.zeroGrad();
    expect(a.grad).toBeNull();
  });
});

describe('step', () => {
  test('calls a closure with gradients on, and returns its loss', async () => {
    const a = parameter([3]);
    const optimizer = new SGD([a], { lr: 0.5 });
    const loss = await optimizer.step(() => {
      setGrad(a, [2]);
      return a.mul(a).sum();
    });
    expect(loss?.requiresGrad).toBe(true);
    expect(await values(a)).toEqual([2]);
  });

  test('keeps parameters leaves, and gradients untouched', async () => {
    const a = parameter([3], [1]);
    const { grad } = a;
    await new Adam([a]).step();
    expect([a.requiresGrad, a.isLeaf]).toEqual([true, true]);
    expect(a.grad).toBe(grad);
  });

  test('that fails counts nothing', async () => {
    const [a, b] = [parameter([1], [1]), parameter([2], [1])];
    const stale = a.detach().mul(3);
    await new SGD([a], { lr: 1 }).step();
    const optimizer = new Adam([b], { lr: 1 });
    b.grad = stale;
    await expect(optimizer.step()).rejects.toThrow(StaleTensorError);
    expect(optimizer.stateDict().state).toEqual({});
    setGrad(b, [1]);
    await optimizer.step();
    expect(optimizer.stateDict().state[0].step).toBe(1);
    expect((await values(b))[0]).toBeCloseTo(1, 5);
  });

  test('updates float64 in float64', async () => {
    const a: Tensor = tensor(Float64Array.of(1), { requiresGrad: true });
    a.grad = tensor(Float64Array.of(1e-3));
    await new SGD([a], { lr: 0.1 }).step();
    expect(a.dtype).toBe('float64');
    expect((await a.data())[0]).toBe(1 - 1e-3 * 0.1);
  });

  test.each([
    ['SGD', (params: Tensor[]) => new SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 })],
    ['Adam', (params: Tensor[]) => new Adam(params, { amsgrad: true })],
    ['RAdam', (params: Tensor[]) => new RAdam(params)],
  ] as const)('%s: from step 3 on nothing is compiled, whatever the options become', async (_, make) => {
    const params = [parameter([1, 2]), parameter([3, 4, 5])];
    const optimizer = make(params);
    const run = async (step: number): Promise<void> => {
      params.forEach((param) => {
        param.grad = full(param.shape, 1).mul(scalarInput(step + 0.5));
      });
      await optimizer.step();
    };
    await run(1);
    await run(2);
    resetStats();
    for (let step = 3; step < 12; step++) {
      // 0, 0.5, 1 and 2 are constants elsewhere; here they must not be.
      optimizer.paramGroups[0].lr = [0.5, 1, 0.25, 0, 2][step % 5];
      await run(step);
    }
    const { plansBuilt, programsCompiled } = stats();
    expect([plansBuilt, programsCompiled]).toEqual([0, 0]);
  });
});

describe('stateDict', () => {
  test('has the layout and the names of PyTorch', async () => {
    const params = [parameter([1, 2], [1, 1]), parameter([3], [1])];
    const optimizer = new AdamW([{ params: [params[0]] }, { params: [params[1]], lr: 0.1, weightDecay: 0 }], {
      amsgrad: true,
    });
    await optimizer.step();
    const state = optimizer.stateDict();
    expect(state.param_groups).toEqual([
      {
        lr: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 1e-2,
        amsgrad: true,
        maximize: false,
        params: [0],
      },
      {
        lr: 0.1,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0,
        amsgrad: true,
        maximize: false,
        params: [1],
      },
    ]);
    expect(Object.keys(state.state[1]).sort()).toEqual(['exp_avg', 'exp_avg_sq', 'max_exp_avg_sqs', 'step']);
    expect(state.state[0].step).toBe(1);
    expect((await values(state.state[0].exp_avg as Tensor))[0]).toBeCloseTo(0.1, 6);
  });

  test('takes a state as PyTorch saves it, with the step as a tensor and implementation flags', async () => {
    const a = parameter([1], [1]);
    const optimizer = new Adam([a], { lr: 5 });
    const saved = {
      state: { 0: { step: tensor(9), exp_avg: tensor([0.5]), exp_avg_sq: tensor([0.25]) } },
      param_groups: [
        {
          lr: 0.1,
          betas: [0.9, 0.999],
          eps: 1e-8,
          weight_decay: 0,
          amsgrad: false,
          maximize: false,
          foreach: null,
          capturable: false,
          params: [0],
        },
      ],
    };
    optimizer.loadStateDict(saved);
    expect(optimizer.paramGroups[0].lr).toBe(0.1);
    await optimizer.step();
    expect(optimizer.stateDict().state[0].step).toBe(10);
    const mean = 0.9 * 0.5 + 0.1;
    const square = 0.999 * 0.25 + 0.001;
    const expected =
      1 - ((0.1 / (1 - 0.9 ** 10)) * mean) / (Math.sqrt(square) / Math.sqrt(1 - 0.999 ** 10) + 1e-8);
    expect((await values(a))[0]).toBeCloseTo(expected, 5);
    // The caller's tensors are not written into.
    expect(await values(saved.state[0].exp_avg)).toEqual([0.5]);
  });

  test('of SGD without momentum is empty, and None counts as nothing', () => {
    const a = parameter([1]);
    const optimizer = new SGD([a], { lr: 1 });
    const saved = optimizer.stateDict();
    expect(saved.state).toEqual({});
    optimizer.loadStateDict({ ...saved, state: { 0: { momentum_buffer: null } } });
  });

  describe('is checked, and a bad one changes nothing', () => {
    const group = {
      lr: 0.1,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weight_decay: 0,
      amsgrad: false,
      maximize: false,
      params: [0],
    };
    const entry = { step: 1, exp_avg: tensor([0, 0]), exp_avg_sq: tensor([0, 0]) };
    const { betas: _, ...withoutBetas } = group;
    test.each<[string, unknown, RegExp]>([
      ['no state at all', {}, /expected an object with state and param_groups/],
      [
        'other groups',
        { state: {}, param_groups: [group, group] },
        /has 2 parameter groups, the optimizer has 1/,
      ],
      [
        'other parameters',
        { state: {}, param_groups: [{ ...group, params: [0, 1] }] },
        /group 0 has 2 parameters in the saved state, 1 in/,
      ],
      [
        'a strange parameter',
        { state: { 3: entry }, param_groups: [group] },
        /entry for parameter 3, which is in no group/,
      ],
      [
        'options of another optimizer',
        { state: {}, param_groups: [{ ...withoutBetas, momentum: 0 }] },
        /group 0 has no betas; is the checkpoint of another optimizer/,
      ],
      ['an unknown option', { state: {}, param_groups: [{ ...group, rho: 1 }] }, /group 0 has an option rho/],
      [
        'an option of another type',
        { state: {}, param_groups: [{ ...group, lr: 'fast' }] },
        /lr of group 0 is "fast"/,
      ],
      [
        'another shape',
        { state: { 0: { ...entry, exp_avg: tensor([1]) } }, param_groups: [group] },
        /exp_avg of parameter 0 has shape \[1\], the parameter has \[2\]/,
      ],
      [
        'something missing',
        { state: { 0: { step: 1, exp_avg: entry.exp_avg } }, param_groups: [group] },
        /the state of parameter 0 has no exp_avg_sq/,
      ],
      [
        'state of another optimizer',
        { state: { 0: { ...entry, momentum_buffer: tensor([0, 0]) } }, param_groups: [group] },
        /has momentum_buffer, which this optimizer does not keep/,
      ],
      [
        'no number',
        { state: { 0: { ...entry, step: 'one' } }, param_groups: [group] },
        /step of parameter 0 is no number/,
      ],
      [
        'no tensor',
        { state: { 0: { ...entry, exp_avg: 1 } }, param_groups: [group] },
        /exp_avg of parameter 0 is no tensor/,
      ],
    ])('%s', (_, saved, message) => {
      const optimizer = new Adam([parameter([1, 2])], { lr: 7 });
      const load = () => optimizer.loadStateDict(saved as never);
      expect(load).toThrow(StateDictError);
      expect(load).toThrow(message);
      expect(optimizer.paramGroups[0].lr).toBe(7);
      expect(optimizer.stateDict().state).toEqual({});
    });

    test('an option out of range', () => {
      const optimizer = new Adam([parameter([1, 2])], { lr: 7 });
      expect(() => optimizer.loadStateDict({ state: {}, param_groups: [{ ...group, lr: -1 }] })).toThrow(
        /invalid learning rate: -1/,
      );
      expect(optimizer.paramGroups[0].lr).toBe(7);
    });
  });
});
