import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar as YamlScalar,
  visit,
  type YAMLMap,
} from "yaml";
import type { Notes, Place, SourceFile } from "./note.ts";
import { type Dict, type Entry, nullScalar, type OverrideTag, type Tree } from "./tree.ts";

/** Values that a file may have once its aliases, or `extends`, are written out: more is a trap, not a project. */
export const maxValues = 100_000;
/** Deeper than any project, and an alias of what it stands in never ends. */
const maxDepth = 64;

const overrideTags: Record<string, OverrideTag> = { "!reset": "reset", "!override": "override" };

class TooMuch extends Error {}

/**
 * Reads a file's YAML: 1.2, where `yes` and `22:22` are texts, and with 1.1's merge keys, as docker compose does.
 * Undefined, with the faults noted, when it can't be read.
 */
export function parseTree(text: string, file: SourceFile, notes: Notes): Dict | undefined {
  const lines = new LineCounter();
  const place = (offset = 0): Place => ({ file, line: lines.linePos(offset).line || 1 });
  const document = parseDocument(text, {
    ...{ version: "1.2", lineCounter: lines, prettyErrors: false, logLevel: "silent" },
    // TreeMaker sees to it, and needn't compare each key with each other one.
    uniqueKeys: false,
    customTags: Object.keys(overrideTags).flatMap((tag) => [
      { tag, resolve: (text: string) => text },
      { tag, collection: "map" as const },
      { tag, collection: "seq" as const },
    ]),
  });
  for (const error of document.errors) {
    notes.add("error", place(error.pos[0]), "", firstLine(error.message));
  }
  if (document.errors.length > 0) return undefined;
  const root = document.contents as Node | null;
  if (root === null || (isScalar(root) && root.value === null)) {
    notes.add("error", place(), "", "The file is empty");
    return undefined;
  }
  try {
    const tree = new TreeMaker(place, notes, aliasesOf(document)).make(root, 0);
    if (tree.kind === "dict") return tree;
    notes.add("error", tree.at, "", "A compose file begins with keys, as services:");
  } catch (error) {
    if (!(error instanceof TooMuch)) throw error;
    notes.add("error", place(), "", error.message);
  }
  return undefined;
}

/** Which node each alias stands for: the last before it that has its name. In one pass, unlike Alias.resolve(). */
function aliasesOf(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const found = new Map<Alias, Node>();
  visit(document, (_key, node) => {
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (target) found.set(node, target);
    } else if (isNode(node) && node.anchor !== undefined) {
      anchors.set(node.anchor, node);
    }
  });
  return found;
}

const firstLine = (text: string): string => (text.split("\n")[0] ?? "").replace(/[.:]$/, "");

class TreeMaker {
  readonly #place: (offset?: number) => Place;
  readonly #notes: Notes;
  readonly #aliases: ReadonlyMap<Alias, Node>;
  #made = 0;

  constructor(place: (offset?: number) => Place, notes: Notes, aliases: ReadonlyMap<Alias, Node>) {
    this.#place = place;
    this.#notes = notes;
    this.#aliases = aliases;
  }

  make(node: Node | null, depth: number, fallback?: Place): Tree {
    this.#made += 1;
    if (this.#made > maxValues) throw new TooMuch("Its aliases stand for too much");
    if (depth > maxDepth) throw new TooMuch("It is nested too deep, or an alias stands in itself");
    const at = node?.range ? this.#place(node.range[0]) : (fallback ?? this.#place());
    if (node === null) return nullScalar(at);
    if (isAlias(node)) {
      const target = this.#aliases.get(node);
      if (target) return this.make(target, depth + 1);
      this.#notes.add("error", at, "", `There is no anchor &${node.source}`);
      return nullScalar(at);
    }
    const tag = node.tag === undefined ? undefined : overrideTags[node.tag];
    const common = { at, ...(tag === undefined ? {} : { tag }) };
    if (isMap(node)) return { ...this.#dict(node, at, depth), ...common };
    if (isSeq(node)) {
      const items = (node.items as (Node | null)[]).map((item) => this.make(item, depth + 1, at));
      return { kind: "list", items, ...common };
    }
    return { ...scalarOf(node), ...common };
  }

  #dict(map: YAMLMap, at: Place, depth: number): Dict {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const { key, value } of map.items as Pair<Node, Node | null>[]) {
      const keyAt = key.range ? this.#place(key.range[0]) : at;
      if (!isScalar(key)) {
        this.#notes.add("error", keyAt, "", "A key is a text");
        continue;
      }
      const made = this.make(value, depth + 1, keyAt);
      if (key.value !== "<<" || key.type !== "PLAIN") {
        const name = scalarOf(key).text;
        if (own.has(name)) this.#notes.add("error", keyAt, "", "Map keys must be unique");
        own.set(name, { at: keyAt, value: made });
        continue;
      }
      for (const source of made.kind === "list" ? made.items : [made]) {
        if (source.kind !== "dict") {
          this.#notes.add("error", keyAt, "", "<< takes keys from others: give an alias of some");
          continue;
        }
        // The first of several wins (https://yaml.org/type/merge.html).
        for (const [name, entry] of source.entries) {
          if (!merged.has(name)) merged.set(name, entry);
        }
      }
    }
    return { kind: "dict", at, entries: new Map([...merged, ...own]) };
  }
}

function scalarOf(node: YamlScalar): Omit<Extract<Tree, { kind: "scalar" }>, "at"> {
  const plain = node.type === "PLAIN" || node.type === undefined;
  const { value } = node;
  if (typeof value === "string") return { kind: "scalar", value, text: value, plain };
  if (value === null || value === undefined)
    return { kind: "scalar", value: null, text: "", plain };
  if (typeof value === "number" || typeof value === "boolean") {
    return { kind: "scalar", value, text: node.source ?? String(value), plain };
  }
  return { kind: "scalar", value: node.source ?? "", text: node.source ?? "", plain };
}
