import { findGo, goInstallCommand } from '../../build/go-toolchain.ts';
import { PollgateError } from '../../lib/errors.ts';
import { missing, ok, type Prerequisite } from './prerequisite.ts';

const lost = ['everything: servers, generator and probes are built with it'];

/** A Go toolchain that is new enough for the fixtures and the netpoller overlay. */
export const go: Prerequisite = {
  id: 'go',
  title: 'Go',
  lost,
  inspect: 'go version',
  async look() {
    try {
      const { version, arch } = await findGo();
      return ok(`${version} ${arch}`);
    } catch (cause) {
      if (cause instanceof PollgateError) {
        return missing(cause.message, { lost, remedy: cause.remedy });
      }
      // A go command that does not even answer `go env` is as good as none.
      const seen = 'a go command is on PATH, but it does not answer `go env -json`';
      return missing(seen, { lost, remedy: goInstallCommand });
    }
  },
};
