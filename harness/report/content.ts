import type { FlameTree } from '../profile/flame-tree.ts';
import type { Chart } from './chart.ts';
import type { Report, ScenarioReport } from './report.ts';
import type { Tone } from './words.ts';

/**
 * What a panel has to show, free of any markup. The HTML page, the job summary and (for some
 * panels) the terminal print the same content, so they cannot say different things.
 */

/** A ratio with its interval, bounds null with fewer than 2 rounds. */
export interface Ratio {
  center: number;
  lo: number | null;
  hi: number | null;
}

export interface Cell {
  text: string;
  /** A second, smaller line: an interval, a reason, what to do. */
  sub?: string;
  tone?: Tone;
  /** Set in a fixed-width face: names of functions, commands, hashes. */
  code?: boolean;
  /** Gives the cell the colour and shape of a variant; an index of `variantNames`. */
  variant?: number;
  /** Drawn as a whisker on the column's common log scale about 1, where a renderer can draw. */
  ratio?: Ratio;
}

export interface Column {
  label: string;
  align: 'left' | 'right';
}

export interface Table {
  caption: string;
  columns: Column[];
  rows: Cell[][];
  /** Sentences below the table. */
  notes: string[];
  /** On a narrow screen each row becomes a card instead of the table scrolling sideways. */
  stack: boolean;
  /** Folded away until asked for: the twin of a chart, or a long listing. */
  folded: boolean;
}

/** Pairs of values counted in cells; both axes are logarithmic. */
export interface HeatMapPicture {
  /** Unique in its panel. */
  id: string;
  title: string;
  subtitle: string;
  xLabel: string;
  yLabel: string;
  /** Half-open ranges of both values; a value of 0 has a place of its own. */
  cells: {
    x: readonly [number, number];
    y: readonly [number, number];
    count: number;
    label: string;
  }[];
  formatX: (value: number) => string;
  formatY: (value: number) => string;
}

/** A tree of calls, drawn with the root on top. */
export interface FlamePicture {
  /** Unique in its panel. */
  id: string;
  title: string;
  /** What width and colour mean, and what is not drawn. */
  legend: string;
  unit: 'ns' | 'count';
  rounds: number;
  tree: FlameTree;
  /** Of a difference: names of base and head. */
  sides?: string[];
}

export interface Content {
  /** How to read the panel, in a sentence or two. */
  lead: string;
  charts: Chart[];
  heatMaps?: HeatMapPicture[];
  flames?: FlamePicture[];
  tables: Table[];
}

/** One subject of a scenario's evidence: one file of panels/, listed in panels/index.ts. */
export interface Panel {
  /** Unique; part of the anchor in the page. */
  id: string;
  title: string;
  /** Null when there is nothing to show. */
  content(scenario: ScenarioReport, report: Report): Content | null;
}

/** A panel about the whole run. */
export interface RunPanel {
  id: string;
  title: string;
  content(report: Report): Content | null;
}

export interface TableOptions {
  notes?: string[];
  stack?: boolean;
  folded?: boolean;
}

export function table(
  caption: string,
  columns: Column[],
  rows: Cell[][],
  options: TableOptions = {},
): Table {
  const { notes = [], stack = false, folded = false } = options;
  return { caption, columns, rows, notes, stack, folded };
}

export function left(label: string): Column {
  return { label, align: 'left' };
}

export function right(label: string): Column {
  return { label, align: 'right' };
}

export function cell(text: string, more: Omit<Cell, 'text'> = {}): Cell {
  return { text, ...more };
}

export function code(text: string): Cell {
  return { text, code: true };
}

/** The name of a variant with the colour and shape that it has in every chart. */
export function variantCell(name: string, names: readonly string[]): Cell {
  const index = names.indexOf(name);
  return index < 0 ? { text: name } : { text: name, variant: index };
}

/** A two-column listing: names left, values right. */
export function listing(caption: string, rows: [string, Cell | string][]): Table {
  return table(
    caption,
    [left(''), left('')],
    rows.map(([name, value]) => [
      cell(name, { tone: 'muted' }),
      typeof value === 'string' ? cell(value) : value,
    ]),
    { stack: true },
  );
}
