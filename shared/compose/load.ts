import { AppError } from "../errors.ts";
import { parseEnvFile } from "./env-file.ts";
import { Field } from "./field.ts";
import { interpolate, type Lookup } from "./interpolate.ts";
import { mergeTrees } from "./merge.ts";
import type { Notes, Place, SourceFile } from "./note.ts";
import { maxValues, parseTree } from "./parse-tree.ts";
import { baseName, directoryOf, noDirectory, resolvePath } from "./paths.ts";
import { countValues, type Dict, dict, type Entry, isNull, mapScalars, type Tree } from "./tree.ts";

/** What a project is read from, as it was given. */
export interface ComposeSource {
  /** In place of the name that the file has. */
  name?: string | undefined;
  /** Where relative paths begin; absolute. Absent where the text was pasted: then nothing relative is meant. */
  directory?: string | undefined;
  /** The first is the project, each further one overrides it. */
  files: { name: string; text: string }[];
  /** A `.env` file's text. */
  env: string;
  profiles: string[];
}

/** What a project may need from outside of its texts. */
export interface Surroundings {
  /** Variables that hold over those of `.env`. */
  environment: Readonly<Record<string, string>>;
  /** A file's text by its absolute path; undefined when it is not there. Rejects when it can't be read. */
  read: (path: string) => Promise<string | undefined>;
}

export interface Loaded {
  root: Dict;
  lookup: Lookup;
  /** Of the first file. */
  place: Place;
}

/** `include` and `extends` that lead to more files than this lead nowhere. */
const maxFiles = 100;

/** One service extends another, that one a third, and so on: no further than this. */
const maxExtends = 20;

/** More services than this are a trap, not a project: they keep all else waiting while they are read. */
const maxServices = 1000;

/** Texts as one tree: variables put in, `extends` and `include` followed, overrides merged. */
export class Loader {
  readonly #notes: Notes;
  readonly #surroundings: Surroundings;
  #files = 0;

  constructor(notes: Notes, surroundings: Surroundings) {
    this.#notes = notes;
    this.#surroundings = surroundings;
  }

  async load(source: ComposeSource, environment: Surroundings["environment"]): Promise<Loaded> {
    const { directory, files } = source;
    const outer: Lookup = (name) => own(environment, name);
    const dotEnv = parseEnvFile(source.env, { name: ".env", directory }, outer, this.#notes);
    const lookup: Lookup = (name) => outer(name) ?? dotEnv.get(name);
    const texts = files.map(({ name, text }) => ({ file: { name, directory }, text }));
    const place = { file: texts[0]?.file ?? { name: "compose.yaml", directory }, line: 1 };
    const root = await this.#merge(texts, lookup, []);
    return { root: root && this.#fewServices(root) ? root : dict(place), lookup, place };
  }

  async #merge(
    texts: { file: SourceFile; text: string }[],
    lookup: Lookup,
    including: string[],
  ): Promise<Dict | undefined> {
    let merged: Dict | undefined;
    for (const { file, text } of texts) {
      const parsed = this.#parse(text, file, lookup);
      if (!parsed) continue;
      const extended = await new Extender(this.#notes, (path, at) =>
        this.#parsePath(path, at, lookup),
      ).extend(parsed);
      const whole = await this.#include(extended, lookup, including);
      merged = merged ? (mergeTrees(merged, whole) as Dict) : whole;
    }
    return merged;
  }

  #parse(text: string, file: SourceFile, lookup: Lookup): Dict | undefined {
    const tree = parseTree(text, file, this.#notes);
    if (!tree || !this.#fewServices(tree)) return undefined;
    return mapScalars(tree, this.#interpolator(lookup)) as Dict;
  }

  #fewServices(root: Dict): boolean {
    const services = root.entries.get("services")?.value;
    if (services?.kind !== "dict" || services.entries.size <= maxServices) return true;
    const message = `It has more than ${maxServices.toLocaleString("en")} services`;
    this.#notes.add("error", services.at, "services", message);
    return false;
  }

  #interpolator(lookup: Lookup): Parameters<typeof mapScalars>[1] {
    return (scalar, path) => {
      if (typeof scalar.value !== "string" || !scalar.text.includes("$")) return scalar;
      if (path === "name" || path.startsWith("x-")) return scalar;
      try {
        const { text, unset } = interpolate(scalar.text, lookup);
        for (const name of unset) {
          const message = `The variable ${name} is not set: it stands for nothing`;
          this.#notes.add("lost", scalar.at, path, message);
        }
        return { ...scalar, text, value: text };
      } catch (error) {
        this.#notes.add("error", scalar.at, path, AppError.from(error).message);
        return scalar;
      }
    };
  }

  /** Another file of the project; undefined, with a note, when it can't be had. */
  async #parsePath(path: string, at: Place, lookup: Lookup): Promise<Dict | undefined> {
    const text = await this.#require(path, at);
    return text === undefined
      ? undefined
      : this.#parse(text, { name: path, directory: directoryOf(path) }, lookup);
  }

