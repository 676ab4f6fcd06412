import { wrong } from "../run-line/values.ts";

export interface Interpolated {
  text: string;
  /** Variables that have no value and no default: nothing stands in their place. */
  unset: string[];
}

export type Lookup = (name: string) => string | undefined;

/**
 * Puts variables in their places: `$VAR`, `${VAR}`, and with a default (`:-`, `-`), an error (`:?`, `?`) or another
 * value (`:+`, `+`), which may have variables in them; `$$` is a dollar sign. The colon takes an empty one for unset
 * (compose-spec, 12-interpolation.md). Throws with what is wrong.
 */
export function interpolate(text: string, lookup: Lookup): Interpolated {
  const unset: string[] = [];
  const expand = (part: string): string => {
    let result = "";
    for (let at = 0; at < part.length;) {
      const dollar = part.indexOf("$", at);
      if (dollar < 0) return result + part.slice(at);
      result += part.slice(at, dollar);
      const next = part[dollar + 1];
      const name = /^[A-Za-z_]\w*/.exec(part.slice(dollar + 1))?.[0];
      if (next === "$") {
        result += "$";
        at = dollar + 2;
      } else if (next === "{") {
        const close = closing(part, dollar + 1);
        result += braced(part.slice(dollar + 2, close));
        at = close + 1;
      } else if (name !== undefined) {
        result += valueOf(name);
        at = dollar + 1 + name.length;
      } else {
        wrong("A single $ begins a variable: write $$ where a dollar sign is meant");
      }
    }
    return result;
  };
  const valueOf = (name: string): string => {
    const value = lookup(name);
    if (value === undefined) unset.push(name);
    return value ?? "";
  };
  const braced = (inner: string): string => {
    const match = /^([A-Za-z_]\w*)(?:(:?[-?+])([^]*))?$/.exec(inner);
    const [, name = "", operator, word = ""] = match ?? [];
    if (!match) return wrong(`“\${${inner}}” names no variable`);
    if (operator === undefined) return valueOf(name);
    const value = lookup(name);
    const given = value !== undefined && (value !== "" || !operator.startsWith(":"));
    switch (operator.at(-1)) {
      case "-":
        return given ? value : expand(word);
      case "+":
        return given ? expand(word) : "";
      default:
        return given ? value : wrong(expand(word) || `The variable ${name} is needed, and not set`);
    }
  };
  return { text: expand(text), unset };
}

/** Where the brace that opens at `open` is closed. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === "$" && text[at + 1] === "$") at += 1;
    else if (text[at] === "{" && (at === open || text[at - 1] === "$")) depth += 1;
    else if (text[at] === "}") depth -= 1;
    if (depth === 0) return at;
  }
  return wrong("A variable's { is never closed");
}
