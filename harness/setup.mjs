// Makes a fresh clone ready to run, with nothing but Node >= 20, npm and (for --build) Go.
// Runs before every npm script of this project; when all is in place it costs a few milliseconds.
// It must stay free of dependencies and of TypeScript: it is what installs both.
//
//   node harness/setup.mjs            install the locked packages where they differ
//   node harness/setup.mjs --build    … and build the Go programs into .cache/
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockStamp = join(root, 'node_modules', '.pollgate-lock');
const pinnedNode = join(root, 'node_modules', '.bin', 'node');
const exitUsage = 2;
const exitInfrastructure = 4;

if (process.platform !== 'linux') {
  fail(
    `pollgate measures Linux; this is ${process.platform}.`,
    'run it on Linux (a virtual machine will do)',
  );
}
if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(
    `Node ${process.versions.node} found, Node >= 20 needed.`,
    'npx --yes node@24 "$(command -v npm)" run doctor',
  );
}
installPackages();
if (process.argv.includes('--build')) {
  const build = spawnSync(pinnedNode, [join(root, 'harness', 'cli.ts'), 'build'], {
    stdio: 'inherit',
  });
  process.exit(build.status ?? exitInfrastructure);
}

function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(pinnedNode) && existsSync(lockStamp) && readFileSync(lockStamp, 'utf8') === lock) {
    return;
  }
  console.log('set-up: installing the locked npm packages');
  mkdirSync(join(root, '.cache'), { recursive: true });
  // npm's cache and logs go into the clone, so that set-up leaves nothing behind elsewhere.
  const npm = spawnSync(
    'npm',
    ['ci', '--loglevel=error', `--cache=${join(root, '.cache', 'npm')}`],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  if (npm.status !== 0) {
    fail('npm ci did not succeed (its message stands above).', 'npm ci');
  }
  if (!existsSync(pinnedNode)) {
    fail(
      `No pinned Node came with the packages: ${process.arch} is not x64 or arm64, or optional dependencies are switched off.`,
      'npm ci --include=optional',
      exitInfrastructure,
    );
  }
  writeFileSync(lockStamp, lock);
}

function fail(what, remedy, code = exitUsage) {
  console.error(`set-up: ${what}\n  to mend it: ${remedy}`);
  process.exit(code);
}
