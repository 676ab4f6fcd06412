/** One way to authenticate that a server offers in WWW-Authenticate (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  scheme: string;
  /** Names in lower case. */
  parameters: Record<string, string>;
}

const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const quoted = /"((?:[^"\\]|\\.)*)"/y;
const token68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y;
const separators = /[\s,]*/y;
const equals = /\s*=\s*/y;

/**
 * All challenges of a header that may hold several, in its order. What follows something malformed is left out:
 * never throws.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(header);
    if (found) position = pattern.lastIndex;
    return found;
  };
  while (position < header.length) {
    take(separators);
    const start = position;
    const word = take(token)?.[0];
    if (word === undefined) break;
    // A word is a parameter's name if a value follows, else the scheme of the next challenge.
    const last = challenges.at(-1);
    if (last && take(equals)) {
      const text = take(quoted);
      const value = text ? text[1]?.replaceAll(/\\(.)/g, "$1") : take(token)?.[0];
      if (value === undefined) break;
      last.parameters[word.toLowerCase()] = value;
    } else {
      challenges.push({ scheme: word.toLowerCase(), parameters: {} });
      if (position === start) break;
      take(/\s*/y);
      // `Negotiate YII=` has a value of its own, which is of no use here.
      take(token68);
    }
  }
  return challenges;
}
