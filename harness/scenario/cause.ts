/** The root causes that scenarios can expect and the rules of harness/diagnose/ can find. */
export const causes = ['fd-leak'] as const;

export type Cause = (typeof causes)[number];

export function isCause(name: string): name is Cause {
  return (causes as readonly string[]).includes(name);
}
