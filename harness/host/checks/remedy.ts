import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Installs packages and upgrades the kernel, by the package manager that is there. */
const managers = [
  {
    program: 'apt-get',
    install: 'apt-get install -y',
    upgradeKernel: 'apt-get update && apt-get full-upgrade -y',
  },
  { program: 'dnf', install: 'dnf install -y', upgradeKernel: 'dnf upgrade -y kernel' },
  { program: 'zypper', install: 'zypper install -y', upgradeKernel: 'zypper dup' },
  { program: 'pacman', install: 'pacman -S --noconfirm', upgradeKernel: 'pacman -Syu' },
  { program: 'apk', install: 'apk add', upgradeKernel: 'apk upgrade' },
] as const;

/** Builds all programs on its way. */
export const buildCommand = 'npm run bench io_uring';

/** Starts the project in a container that may do what it needs; the caller names the image. */
export const privilegedContainer =
  'docker run --privileged --pid=host -v "$PWD:$PWD" -w "$PWD" "$IMAGE" npm run bench io_uring';

/** The command that installs a package, which has the same name in the common distributions. */
export function installCommand(name: string): string {
  return asRoot(`${findManager().install} ${name}`);
}

/** The command that brings the distribution's newest kernel. */
export function kernelCommand(): string {
  const steps = findManager().upgradeKernel.split(' && ').map(asRoot);
  return [...steps, asRoot('reboot')].join(' && ');
}

/** `command` with sudo in front, where that is needed. */
export function asRoot(command: string): string {
  return isRoot() ? command : `sudo ${command}`;
}

export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function findManager(): (typeof managers)[number] {
  return managers.find(({ program }) => isOnPath(program)) ?? managers[0];
}

/** Also looks where administrators' programs lie, which a user's PATH may leave out. */
function isOnPath(program: string): boolean {
  const path = `${process.env['PATH'] ?? ''}${delimiter}/usr/sbin${delimiter}/usr/bin`;
  return path.split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
