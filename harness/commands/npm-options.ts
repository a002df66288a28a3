import { usageError } from '../lib/errors.ts';

/** The options of a command whose script npm may keep some of. */
const options: Readonly<Record<string, readonly string[]>> = {
  bench: [
    ...['quick', 'seed', 'require', 'only', 'scenarios', 'reports', 'baselines'],
    ...['full', 'resume'],
  ],
  load: ['url', 'rate', 'closed', 'slo-p99', 'connections', 'duration', 'spec', 'out'],
  'bench-load': ['quick', 'rounds', 'minutes', 'seed', 'only', 'tools', 'without', 'reports'],
  'bench-probes': ['quick', 'seed', 'only', 'reports'],
  toolchain: ['test', 'count', 'only', 'reports'],
};

/**
 * Without `--` npm takes the options of `npm run bench io_uring --quick` for its own: the run would
 * silently be another one than was asked for.
 * @throws PollgateError (usage) with the command that was meant
 */
export function refuseSwallowedOptions(
  [command = '', ...words]: readonly string[],
  env: NodeJS.ProcessEnv,
): void {
  const swallowed = (options[command] ?? []).filter(
    (name) => env[`npm_config_${name.replaceAll('-', '_')}`],
  );
  if (swallowed.length === 0) {
    return;
  }
  const given = swallowed.map((name) => {
    const value = env[`npm_config_${name.replaceAll('-', '_')}`];
    // npm says «true» where the value was a word of its own: then it stands among the rest.
    return ['quick', 'full', 'test'].includes(name)
      ? `--${name}`
      : `--${name}=${value === 'true' ? '…' : value}`;
  });
  const kept = words.filter((word) => word.startsWith('-'));
  const script = command === 'bench' ? `bench ${words[0] ?? '<suite>'}` : command.replace('-', ':');
  throw usageError(
    `npm took ${swallowed.map((name) => `--${name}`).join(', ')} for its own: options of a script stand behind \`--\`.`,
    [`npm run ${script} --`, ...given, ...kept].join(' '),
  );
}
