/** One instruction, its continued lines joined. */
interface Instruction {
  name: string;
  rest: string;
}

/**
 * The images that a Dockerfile builds upon or copies from, as it writes them; those that it makes itself (stages) and
 * `scratch` are none. Variables are filled in from `args` and from its ARG lines before the first FROM, as docker does.
 */
export function baseImages(text: string, args: Record<string, string>): string[] {
  const variables = new Map<string, string>();
  const stages = new Set<string>();
  const images = new Set<string>();
  let begun = false;
  const use = (written: string): void => {
    const name = substitute(written, variables);
    // A number is a stage by its position.
    if (name === "" || name === "scratch" || /^\d+$/.test(name)) return;
    if (!stages.has(name.toLowerCase())) images.add(name);
  };
  for (const { name, rest } of instructions(text)) {
    switch (name) {
      case "ARG": {
        const [, key = "", value] = /^([A-Za-z_]\w*)(?:=(.*))?$/.exec(rest) ?? [];
        if (begun || key === "") break;
        const own = Object.hasOwn(args, key) ? args[key] : undefined;
        const given = own ?? (value === undefined ? undefined : unquote(value));
        if (given !== undefined) variables.set(key, substitute(given, variables));
        break;
      }
      case "FROM": {
        begun = true;
        const words = rest.split(/\s+/).filter((word) => !word.startsWith("--"));
        use(words[0] ?? "");
        if (words[1]?.toLowerCase() === "as" && words[2]) stages.add(words[2].toLowerCase());
        break;
      }
      case "COPY":
      case "ADD": {
        const from = /(?:^|\s)--from=(\S+)/.exec(rest)?.[1];
        if (from !== undefined) use(from);
        break;
      }
      case "RUN":
        for (const [, mount = ""] of rest.matchAll(/(?:^|\s)--mount=(\S+)/g)) {
          const from = /(?:^|,)from=([^,]+)/.exec(mount)?.[1];
          if (from !== undefined) use(from);
        }
        break;
    }
  }
  return [...images];
}

function* instructions(text: string): Generator<Instruction, void, void> {
  const lines = text.split(/\r?\n/);
  const escape = /^#\s*escape\s*=\s*(.)/im.exec(text)?.[1] === "`" ? "`" : "\\";
  for (let at = 0; at < lines.length;) {
    let line = (lines[at++] ?? "").trim();
    if (line === "" || line.startsWith("#")) continue;
    while (line.endsWith(escape) && at < lines.length) {
      const next = (lines[at++] ?? "").trim();
      // Comments and empty lines may stand within a continued one.
      if (next.startsWith("#") || next === "") continue;
      line = `${line.slice(0, -1)} ${next}`;
    }
    // What a heredoc holds is no instruction.
    for (const [, , word = ""] of line.matchAll(/<<-?(["']?)([A-Za-z_]\w*)\1/g)) {
      while (at < lines.length && (lines[at++] ?? "").trim() !== word);
    }
    const [, name = "", rest = ""] = /^(\w+)\s*(.*)$/s.exec(line) ?? [];
    yield { name: name.toUpperCase(), rest: rest.trim() };
  }
}

/** `$A`, `${A}`, `${A:-default}` and `${A:+other}`. */
function substitute(text: string, variables: Map<string, string>): string {
  return text.replaceAll(
    /\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g,
    (_, bare?: string, braced?: string, how?: string, word = "") => {
      const value = variables.get(bare ?? braced ?? "") ?? "";
      if (how === "-") return value === "" ? word : value;
      if (how === "+") return value === "" ? "" : word;
      return value;
    },
  );
}

const unquote = (text: string): string => text.replace(/^(["'])(.*)\1$/, "$2");
