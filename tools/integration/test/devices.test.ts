/** Two devices in one program. */
import '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import { type Device, DeviceError, randn, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, it } from 'vitest';

let fast: Device;
let plain: Device;

beforeAll(async () => {
  plain = await use(reference(), { log: false });
  fast = await use(cpu(), { log: false });
});

describe('devices', () => {
  it('moves values and gradients', async () => {
    const x = tensor([1, 2, 3], { requiresGrad: true, device: fast });
    const y = x.mul(2).to(plain).square().sum();
    expect(await y.item()).toBe(56);
    y.backward();
    expect([...(await x.grad!.data())]).toEqual([8, 16, 24]);
    expect(x.grad!.device).toBe(fast);
  });

  it('moves modules back and forth, before and after they were used, and their gradients with them', async () => {
    const model = new nn.Linear(3, 2);
    const weight = [...(await model.weight.data())];
    model.to(plain).to(fast).to(plain);
    expect([...(await model.weight.data())]).toEqual(weight);
    const lossOn = (device: Device) => model.forward(tensor([[1, 2, 3]], { device })).sum();
    lossOn(plain).backward();
    model.to(fast);
    expect(model.weight.grad!.device).toBe(fast);
    lossOn(fast).backward();
    expect(await model.weight.grad!.array()).toEqual([
      [2, 4, 6],
      [2, 4, 6],
    ]);
    model.to(plain);
    expect(await model.bias!.grad!.array()).toEqual([2, 2]);
    expect(model.bias!.requiresGrad).toBe(true);
  });

  it('refuses to mix them', async () => {
    const a = randn([2], { device: fast });
    const b = randn([2], { device: plain });
    expect(() => a.add(b)).toThrow(DeviceError);
    expect(() => a.add(b)).toThrow(/cpu and reference.*to\(device\)/);
    expect(await a.to(plain).add(b).data()).toHaveLength(2);
  });

  it('says what was chosen and why not the others', async () => {
    const lines: string[] = [];
    const broken = {
      name: 'broken',
      start() {
        throw new Error('no adapter');
      },
    };
    await use(broken, cpu(), { log: (line) => lines.push(line) });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^neurite: using cpu \(.*\); not broken: no adapter$/);
    await expect(use(broken, { log: false })).rejects.toThrow(
      /no backend can start here: broken: no adapter/,
    );
  });

  it('checks every kernel against another backend when asked to', async () => {
    await use(cpu(), { validateWith: reference(), log: false });
    expect(
      await randn([40, 30])
        .matmul(randn([30, 20]))
        .softmax(1)
        .sum()
        .item(),
    ).toBeCloseTo(40, 4);
  });
});
