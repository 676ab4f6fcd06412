import type { Place } from "./note.ts";

/**
 * A YAML document whose every value knows where it stands, so that a note about it can name the line after aliases,
 * merges, overrides and `extends` have moved it about.
 */
export type Tree = Scalar | List | Dict;

/** What compose's own tags ask for where a file overrides another. */
export type OverrideTag = "reset" | "override";

interface Common {
  at: Place;
  tag?: OverrideTag;
}

export interface Scalar extends Common {
  kind: "scalar";
  value: string | number | boolean | null;
  /** As it stands there, without quotes: `0644` and `1.10` are kept as such. */
  text: string;
  /** Written without quotes. */
  plain: boolean;
}

export interface List extends Common {
  kind: "list";
  items: Tree[];
}

export interface Dict extends Common {
  kind: "dict";
  entries: Map<string, Entry>;
}

export interface Entry {
  /** Of the key. */
  at: Place;
  value: Tree;
}

export const isNull = (tree: Tree): boolean => tree.kind === "scalar" && tree.value === null;

export const textScalar = (text: string, at: Place): Scalar => ({
  ...{ kind: "scalar", value: text, text, plain: false, at },
});

export const nullScalar = (at: Place): Scalar => ({
  ...{ kind: "scalar", value: null, text: "", plain: true, at },
});

export const dict = (at: Place, entries: Iterable<[string, Entry]> = []): Dict => ({
  ...{ kind: "dict", at, entries: new Map(entries) },
});

/** Every scalar in its place replaced by what `change` makes of it. */
export function mapScalars(tree: Tree, change: (scalar: Scalar, path: string) => Scalar): Tree {
  const walk = (tree: Tree, path: string): Tree => {
    if (tree.kind === "scalar") return change(tree, path);
    if (tree.kind === "list") {
      return { ...tree, items: tree.items.map((item, index) => walk(item, `${path}[${index}]`)) };
    }
    const entries = [...tree.entries].map(([key, { at, value }]): [string, Entry] => [
      key,
      { at, value: walk(value, path === "" ? key : `${path}.${key}`) },
    ]);
    return { ...tree, entries: new Map(entries) };
  };
  return walk(tree, "");
}

/** How many values there are in it, itself among them. */
export function countValues(tree: Tree): number {
  if (tree.kind === "scalar") return 1;
  const inner = tree.kind === "list" ? tree.items : [...tree.entries.values()].map((e) => e.value);
  return inner.reduce((sum, one) => sum + countValues(one), 1);
}
