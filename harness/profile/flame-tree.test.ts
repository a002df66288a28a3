import { expect, test } from 'vitest';
import { flameTree, type WeighedStack } from './flame-tree.ts';

const all = { minShare: 0, maxNodes: 1_000_000 };

const stack = (text: string, ...values: number[]): WeighedStack => ({
  frames: text.split(';').map((name, depth) => ({ name, file: `/a/b/c/${name}.go`, line: depth })),
  values,
});

test('nodes stand in pre-order with the sum of all below them', () => {
  const tree = flameTree([stack('m;f;g', 5), stack('m;e', 2), stack('m;f', 3), stack('n', 1)], all);
  expect(tree.depth).toEqual([0, 1, 2, 2, 3, 1]);
  expect(tree.name.map((name) => tree.names[name])).toEqual(['all', 'm', 'e', 'f', 'g', 'n']);
  expect(tree.value).toEqual([11, 10, 2, 8, 5, 1]);
  expect(tree.place.map((place) => tree.places[place])[4]).toBe('b/c/g.go:2');
  expect([tree.left, tree.belowShare]).toEqual([0, 0]);
});

test('a node names the line with the most weight', () => {
  const at = (line: number, value: number): WeighedStack => ({
    frames: [{ name: 'f', file: '/home/src/x/f.go', line }],
    values: [value],
  });
  const tree = flameTree([at(3, 1), at(9, 4), at(3, 2)], all);
  expect(tree.places[tree.place[1] ?? 0]).toBe('src/x/f.go:9');
});

test('small nodes are left out and counted; what calls them keeps their weight', () => {
  const stacks = [stack('m;big', 96), stack('m;small;leaf', 3), stack('other', 1)];
  const tree = flameTree(stacks, { ...all, minShare: 0.05 });
  expect(tree.name.map((name) => tree.names[name])).toEqual(['all', 'm', 'big']);
  expect(tree.value).toEqual([100, 99, 96]);
  expect([tree.left, tree.belowShare]).toEqual([3, 0.05]);
});

test('no more nodes than allowed are left, the heaviest, and the tree stays whole', () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const stacks = Array.from({ length: 5000 }, () =>
    stack(
      Array.from({ length: 1 + random(12) }, () => `f${random(9)}`).join(';'),
      1 + random(1000),
    ),
  );
  const whole = flameTree(stacks, all);
  const tree = flameTree(stacks, { minShare: 0, maxNodes: 300 });
  expect(tree.depth.length).toBeLessThanOrEqual(300);
  expect(tree.depth.length).toBeGreaterThan(200);
  expect(tree.depth.length + tree.left).toBe(whole.depth.length);
  expect(tree.value[0]).toBe(whole.value[0]);
  tree.depth.forEach((depth, node) => {
    expect(depth).toBeLessThanOrEqual((tree.depth[node - 1] ?? -1) + 1);
    expect((tree.value[node] ?? 0) / (tree.value[0] ?? 1)).toBeGreaterThanOrEqual(tree.belowShare);
  });
});

test('the order of the stacks makes no difference, and nothing gives an empty tree', () => {
  const stacks = [stack('b;c', 1), stack('a', 2), stack('b;a', 3)];
  expect(flameTree(stacks.toReversed(), all)).toEqual(flameTree(stacks, all));
  expect(flameTree([], all)).toMatchObject({ depth: [0], value: [0], left: 0, belowShare: 0 });
});

test('a difference has both sides of every node', () => {
  const compare = ([base = 0, head = 0]: readonly number[]) => ({
    ...{ base, head, lo: head - base - 1, hi: head - base + 1, sign: 0 as const },
  });
  const tree = flameTree([stack('m;gone', 4, 0), stack('m;new', 0, 6)], { ...all, compare });
  expect(tree.value).toEqual([6, 6, 0, 6]);
  expect(tree.difference?.base).toEqual([4, 4, 4, 0]);
  expect(tree.difference?.hi).toEqual([3, 3, -3, 7]);
});
