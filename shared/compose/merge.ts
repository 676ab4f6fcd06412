import { dict, type Dict, type Entry, isNull, nullScalar, type Tree, textScalar } from "./tree.ts";

/**
 * What comes of a value and one that overrides it (compose-spec, 13-merge.md): keys merge, lists grow, and what is one
 * thing in two forms is made the same form before. `path` is within a file: `services.web.ports`.
 */
export function mergeTrees(base: Tree, over: Tree, path = ""): Tree {
  if (over.tag === "override") return over;
  if (isNull(over) && over.tag === undefined) return base;
  const form = formOf(path);
  const below = toDict(base, form);
  const above = toDict(over, form);
  if (below && above) return mergeDicts(below, above, path);
  if (base.kind !== "list" || over.kind !== "list" || replaced.test(path)) return over;
  return mergeLists(base.items, over.items, path, base);
}

/** Lists that are one value. */
const replaced = /^services\.[^.]+\.(command|entrypoint|healthcheck\.test)$/;

function mergeDicts(base: Dict, over: Dict, path: string): Dict {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const before = entries.get(key);
    if (entry.value.tag === "reset") entries.delete(key);
    else if (!before) entries.set(key, entry);
    else {
      // A service may have dots in its name; paths here only tell values apart by their kind.
      const step = key.replaceAll(".", "-");
      const value = mergeTrees(before.value, entry.value, path === "" ? step : `${path}.${step}`);
      // Where nothing changes, the line is still the first file's.
      entries.set(key, value === before.value ? before : { at: entry.at, value });
    }
  }
  return { ...base, at: over.at, entries };
}

function mergeLists(base: Tree[], over: Tree[], path: string, list: Tree): Tree {
  const identity = /^services\.[^.]+\.volumes$/.test(path) ? mountTarget : plainText;
  const items = [...base];
  const known = new Map<string, number>();
  for (const [index, item] of base.entries()) {
    const name = identity(item);
    if (name !== undefined && !known.has(name)) known.set(name, index);
  }
  for (const item of over) {
    const name = identity(item);
    const index = (name === undefined ? undefined : known.get(name)) ?? items.length;
    items[index] = item;
    if (name !== undefined) known.set(name, index);
  }
  return { kind: "list", at: list.at, items };
}

const plainText = (tree: Tree): string | undefined =>
  tree.kind === "scalar" ? tree.text : undefined;

/** Where a volume is mounted: no two are at one place. */
function mountTarget(tree: Tree): string | undefined {
  if (tree.kind === "dict") {
    const target = tree.entries.get("target")?.value;
    return target && plainText(target);
  }
  const [first, second] = plainText(tree)?.split(":") ?? [];
  return second ?? first;
}

/** Two ways to write one thing: pairs, names alone with what each stands for, or a text for one key. */
type Form = { pairs: RegExp } | { names: (name: Tree) => Tree } | { key: string };

const forms: [RegExp, Form][] = [
  [/^services\.[^.]+\.(environment|labels|sysctls|annotations)$/, { pairs: /=/ }],
  [/^services\.[^.]+\.(build\.args|build\.labels|deploy\.labels)$/, { pairs: /=/ }],
  [/^(networks|volumes|configs|secrets)\.[^.]+\.labels$/, { pairs: /=/ }],
  [/^services\.[^.]+\.(build\.)?extra_hosts$/, { pairs: /[=:]/ }],
  [/^services\.[^.]+\.depends_on$/, { names: startedCondition }],
  [/^services\.[^.]+\.networks$/, { names: ({ at }) => nullScalar(at) }],
  [/^services\.[^.]+\.build$/, { key: "context" }],
];

const formOf = (path: string): Form | undefined =>
  forms.find(([pattern]) => pattern.test(path))?.[1];

function startedCondition({ at }: Tree): Tree {
  return dict(at, [["condition", { at, value: textScalar("service_started", at) }]]);
}

function toDict(tree: Tree, form: Form | undefined): Dict | undefined {
  if (tree.kind === "dict") return tree;
  if (!form) return undefined;
  const common = tree.tag === undefined ? {} : { tag: tree.tag };
  if ("key" in form) {
    if (tree.kind !== "scalar" || isNull(tree)) return undefined;
    return { ...dict(tree.at, [[form.key, { at: tree.at, value: tree }]]), ...common };
  }
  if (tree.kind !== "list") return undefined;
  const entries = tree.items.flatMap((item): [string, Entry][] => {
    const text = plainText(item);
    if (text === undefined) return [];
    if ("names" in form) return [[text, { at: item.at, value: form.names(item) }]];
    const mark = text.search(form.pairs);
    const key = mark < 0 ? text : text.slice(0, mark);
    const value = mark < 0 ? nullScalar(item.at) : textScalar(text.slice(mark + 1), item.at);
    return [[key, { at: item.at, value }]];
  });
  return { ...dict(tree.at, entries), ...common };
}
