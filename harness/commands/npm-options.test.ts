import { expect, test } from 'vitest';
import { refuseSwallowedOptions } from './npm-options.ts';

test('an option that npm kept for itself is answered with the right command', () => {
  const refuse = () =>
    refuseSwallowedOptions(['bench', 'io_uring', '--require=ebpf'], {
      npm_config_quick: 'true',
      npm_config_seed: '7',
      npm_config_cache: '/cache',
    });
  expect(refuse).toThrow('npm took --quick, --seed for its own');
  expect(refuse).toThrow(
    expect.objectContaining({
      exitCode: 2,
      remedy: 'npm run bench io_uring -- --quick --seed=7 --require=ebpf',
    }),
  );
});

test('what stands behind -- is no concern, nor are other commands', () => {
  refuseSwallowedOptions(['bench', 'io_uring', '--quick'], { npm_config_quick: '' });
  refuseSwallowedOptions(['build'], { npm_config_quick: 'true' });
});

test('bench:load has options of its own, and no suite', () => {
  const refuse = () =>
    refuseSwallowedOptions(['bench-load', '--tools=ours'], {
      npm_config_quick: 'true',
      npm_config_minutes: '5',
      npm_config_require: 'ebpf',
    });
  expect(refuse).toThrow('npm took --quick, --minutes for its own');
  expect(refuse).toThrow(
    expect.objectContaining({ remedy: 'npm run bench:load -- --quick --minutes=5 --tools=ours' }),
  );
});

test('bench:probes too', () => {
  expect(() =>
    refuseSwallowedOptions(['bench-probes', '--seed=7'], { npm_config_only: 'kernel' }),
  ).toThrow(expect.objectContaining({ remedy: 'npm run bench:probes -- --only=kernel --seed=7' }));
});

test('load has the options of the generator', () => {
  const refuse = () =>
    refuseSwallowedOptions(['load'], { npm_config_url: 'true', npm_config_slo_p99: '5ms' });
  expect(refuse).toThrow(
    expect.objectContaining({ remedy: 'npm run load -- --url=… --slo-p99=5ms' }),
  );
});

test('toolchain has options of its own, one of them without a value', () => {
  const refuse = () =>
    refuseSwallowedOptions(['toolchain', 'net'], {
      npm_config_test: 'true',
      npm_config_count: '20',
    });
  expect(refuse).toThrow(
    expect.objectContaining({ remedy: 'npm run toolchain -- --test --count=20' }),
  );
});
