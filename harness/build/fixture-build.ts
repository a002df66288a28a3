import Type, { type Static } from 'typebox';

/** A Go program as it was built for a run. */
export const FixtureBuild = Type.Object(
  {
    name: Type.String(),
    /** Of the binary, relative to the clone. */
    path: Type.String(),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    goVersion: Type.String(),
    netpoller: Type.Enum(['epoll', 'io_uring']),
    /** The go command's arguments, without machine-specific paths. */
    flags: Type.Array(Type.String()),
    /**
     * Hash over everything that went into it: sources, module files, flags, toolchain, overlay. Of a
     * user's program, whose sources may lie anywhere: the hash of the binary.
     */
    inputsSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  { additionalProperties: false },
);

export type FixtureBuild = Static<typeof FixtureBuild>;
