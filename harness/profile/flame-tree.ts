import Type, { type Static } from 'typebox';

const Numbers = Type.Array(Type.Number());
const Naturals = Type.Array(Type.Integer({ minimum: 0 }));
const strict = { additionalProperties: false } as const;

/**
 * Stacks as a tree of calls, in columns: node n is in `depth[n]`, `name[n]` and so on. Nodes stand in
 * pre-order, so that the children of a node follow it at the next depth; node 0 is all of it. Values
 * are of a node and all below it, so a node weighs at least as much as its children together; what
 * they leave is its own, or that of children that were too small to be drawn.
 */
export const FlameTree = Type.Object(
  {
    names: Type.Array(Type.String()),
    /** `file:line`. */
    places: Type.Array(Type.String()),
    depth: Naturals,
    /** Indices of `names`. */
    name: Naturals,
    /** Indices of `places`: the line with the most weight among those that the node adds up. */
    place: Naturals,
    value: Naturals,
    /** Of a difference only: the other side, and head − base with its interval. */
    difference: Type.Optional(
      Type.Object(
        {
          base: Naturals,
          /** Per round. */
          lo: Numbers,
          hi: Numbers,
          /** −1 for less, 1 for more; 0 where the interval holds zero. */
          sign: Type.Array(Type.Enum([-1, 0, 1])),
        },
        strict,
      ),
    ),
    /** Nodes that are not drawn, none above the share `belowShare` of the whole. */
    left: Type.Integer({ minimum: 0 }),
    belowShare: Type.Number({ minimum: 0, maximum: 1 }),
  },
  strict,
);

export type FlameTree = Static<typeof FlameTree>;

interface FlameFrame {
  name: string;
  /** '' when not known. */
  file: string;
  line: number;
}

export interface WeighedStack {
  /** Root first. */
  frames: readonly FlameFrame[];
  /** One value a column; all stacks have as many. Whole numbers, not negative. */
  values: readonly number[];
}

/** A node while the tree is built; values of the columns are of the node and all below it. */
interface Node {
  name: string;
  values: number[];
  places: Map<string, number>;
  children: Map<string, Node>;
}

export interface FlameOptions {
  /** Smaller nodes are left out: a share of the whole. */
  minShare: number;
  /** If more are left, the share is raised until they fit. */
  maxNodes: number;
  /** Of a difference: what the columns of a node say, in whole units of the values. */
  compare?: (values: readonly number[]) => Compared;
}

export interface Compared {
  base: number;
  head: number;
  lo: number;
  hi: number;
  sign: -1 | 0 | 1;
}

/** The tree of some stacks; sums are exact as long as they are below 2^53. */
export function flameTree(stacks: Iterable<WeighedStack>, options: FlameOptions): FlameTree {
  const { minShare, maxNodes, compare } = options;
  const root = grow(stacks);
  const whole = weightOf(root);
  const weights: number[] = [];
  visit(root, 0, (node) => weights.push(weightOf(node)));
  weights.sort((a, b) => b - a);
  // Those that are as heavy as the first that does not fit are left out too.
  const limit = Math.max(
    minShare * whole,
    weights.length > maxNodes ? (weights[maxNodes] ?? 0) : 0,
  );
  const full = weights.length > maxNodes && (weights[maxNodes] ?? 0) >= minShare * whole;
  const isDrawn = (node: Node) =>
    node === root || (full ? weightOf(node) > limit : weightOf(node) >= limit);
  const names = new Table();
  const places = new Table();
  const tree: FlameTree = {
    ...{ names: names.texts, places: places.texts, depth: [], name: [], place: [], value: [] },
    ...{ left: 0, belowShare: whole === 0 ? 0 : limit / whole },
  };
  const difference = { base: [], lo: [], hi: [], sign: [] } as NonNullable<FlameTree['difference']>;
  visit(
    root,
    0,
    (node, depth) => {
      tree.depth.push(depth);
      tree.name.push(names.indexOf(node.name));
      tree.place.push(places.indexOf(heaviest(node.places)));
      if (compare === undefined) {
        tree.value.push(weightOf(node));
        return;
      }
      const { base, head, lo, hi, sign } = compare(node.values);
      tree.value.push(head);
      difference.base.push(base);
      difference.lo.push(lo);
      difference.hi.push(hi);
      difference.sign.push(sign);
    },
    isDrawn,
  );
  tree.left = weights.length - tree.depth.length;
  return compare === undefined ? tree : { ...tree, difference };
}

function grow(stacks: Iterable<WeighedStack>): Node {
  const root = newNode('all');
  for (const { frames, values } of stacks) {
    let node = root;
    addValues(node, values);
    for (const { name, file, line } of frames) {
      let child = node.children.get(name);
      if (child === undefined) {
        child = newNode(name);
        node.children.set(name, child);
      }
      node = child;
      addValues(node, values);
      if (file !== '') {
        const place = `${shortPath(file)}:${line}`;
        const weight = values.reduce((sum, value) => sum + value, 0);
        node.places.set(place, (node.places.get(place) ?? 0) + weight);
      }
    }
  }
  return root;
}

function newNode(name: string): Node {
  return { name, values: [], places: new Map(), children: new Map() };
}

function addValues(node: Node, values: readonly number[]): void {
  values.forEach((value, column) => {
    node.values[column] = (node.values[column] ?? 0) + value;
  });
}

function weightOf({ values }: Node): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Pre-order; the children by name, so that the same stacks give the same tree. */
function visit(
  node: Node,
  depth: number,
  see: (node: Node, depth: number) => void,
  isDrawn: (node: Node) => boolean = () => true,
): void {
  see(node, depth);
  const children = [...node.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const child of children.filter(isDrawn)) {
    visit(child, depth + 1, see, isDrawn);
  }
}

function heaviest(places: ReadonlyMap<string, number>): string {
  return [...places].reduce((a, b) => (b[1] > a[1] ? b : a), ['', -1] as [string, number])[0];
}

/** The last folders of a path: enough to find a file, and free of where it was built. */
function shortPath(file: string): string {
  return file.split('/').slice(-3).join('/');
}

/** Texts, each once, by index. */
class Table {
  readonly texts: string[] = [];
  private readonly indices = new Map<string, number>();

  indexOf(text: string): number {
    const known = this.indices.get(text);
    if (known !== undefined) {
      return known;
    }
    this.indices.set(text, this.texts.length);
    return this.texts.push(text) - 1;
  }
}
