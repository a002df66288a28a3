import { usageError } from '../lib/errors.ts';

const options = ['quick', 'seed', 'require', 'only', 'scenarios', 'reports', 'baselines'];

/**
 * Without `--` npm takes the options of `npm run bench io_uring --quick` for its own: the run would
 * silently be another one than was asked for.
 * @throws PollgateError (usage) with the command that was meant
 */
export function refuseSwallowedOptions(
  [command = '', suite = '<suite>', ...rest]: readonly string[],
  env: NodeJS.ProcessEnv,
): void {
  const swallowed = options.filter((name) => env[`npm_config_${name}`]);
  if (command !== 'bench' || swallowed.length === 0) {
    return;
  }
  const given = swallowed.map((name) => {
    const value = env[`npm_config_${name}`];
    // npm says «true» where the value was a word of its own: then it stands among the rest.
    return name === 'quick' ? '--quick' : `--${name}=${value === 'true' ? '…' : value}`;
  });
  const kept = rest.filter((word) => word.startsWith('-'));
  throw usageError(
    `npm took ${swallowed.map((name) => `--${name}`).join(', ')} for its own: options of a script stand behind \`--\`.`,
    ['npm run bench', suite, '--', ...given, ...kept].join(' '),
  );
}
