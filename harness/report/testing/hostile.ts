import type { Report } from '../report.ts';

/** Texts that try to become markup, commands, mentions, links or directions of writing. */
export const hostileTexts: readonly string[] = [
  '</script><script>alert(1)</script>',
  '</style><style>*{display:none}</style>',
  '<!--',
  '-->',
  '<![CDATA[ x ]]>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '"><b>bold',
  "' onclick='alert(1)",
  '&lt;b&gt; &amp; &#60;',
  '</td></tr></table>',
  '</summary></details>',
  '<a href="javascript:alert(1)">x</a>',
  '<meta http-equiv=refresh content=0>',
  '<base href=//example.invalid>',
  '`code` and ``more``',
  '```\nfence\n```',
  '~~~\nfence\n~~~',
  'a | b || c',
  '\\| escaped \\',
  '@octocat @org/team',
  'mail me@example.invalid',
  '#1 GH-1 octo/repo#12',
  'https://example.invalid/x',
  'http://example.invalid www.example.invalid',
  'ftp://example.invalid',
  '[text](https://example.invalid)',
  '![image](//example.invalid/x.png)',
  '[ref]: //example.invalid',
  '<https://example.invalid>',
  '**bold** __bold__ *i* _i_ ~~gone~~',
  '# heading',
  '> quote',
  '- list\n- list',
  '1. list',
  '---',
  '$x^2$ $$y$$',
  ':smile: :+1:',
  '::error file=x::bad',
  '::set-output name=x::y',
  '##[error]bad ##vso[task.complete]',
  '::stop-commands::token',
  '\u202egnirts\u202c \u2066isolate\u2069',
  'zero\u200bwidth\u200djoin\ufeff',
  'line\u2028para\u2029end',
  '\u001b[31mred\u001b[0m\u001b]8;;x\u0007',
  'bell\u0007 back\b null\u0000',
  'cr\rlf\ncrlf\r\ntab\t',
  'lone \ud800 surrogate \udc00',
  'tag \u{e0041}\u{e0042} filler \u3164 soft\u00adhyphen',
  '{{7*7}} <%= 1 %> $(id)',
  '%0A::error::x %3Cscript%3E',
  '=1+1 +1 -1',
  '__proto__',
  'constructor',
];

/** Enumerated or patterned by the schema, so never foreign. */
const fixedKeys = new Set([
  'by',
  'metric',
  'unit',
  'state',
  'kind',
  'outcome',
  'status',
  'direction',
  'profile',
  'cause',
  'view',
  'absolute',
  'grade',
  'scheduling',
  'first',
]);

/** The same report with every free text replaced; equal texts stay equal, different ones differ. */
export function poisoned(report: Report, text: string): Report {
  const seen = new Map<string, string>();
  const swap = (original: string): string => {
    const known = seen.get(original) ?? `${text}${String(seen.size).padStart(3, '0')}`;
    seen.set(original, known);
    return known;
  };
  const walk = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      return fixedKeys.has(key) ? value : swap(value);
    }
    if (Array.isArray(value)) {
      return value.map((item) => walk(item, key));
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v, k)]));
    }
    return value;
  };
  const checks = report.checks.map((check) => ({
    ...(walk(check, '') as typeof check),
    id: check.id,
  }));
  return { ...(walk(report, '') as Report), checks };
}