  async #require(path: string, at: Place, path0 = ""): Promise<string | undefined> {
    this.#files += 1;
    if (this.#files > maxFiles) {
      this.#notes.add("error", at, path0, `It leads to more than ${maxFiles} files`);
      return undefined;
    }
    try {
      const text = await this.#surroundings.read(path);
      if (text === undefined) this.#notes.add("error", at, path0, `There is no file ${path}`);
      return text;
    } catch (error) {
      this.#notes.add("error", at, path0, AppError.from(error).message);
      return undefined;
    }
  }

  async #include(root: Dict, lookup: Lookup, including: string[]): Promise<Dict> {
    const field = new Field(root, "", this.#notes).get("include");
    if (!field) return root;
    let included = dict(root.at);
    for (const one of field.items()) {
      const tree = await this.#includeOne(one, lookup, including);
      if (tree) included = this.#join(included, tree);
    }
    const own = {
      ...root,
      entries: new Map([...root.entries].filter(([key]) => key !== "include")),
    };
    return this.#join(included, own);
  }

  async #includeOne(one: Field, lookup: Lookup, including: string[]): Promise<Dict | undefined> {
    const named = one.isDict ? one.get("path") : one;
    const paths = (named?.oneOrMore() ?? []).flatMap((field) => pathOf(field) ?? []);
    const [first] = paths;
    if (first === undefined) {
      if (one.isDict && !named) one.note("error", "It includes no path");
      return undefined;
    }
    if (including.includes(first)) {
      one.note("error", `${first} includes itself`);
      return undefined;
    }
    const given = one.isDict ? one.get("project_directory") : undefined;
    const directory = (given && pathOf(given)) ?? directoryOf(first);
    const inner = await this.#includedLookup(one, directory, lookup);
    const texts: { file: SourceFile; text: string }[] = [];
    for (const path of paths) {
      const text = await this.#require(path, one.at, one.path);
      if (text !== undefined) texts.push({ file: { name: path, directory }, text });
    }
    return this.#merge(texts, inner, [...including, first]);
  }

  /** The including project's variables hold over those of the included one's own `.env`. */
  async #includedLookup(one: Field, directory: string, lookup: Lookup): Promise<Lookup> {
    const named = one.isDict ? one.get("env_file") : undefined;
    const paths = named
      ? named.oneOrMore().flatMap((field) => pathOf(field) ?? [])
      : [resolvePath(directory, ".env")];
    const found = new Map<string, string>();
    for (const path of paths) {
      const text = named
        ? await this.#require(path, one.at, one.path)
        : await this.#surroundings.read(path);
      if (text === undefined) continue;
      const file = { name: path, directory };
      for (const [key, value] of parseEnvFile(text, file, lookup, this.#notes)) {
        found.set(key, value);
      }
    }
    return (name) => lookup(name) ?? found.get(name);
  }

  /** Nothing may be there twice, unless the including file overrides it (14-include.md). */
  #join(included: Dict, own: Dict): Dict {
    for (const section of ["services", "networks", "volumes", "configs", "secrets"]) {
      const before = included.entries.get(section)?.value;
      const after = own.entries.get(section)?.value;
      if (before?.kind !== "dict" || after?.kind !== "dict") continue;
      for (const [key, { at }] of after.entries) {
        const other = before.entries.get(key);
        // The same file, reached by two ways.
        if (!other || (other.at.file.name === at.file.name && other.at.line === at.line)) continue;
        const message = `${other.at.file.name} has one of that name already`;
        this.#notes.add("error", at, `${section}.${key}`, message);
      }
    }
    return mergeTrees(included, own) as Dict;
  }
}

