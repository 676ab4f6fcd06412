/** Imported for what it does, before anything that an older Node does not have. */

/** As package.json's `engines` says. */
const needed = [20, 19];

/**
 * @param {string} version `20.19.2`
 * @returns {string | undefined} what to tell the user of a Node that is too old
 */
export function nodeRefusal(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [neededMajor = 0, neededMinor = 0] = needed;
  if (major > neededMajor || (major === neededMajor && minor >= neededMinor)) return undefined;
  return `Shimyard needs Node ${needed.join(".")} or newer, and this is ${version}. Debian 13's package nodejs will do; else https://nodejs.org/en/download has one.`;
}

const refusal = nodeRefusal(process.versions.node);
if (refusal) {
  process.stderr.write(`\n${refusal}\n`);
  process.exit(1);
}
