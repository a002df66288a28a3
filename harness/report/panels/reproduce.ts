import { formatDuration } from '../../lib/units.ts';
import { cell, code, listing, type RunPanel } from '../content.ts';

/** All that is needed to run it again, and to derive this page again from what was recorded. */
export const reproduce: RunPanel = {
  id: 'reproduce',
  title: 'How to reproduce',
  content(report) {
    const revision = report.revision === '' ? 'unknown' : report.revision;
    const again = listing('This run', [
      ['run it again', code(report.command)],
      ['derive this report again', code(`npm run report -- reports/${report.runId}`)],
      [
        'revision',
        {
          ...code(revision),
          ...(report.dirty
            ? { sub: 'with uncommitted changes: the revision alone does not reproduce it' }
            : {}),
        },
      ],
      ['pollgate', report.version],
      ['seed', code(report.seed)],
      ['run', code(report.runId)],
      ['started', `${report.startedAt}, took ${formatDuration(report.durationNs)}`],
      ['exit code', cell(String(report.exitCode))],
    ]);
    return {
      lead: 'The same revision, seed and machine give the same plan and schedule; times vary as the intervals say.',
      charts: [],
      tables: [again],
    };
  },
};
