const adjectives =
  "amber bold brave brisk calm clear coral crisp eager early fair fleet fresh gentle glad golden grand keen kind light lively lucid mellow merry mild nimble noble plain proud quick quiet rapid ready sharp silver smooth snug solid steady still sunny swift tidy trim vivid warm wise young".split(
    " ",
  );
const nouns =
  "anchor barge beacon bollard bosun bridge buoy canal captain channel clipper coast compass cove crane crew current cutter dock ferry fleet gull harbour heron jetty keel kelp lagoon lantern lighthouse marina mast mooring oar otter pelican pier pilot quay reef rigger sail schooner shoal sloop sound tide trawler tug wharf yacht".split(
    " ",
  );

/**
 * A name nobody has yet, easy to say and to type: `calm-heron`. `random` answers [0, 1). With all
 * 2,500 of them taken it adds a number.
 */
export function suggestName(
  taken: (name: string) => boolean,
  random: () => number = Math.random,
): string {
  const pick = (words: string[]): string => words[Math.floor(random() * words.length)] as string;
  for (let attempt = 0; ; attempt += 1) {
    const name = `${pick(adjectives)}-${pick(nouns)}`;
    const candidate = attempt < 20 ? name : `${name}-${attempt - 18}`;
    if (!taken(candidate)) return candidate;
  }
}

/** Why a name can't be one, as a sentence; undefined when it can. docker's rule, which scripts rely on. */
export function nameProblem(name: string): string | undefined {
  if (name === "") return "A container needs a name";
  if (name.length > 128) return "A name has at most 128 characters";
  if (!/^[a-zA-Z0-9]/.test(name)) return "A name begins with a letter or a digit";
  const wrong = /[^a-zA-Z0-9_.-]/u.exec(name)?.[0];
  if (wrong === undefined) return undefined;
  return `A name can't have ${wrong === " " ? "a space" : `"${wrong}"`}; use letters, digits, "_", "." and "-"`;
}