const own = (values: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

/** A path of a file, as seen from the file that it stands in; noted where it can't be known. */
export function pathOf(field: Field): string | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const { directory } = field.tree.at.file;
  if (text.startsWith("/")) return resolvePath("/", text);
  if (directory !== undefined) return resolvePath(directory, text);
  field.note("error", noDirectory(text));
  return undefined;
}

/** Follows `extends` within one file and to others. */
class Extender {
  readonly #notes: Notes;
  readonly #parse: (path: string, at: Place) => Promise<Dict | undefined>;
  #values = 0;

  constructor(notes: Notes, parse: (path: string, at: Place) => Promise<Dict | undefined>) {
    this.#notes = notes;
    this.#parse = parse;
  }

  async extend(root: Dict): Promise<Dict> {
    const services = root.entries.get("services");
    if (services?.value.kind !== "dict") return root;
    const entries = new Map<string, Entry>();
    for (const [name, { at }] of services.value.entries) {
      const value = await this.#service(root, name, []);
      entries.set(name, { at, value: value ?? dict(at) });
    }
    const value = { ...services.value, entries };
    return { ...root, entries: new Map([...root.entries, ["services", { ...services, value }]]) };
  }

  async #service(root: Dict, name: string, from: string[]): Promise<Tree | undefined> {
    const services = root.entries.get("services")?.value;
    const own = services?.kind === "dict" ? services.entries.get(name)?.value : undefined;
    if (own?.kind !== "dict") return own;
    const path = `services.${name}.extends`;
    const written = own.entries.get("extends");
    if (!written || isNull(written.value)) return own;
    const field = new Field(written.value, path, this.#notes, written.at);
    const rest: Dict = {
      ...own,
      entries: new Map([...own.entries].filter(([key]) => key !== "extends")),
    };
    const target = (field.isDict ? field.get("service") : field)?.text();
    const elsewhere = field.isDict ? field.get("file") : undefined;
    const file = elsewhere && pathOf(elsewhere);
    if (target === undefined || (elsewhere && file === undefined)) {
      if (field.isDict && !field.get("service")) field.note("error", "It extends no service");
      return rest;
    }
    const key = `${file ?? root.at.file.name}#${target}`;
    if (from.includes(key) || key === `${root.at.file.name}#${name}`) {
      field.note("error", `“${target}” extends itself`);
      return rest;
    }
    if (from.length >= maxExtends) {
      field.note("error", `More than ${maxExtends} services extend each other`);
      return rest;
    }
    const there = file === undefined ? root : await this.#parse(file, field.at);
    const base = there && (await this.#service(there, target, [...from, key]));
    if (!base) {
      if (there)
        field.note("error", `There is no service “${target}” in ${baseName(there.at.file.name)}`);
      return rest;
    }
    this.#values += countValues(base);
    if (this.#values > maxValues) {
      field.note("error", "What its services extend stands for too much");
      return rest;
    }
    // Under the name of the one that extends, so that the merge knows what it merges.
    return mergeTrees(base, rest, `services.${name.replaceAll(".", "-")}`);
  }
}
