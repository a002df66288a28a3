import { cell, code, left, type RunPanel, table } from '../content.ts';

/** Captures that the run went on without, and how to have them next time. */
export const lost: RunPanel = {
  id: 'lost',
  title: 'What could not be captured',
  content(report) {
    if (report.lost.length === 0) {
      return null;
    }
    const columns = [left('capability'), left('lost'), left('reason'), left('remedy')];
    const rows = report.lost.map((entry) => [
      cell(entry.capability, { tone: 'warn' }),
      cell(entry.what),
      cell(entry.reason),
      code(entry.remedy),
    ]);
    return {
      lead: 'The run went on without these. A gated metric that needs one of them is unmeasurable, and the run can never become a baseline.',
      charts: [],
      tables: [table('Lost captures', columns, rows, { stack: true })],
    };
  },
};
